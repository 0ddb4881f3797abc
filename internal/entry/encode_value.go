package entry

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gorm-audit/auditplugin/internal/fault"
)

const (
	// maxDepth is how many containers may be nested in a JSON column. MariaDB's
	// JSON_VALID, and with it the column's CHECK, refuses more than 31.
	maxDepth = 24
	// maxTextDepth bounds the text that stands for what is nested deeper.
	maxTextDepth = 500
	// maxNumber is the longest number kept as one, in characters.
	maxNumber = 400
)

// Encoder writes JSON. The zero Encoder is ready to use, by one goroutine at a
// time. It appends to buf. It never fails: what cannot be written as JSON is
// written as a string. Once buf has grown past limit it sets full and writes no
// more, and what is in buf must be thrown away.
type Encoder struct {
	buf   []byte
	limit int
	full  bool
	depth int
	// text is set while writing the text of a document nested too deep.
	text bool
	// path holds the containers being written, to notice one inside itself.
	path []uintptr
}

func (e *Encoder) value(v any) {
	if e.full || len(e.buf) > e.limit {
		e.full = true
		return
	}
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, "null"...)
	case string:
		e.string(v)
	case bool:
		e.buf = strconv.AppendBool(e.buf, v)
	case int64:
		e.buf = strconv.AppendInt(e.buf, v, 10)
	case uint64:
		e.buf = strconv.AppendUint(e.buf, v, 10)
	case int:
		e.buf = strconv.AppendInt(e.buf, int64(v), 10)
	case float64:
		e.float(v, 64)
	case float32:
		e.float(float64(v), 32)
	case time.Time:
		e.time(v)
	case []byte:
		e.bytes(v)
	case json.Number:
		e.number(string(v))
	case map[string]any:
		e.object(v)
	case []any:
		e.list(v)
	case []string:
		e.strings(v)
	default:
		e.other(v)
	}
}

func (e *Encoder) time(t time.Time) {
	e.buf = append(e.buf, '"')
	e.buf = t.UTC().AppendFormat(e.buf, time.RFC3339Nano)
	e.buf = append(e.buf, '"')
}

func (e *Encoder) bytes(b []byte) {
	if b == nil {
		e.buf = append(e.buf, "null"...)
		return
	}
	if len(e.buf)+base64.StdEncoding.EncodedLen(len(b)) > e.limit {
		e.full = true
		return
	}
	e.buf = append(e.buf, '"')
	e.buf = base64.StdEncoding.AppendEncode(e.buf, b)
	e.buf = append(e.buf, '"')
}

func (e *Encoder) float(f float64, bits int) {
	switch {
	case math.IsNaN(f):
		e.buf = append(e.buf, `"NaN"`...)
	case math.IsInf(f, 1):
		e.buf = append(e.buf, `"+Inf"`...)
	case math.IsInf(f, -1):
		e.buf = append(e.buf, `"-Inf"`...)
	default:
		format := byte('f')
		if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
			format = 'e'
		}
		e.buf = strconv.AppendFloat(e.buf, f, format, -1, bits)
	}
}

// number writes the digits as they are, or as a string where they are no JSON
// number or one that a database could not hold.
func (e *Encoder) number(s string) {
	if len(s) <= maxNumber && json.Valid([]byte(s)) && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') {
		f, err := strconv.ParseFloat(s, 64)
		if err == nil && (f != 0 || !hasExponent(s)) {
			e.buf = append(e.buf, s...)
			return
		}
	}
	e.string(s)
}

func hasExponent(s string) bool {
	for i := range len(s) {
		if s[i] == 'e' || s[i] == 'E' {
			return true
		}
	}
	return false
}

