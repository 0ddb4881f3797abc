package ecslog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonEncoder is a json.Encoder that can be used again.
type jsonEncoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

func newJSONEncoder() *jsonEncoder {
	j := &jsonEncoder{}
	j.enc = json.NewEncoder(&j.buf)
	j.enc.SetEscapeHTML(false)
	return j
}

// marshal appends v by encoding/json, or a text that says why it can not.
func (l *line) marshal(v any) {
	j := l.c.encoders.Get().(*jsonEncoder)
	defer func() {
		if j.buf.Cap() <= maxPooled {
			j.buf.Reset()
			l.c.encoders.Put(j)
		}
	}()
	data, err := encodeJSON(j, v)
	if err != nil {
		l.text("!ecslog: " + errorText(err))
		return
	}
	l.buf = append(l.buf, data...)
}

// encodeJSON returns v as one line of valid JSON in valid UTF-8 whose objects have
// no key twice. The result is valid until j is used again.
func encodeJSON(j *jsonEncoder, v any) (data []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			// The panic's value is not quoted: it may hold what the type hides.
			err = fmt.Errorf("%T panicked while it was encoded", v)
		}
	}()
	if err := j.enc.Encode(v); err != nil {
		j.buf.Reset()
		return nil, fmt.Errorf("%s can not be encoded: %w", typeName(v), err)
	}
	data = bytes.TrimSuffix(j.buf.Bytes(), []byte{'\n'})
	// A json.RawMessage passes its strings on unchecked.
	if !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\ufffd"))
	}
	if bytes.IndexByte(data, '{') >= 0 && repeatsKey(data) {
		if data, err = withoutRepeats(data); err != nil {
			return nil, err
		}
	}
	return withoutHuge(data), nil
}

// withoutHuge puts quotes around the numbers in data, which is valid JSON, that no float64
// can hold: json.Number("1e999"), or what a MarshalJSON method returned. A number that
// is short and has no exponent is none of them.
func withoutHuge(data []byte) []byte {
	var out []byte
	kept := 0
	for i := 0; i < len(data); i++ {
		c := data[i]
		if c == '"' {
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
			continue
		}
		if c != '-' && (c < '0' || c > '9') {
			continue
		}
		start := i
		for i < len(data) && bytes.IndexByte([]byte("+-.eE0123456789"), data[i]) >= 0 {
			i++
		}
		number := data[start:i]
		i--
		if len(number) <= maxPlainNumber && bytes.IndexByte(number, 'e') < 0 && bytes.IndexByte(number, 'E') < 0 {
			continue
		}
		if _, err := strconv.ParseFloat(string(number), 64); err == nil {
			continue
		}
		out = append(out, data[kept:start]...)
		out = append(append(append(out, '"'), number...), '"')
		kept = i + 1
	}
	if out == nil {
		return data
	}
	return append(out, data[kept:]...)
}

// maxPlainNumber is a length at which every number without an exponent is a float64.
const maxPlainNumber = 300

// repeatsKey reports whether an object in data, which is valid JSON, has a key
// twice. encoding/json does not look at what MarshalJSON methods return.
func repeatsKey(data []byte) bool {
	type open struct {
		object bool
		keys   map[string]struct{}
		few    [8][]byte
		n      int
	}
	var shallow [4]open
	stack := shallow[:0]
	wantKey := false
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{':
			stack, wantKey = append(stack, open{object: true}), true
		case '[':
			stack, wantKey = append(stack, open{}), false
		case '}', ']':
			stack, wantKey = stack[:len(stack)-1], false
		case ',':
			wantKey = stack[len(stack)-1].object
		case '"':
			end := i + 1
			escaped := false
			for data[end] != '"' {
				if data[end] == '\\' {
					escaped = true
					end++
				}
				end++
			}
			if wantKey {
				key := data[i+1 : end]
				if escaped {
					var s string
					if json.Unmarshal(data[i:end+1], &s) != nil {
						return true
					}
					key = []byte(s)
				}
				o := &stack[len(stack)-1]
				for _, k := range o.few[:min(o.n, len(o.few))] {
					if bytes.Equal(k, key) {
						return true
					}
				}
				if o.n < len(o.few) {
					o.few[o.n] = key
				} else {
					if _, ok := o.keys[string(key)]; ok {
						return true
					}
					if o.keys == nil {
						o.keys = make(map[string]struct{})
					}
					o.keys[string(key)] = struct{}{}
				}
				o.n++
				wantKey = false
			}
			i = end
		}
	}
	return false
}

// withoutRepeats decodes and encodes data, which leaves the last of equal keys.
func withoutRepeats(data []byte) ([]byte, error) {
	v, err := decodeJSON(data)
	if err != nil {
		return nil, err
	}
	j := newJSONEncoder()
	if err := j.enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(j.buf.Bytes(), []byte{'\n'}), nil
}

// decodeJSON decodes data with its numbers kept as they are written.
func decodeJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// errorText returns err.Error(), also where that panics.
func errorText(err error) (s string) {
	defer func() {
		if r := recover(); r != nil {
			if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
				s = "<nil>"
				return
			}
			s = "!ecslog: " + typeName(err) + ".Error panicked"
		}
	}()
	return err.Error()
}

// stackText returns the stack that err prints with %+v, as the packages that
// record one do, or "".
func stackText(err error, message string) (s string) {
	f, ok := err.(fmt.Formatter)
	if !ok {
		return ""
	}
	s = fmt.Sprintf("%+v", f)
	if s == message || !strings.Contains(s, "\n") {
		return ""
	}
	return s
}

func typeName(v any) string {
	if v == nil {
		return "nil"
	}
	return reflect.TypeOf(v).String()
}
