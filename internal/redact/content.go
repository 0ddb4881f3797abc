package redact

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// MayBeDocument reports whether a text or bytes may be JSON with keys in it. It is cheap.
func MayBeDocument(v any) bool {
	switch x := v.(type) {
	case string:
		s := strings.TrimLeft(x, " \t\r\n")
		return s != "" && (s[0] == '{' || s[0] == '[')
	case []byte:
		b := bytes.TrimLeft(x, " \t\r\n")
		return len(b) > 0 && (b[0] == '{' || b[0] == '[')
	}
	return false
}

// document reads a text or bytes that are one JSON object or array.
func document(v any) (any, bool) {
	if !MayBeDocument(v) {
		return nil, false
	}
	var text []byte
	switch x := v.(type) {
	case string:
		text = []byte(x)
	case []byte:
		text = x
	}
	if !utf8.Valid(text) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if d.Decode(&doc) != nil {
		return nil, false
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, false
	}
	return doc, true
}

// opened reads a text or bytes as the document that they are by the column's type (of which
// the model knows), or by their content: bytes that are JSON, which say nothing to people
// otherwise, and texts that are JSON of which something may not be seen. Other texts are
// shown as they are stored.
func (w walker) opened(s *shape, v any) (any, bool) {
	doc, ok := document(v)
	if !ok {
		return nil, false
	}
	_, isMap := doc.(map[string]any)
	_, isBytes := v.([]byte)
	switch s.kind {
	case object, dict:
		ok = isMap
	case list:
		ok = !isMap // {} may be an array of PostgreSQL
	default:
		ok = isBytes
	}
	return doc, ok || w.hidesIn(s, doc)
}

// Opened returns two values of a column as they are compared: what is JSON by its type or its
// content as documents, unless these say the same though the values differ.
func (p *Plan) Opened(column string, before, after any) (any, any) {
	if !MayBeDocument(before) && !MayBeDocument(after) {
		return before, after
	}
	m := p.member(column)
	if m.rule.protects() {
		return before, after
	}
	var w walker
	was, wasOne := w.opened(m.shape, before)
	is, isOne := w.opened(m.shape, after)
	if !wasOne && !isOne || wasOne && isOne && values.Equal(was, is) {
		return before, after
	}
	// One may hide something that the other does not have.
	if was, ok := document(before); ok {
		before = was
	}
	if is, ok := document(after); ok {
		after = is
	}
	return before, after
}

// hidesIn reports whether a document has something that is not shown, or not recorded.
func (w walker) hidesIn(s *shape, doc any) bool {
	if s.kind != untyped && s.guarded {
		return true
	}
	return !s.open && hasSecretKey(doc)
}

// hasSecretKey reports whether a value that may hold a secret has a secret's name.
func hasSecretKey(doc any) bool {
	switch x := doc.(type) {
	case map[string]any:
		for k, e := range x {
			switch e.(type) {
			case nil, bool, time.Time:
				continue
			}
			if SecretName(k) || hasSecretKey(e) {
				return true
			}
		}
	case []any:
		for _, e := range x {
			if hasSecretKey(e) {
				return true
			}
		}
	}
	return false
}

// Pseudonym is what stands for a row's key where the column may not be seen: the same for
// the same key, of which it tells nothing to those who lack the hash key. Without a hash key
// it is what [Plan.Column] shows.
func (p *Plan) Pseudonym(table, column string, v any) any {
	shown := p.Column(table, column, v)
	if shown != Mask && !isTail(shown, v) || len(p.config.HashKey) == 0 {
		return shown
	}
	return hashed(p.config, table, []string{column}, v)
}

// isTail reports whether what is shown is a mask with the value's last characters.
func isTail(shown, v any) bool {
	s, ok := shown.(string)
	return ok && strings.HasPrefix(s, Mask) && s != v
}

// ByName reports whether it is the column's name, and no tag, that keeps it from being shown.
func (p *Plan) ByName(column string) bool { return p.member(column).rule.op == opNamed }

// Undecided reports whether neither a tag nor the column's name says whether it is shown,
// so that the name of a row in a table of settings may.
func (p *Plan) Undecided(column string) bool {
	m := p.member(column)
	return m.rule.op == opNone && !m.shape.open
}

// Named is what is seen of a value whose name says that it is a secret.
func Named(v any) any {
	if v == nil {
		return nil
	}
	return walker{}.shown(rule{op: opNamed}, nil, v)
}

// Hashed reports whether the column is tagged audit:"hash".
func (p *Plan) Hashed(column string) bool { return p.member(column).rule.op == opHash }

// HasHashKey reports whether there is a key to hash with.
func (p *Plan) HasHashKey() bool { return len(p.config.HashKey) > 0 }