// enter notes a container at p. It reports false, having written something in
// the container's place, if there is one too many around it or it is its own.
func (e *Encoder) enter(p uintptr, v any) bool {
	for _, outer := range e.path {
		if outer == p {
			e.string("<cycle>")
			return false
		}
	}
	if e.depth >= maxDepth && !e.text {
		inner := Encoder{limit: e.limit - len(e.buf), text: true, path: e.path}
		inner.value(v)
		if inner.full {
			e.full = true
			return false
		}
		e.string(string(inner.buf))
		return false
	}
	if e.depth >= maxTextDepth {
		e.string("<nested too deep>")
		return false
	}
	e.depth++
	e.path = append(e.path, p)
	return true
}

func (e *Encoder) leave() {
	e.depth--
	e.path = e.path[:len(e.path)-1]
}

func (e *Encoder) object(m map[string]any) {
	if m == nil {
		e.buf = append(e.buf, "null"...)
		return
	}
	if !e.enter(reflect.ValueOf(m).Pointer(), m) {
		return
	}
	defer e.leave()
	e.buf = append(e.buf, '{')
	for i, k := range sortedKeys(m) {
		if e.full {
			return
		}
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.key(k)
		e.buf = append(e.buf, ':')
		e.value(m[k])
	}
	e.buf = append(e.buf, '}')
}

// key writes a key.
func (e *Encoder) key(k string) { e.string(keyText(k)) }

// keyText is a key as it is written. Two that differ only in what Repair replaces
// stay two: a database would keep one of two equal keys.
func keyText(k string) string {
	if repaired := Repair(k); repaired != k {
		sum := sha256.Sum256([]byte(k))
		return repaired + "#" + hex.EncodeToString(sum[:4])
	}
	return k
}

func (e *Encoder) list(s []any) {
	if s == nil {
		e.buf = append(e.buf, "null"...)
		return
	}
	if len(s) == 0 {
		e.buf = append(e.buf, "[]"...)
		return
	}
	if !e.enter(reflect.ValueOf(s).Pointer(), s) {
		return
	}
	defer e.leave()
	e.buf = append(e.buf, '[')
	for i, v := range s {
		if e.full {
			return
		}
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.value(v)
	}
	e.buf = append(e.buf, ']')
}

func (e *Encoder) strings(s []string) {
	e.buf = append(e.buf, '[')
	for i, v := range s {
		if e.full {
			return
		}
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.string(v)
	}
	e.buf = append(e.buf, ']')
}

// other writes a value of a type that only metadata, or a hand-made record, can
// hold. Its JSON is read back and written again, since a MarshalJSON method may
// return what a database refuses.
func (e *Encoder) other(v any) {
	var out []byte
	err := fault.Guard(func() (err error) {
		if failure, ok := v.(error); ok {
			if _, ok := v.(json.Marshaler); !ok {
				v = failure.Error()
			}
		}
		out, err = json.Marshal(v)
		return err
	})
	if err != nil {
		e.string(fmt.Sprintf("<%T without a JSON form>", v))
		return
	}
	if len(e.buf)+len(out) > e.limit {
		e.full = true
		return
	}
	var document any
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	if err := d.Decode(&document); err != nil {
		e.string(fmt.Sprintf("<%T without a JSON form>", v))
		return
	}
	e.value(document)
}

func (e *Encoder) string(s string) {
	if len(e.buf)+len(s) > e.limit {
		e.full = true
		return
	}
	const hexDigits = "0123456789abcdef"
	e.buf = append(e.buf, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		size := 1
		var escaped string
		switch {
		case c == 0:
			escaped = "\uFFFD"
		case c == '"':
			escaped = `\"`
		case c == '\\':
			escaped = `\\`
		case c == '\n':
			escaped = `\n`
		case c == '\r':
			escaped = `\r`
		case c == '\t':
			escaped = `\t`
		case c < ' ':
			escaped = string([]byte{'\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf]})
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				escaped = "\uFFFD"
			case r == '\u2028':
				escaped = `\u2028`
			case r == '\u2029':
				escaped = `\u2029`
			default:
				i += size
				continue
			}
		}
		e.buf = append(e.buf, s[start:i]...)
		e.buf = append(e.buf, escaped...)
		i += size
		start = i
	}
	e.buf = append(e.buf, s[start:]...)
	e.buf = append(e.buf, '"')
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
