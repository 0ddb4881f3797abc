package values

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// KeyText returns a canonical value as text: "" for nil, numbers in decimal,
// times in RFC 3339 with nanoseconds, bytes in lower-case hexadecimal, documents
// as compact JSON with sorted keys.
func KeyText(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case int64:
		return strconv.FormatInt(x, 10)
	case uint64:
		return strconv.FormatUint(x, 10)
	case bool:
		return strconv.FormatBool(x)
	case float64:
		if n, ok := parseNumber(strconv.FormatFloat(x, 'e', -1, 64)); ok && math.Abs(x) < 1e21 {
			return n.String()
		}
		return strconv.FormatFloat(x, 'g', -1, 64)
	case []byte:
		return hex.EncodeToString(x)
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	case json.Number:
		return string(x)
	}
	if b, err := compact(v); err == nil {
		return b
	}
	return fmt.Sprint(v)
}

// RecordID returns the text that identifies a row: nothing for a row without a
// key, the text of a single key, a JSON array of texts for several.
func RecordID(vals []any) string {
	switch len(vals) {
	case 0:
		return ""
	case 1:
		return KeyText(vals[0])
	}
	texts := make([]string, len(vals))
	for i, v := range vals {
		texts[i] = KeyText(v)
	}
	s, err := compact(texts)
	if err != nil {
		return strings.Join(texts, ",")
	}
	return s
}

// compact encodes without HTML escapes, which would change the text of a key.
func compact(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("auditplugin: encoding a value: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
