package values

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"
)

// isText reports whether a record could hold b as a text, unchanged.
func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }

// inBase64 is the key under which a record holds the bytes that are in a column of texts.
const inBase64 = "base64"

// Recordable returns what a record holds of a canonical value: itself, except that bytes in a
// column of texts, where base64 alone would be taken for a text, say that they are some:
//
//	{"base64": "/4AAAQ=="}
func (r Rule) Recordable(v any) any {
	if b, ok := v.([]byte); ok && r.kind == kindText {
		return map[string]any{inBase64: base64.StdEncoding.EncodeToString(b)}
	}
	return v
}

// recordedBytes reads them back.
func recordedBytes(doc any) ([]byte, bool) {
	m, ok := doc.(map[string]any)
	if !ok || len(m) != 1 {
		return nil, false
	}
	s, ok := m[inBase64].(string)
	if !ok {
		return nil, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && !isText(b)
}

// MayBeBytes reports whether a text that a record holds may as well stand for bytes: the
// column, of texts, has bytes now, and the text reads as base64 of more of them.
func MayBeBytes(recorded, now any) bool {
	s, ok := recorded.(string)
	if _, isBytes := now.([]byte); !isBytes || !ok {
		return false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil && !isText(b)
}
