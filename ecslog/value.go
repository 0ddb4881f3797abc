package ecslog

import (
	"encoding/json"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	// maxDepth is how deep groups and untyped maps and slices may nest;
	// Elasticsearch itself stops at 20.
	maxDepth = 32
	// maxNodes is how many attributes and elements one line may hold, which keeps a
	// LogValue method that returns itself in a group from never ending.
	maxNodes = 32 << 10
)

const (
	tooDeep  = "!ecslog: nested too deeply"
	tooLarge = "!ecslog: too many elements"
)

// value appends a value that is not a group.
func (l *line) value(v slog.Value) {
	switch v.Kind() {
	case slog.KindString:
		l.text(v.String())
	case slog.KindInt64:
		l.buf = strconv.AppendInt(l.buf, v.Int64(), 10)
	case slog.KindUint64:
		l.buf = strconv.AppendUint(l.buf, v.Uint64(), 10)
	case slog.KindFloat64:
		l.buf = appendFloat(l.buf, v.Float64(), 64)
	case slog.KindBool:
		l.buf = strconv.AppendBool(l.buf, v.Bool())
	case slog.KindDuration:
		l.buf = strconv.AppendInt(l.buf, int64(v.Duration()), 10)
	case slog.KindTime:
		l.time(v.Time())
	default:
		mark := len(l.buf)
		l.any(v.Any(), 0)
		if l.c.maxValue >= 0 && len(l.buf)-mark > l.c.maxValue && l.buf[mark] != '"' {
			s := string(l.buf[mark:])
			l.buf = l.buf[:mark]
			l.text(s)
		}
	}
}

func (l *line) text(s string) {
	l.buf = appendString(l.buf, cut(s, l.c.maxValue))
}

func (l *line) time(t time.Time) {
	if !inRange(t) {
		l.text(t.String())
		return
	}
	l.buf = append(l.buf, '"')
	l.buf = t.AppendFormat(l.buf, time.RFC3339Nano)
	l.buf = append(l.buf, '"')
}

// any appends a value of any type. The types that applications log most are
// written directly; the rest goes through encoding/json.
func (l *line) any(v any, depth int) {
	l.nodes--
	if depth > maxDepth {
		l.text(tooDeep)
		return
	}
	if l.nodes < 0 {
		l.text(tooLarge)
		return
	}
	switch x := v.(type) {
	case nil:
		l.buf = append(l.buf, "null"...)
	case string:
		l.text(x)
	case bool:
		l.buf = strconv.AppendBool(l.buf, x)
	case int:
		l.buf = strconv.AppendInt(l.buf, int64(x), 10)
	case int64:
		l.buf = strconv.AppendInt(l.buf, x, 10)
	case uint64:
		l.buf = strconv.AppendUint(l.buf, x, 10)
	case float64:
		l.buf = appendFloat(l.buf, x, 64)
	case float32:
		l.buf = appendFloat(l.buf, float64(x), 32)
	case json.Number:
		l.number(string(x))
	case time.Time:
		l.time(x)
	case time.Duration:
		l.buf = strconv.AppendInt(l.buf, int64(x), 10)
	case slog.Value:
		l.nested(x, depth)
	case map[string]any:
		l.object(x, depth)
	case []any:
		l.array(x, depth)
	case []string:
		if x == nil {
			l.buf = append(l.buf, "null"...)
			return
		}
		l.buf = append(l.buf, '[')
		for i, s := range x {
			if i > 0 {
				l.buf = append(l.buf, ',')
			}
			l.text(s)
		}
		l.buf = append(l.buf, ']')
	case slog.LogValuer:
		l.nested(slog.AnyValue(x), depth)
	case json.Marshaler:
		l.marshal(v)
	case error:
		l.text(errorText(x))
	default:
		l.marshal(v)
	}
}

// number appends the text of a number, or, where that is none that a float64 can hold, a
// string: Elasticsearch refuses the whole line for such a number.
func (l *line) number(text string) {
	if text == "" { // as encoding/json has it
		text = "0"
	}
	if !json.Valid([]byte(text)) || !isNumber(text) {
		l.text(text)
		return
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		l.text(text)
		return
	}
	l.buf = append(l.buf, text...)
}

func isNumber(text string) bool {
	return text != "" && (text[0] == '-' || text[0] >= '0' && text[0] <= '9')
}

// nested appends a slog value that sits inside a map or slice.
func (l *line) nested(v slog.Value, depth int) {
	v = v.Resolve()
	if v.Kind() != slog.KindGroup {
		l.any(v.Any(), depth+1)
		return
	}
	m := make(map[string]any, len(v.Group()))
	for _, a := range v.Group() {
		m[a.Key] = a.Value
	}
	l.object(m, depth)
}

func (l *line) object(m map[string]any, depth int) {
	if m == nil {
		l.buf = append(l.buf, "null"...)
		return
	}
	var scratch [16]string
	keys := scratch[:0]
	valid := true
	for k := range m {
		valid = valid && k != "" && utf8.ValidString(k)
		keys = append(keys, k)
	}
	slices.Sort(keys)
	l.buf = append(l.buf, '{')
	var written map[string]bool
	first := true
	for _, k := range keys {
		name := k
		if !valid {
			// Two invalid keys can become one and the same; the first is kept.
			if name = flatName(k); written[name] {
				continue
			}
			if written == nil {
				written = make(map[string]bool, len(m))
			}
			written[name] = true
		}
		if !first {
			l.buf = append(l.buf, ',')
		}
		first = false
		l.buf = appendString(l.buf, name)
		l.buf = append(l.buf, ':')
		l.any(m[k], depth+1)
		if l.nodes < 0 {
			break
		}
	}
	l.buf = append(l.buf, '}')
}

func (l *line) array(a []any, depth int) {
	if a == nil {
		l.buf = append(l.buf, "null"...)
		return
	}
	l.buf = append(l.buf, '[')
	for i, v := range a {
		if i > 0 {
			l.buf = append(l.buf, ',')
		}
		l.any(v, depth+1)
		if l.nodes < 0 {
			break
		}
	}
	l.buf = append(l.buf, ']')
}

// appendFloat appends f as encoding/json does; what JSON has no number for
// becomes a string.
func appendFloat(buf []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		buf = append(buf, '"')
		buf = strconv.AppendFloat(buf, f, 'g', -1, bits)
		return append(buf, '"')
	}
	abs := math.Abs(f)
	format := byte('f')
	if abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(buf, f, format, -1, bits)
}
