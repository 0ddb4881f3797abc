package redact

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"
	"unicode/utf8"
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
	if _, err := d.Token(); err != io.EOF { //nolint:errorlint // the decoder's own, unwrapped
		return nil, false
	}
	return doc, true
}

// Opened returns two values of a column as they are compared. What is a text to the
// database and JSON by its content is read as JSON where something in it may not be seen,
// so that the rest can.
func (p *Plan) Opened(column string, before, after any) (any, any) {
	if !MayBeDocument(before) && !MayBeDocument(after) {
		return before, after
	}
	m := p.member(column)
	if m.rule.protects() {
		return before, after
	}
	was, wasOne := document(before)
	is, isOne := document(after)
	w := walker{}
	if !(wasOne && w.hidesIn(m.shape, was) || isOne && w.hidesIn(m.shape, is)) {
		return before, after
	}
	if wasOne {
		before = was
	}
	if isOne {
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
