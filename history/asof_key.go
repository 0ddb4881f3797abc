package history

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// isCut recognises a record id that was too long for its column: a hash stands for its end.
func isCut(recordID string) bool {
	at := strings.LastIndex(recordID, "…#")
	return at >= 0 && utf8.RuneCountInString(recordID) == entry.TextLimit &&
		strings.Trim(recordID[at+len("…#"):], "0123456789abcdef") == ""
}

// keyTexts takes a record id apart; nil where it was cut for its length.
func (t *rowTable) keyTexts(recordID string) []string {
	if isCut(recordID) {
		return nil
	}
	if len(t.key) == 1 {
		return []string{recordID}
	}
	var texts []string
	if json.Unmarshal([]byte(recordID), &texts) != nil || len(texts) != len(t.key) {
		return nil
	}
	return texts
}

// recordIDOf puts one together.
func recordIDOf(texts []string) string {
	vals := make([]any, len(texts))
	for i, s := range texts {
		vals[i] = s
	}
	return emitter.StoredText("record_id", values.RecordID(vals))
}

// wholeKey is the key of a row whose record id was cut, from a record that has all of it;
// nil where none has.
func (t *rowTable) wholeKey(ctx context.Context, recordID string) ([]any, error) {
	if !isCut(recordID) {
		return nil, nil
	}
	for r, err := range t.q.ofRow(t.name, recordID).rows().Action(audit.Create, audit.Delete, audit.Event).Newest().All(ctx) {
		if err != nil {
			return nil, err
		}
		whole := r.After
		if r.Action == audit.Delete {
			whole = r.Before
		}
		if key := t.recordedKey(whole); key != nil {
			return key, nil
		}
	}
	arrival, err := t.arrival(ctx, rowID{recordID: recordID}, t.q)
	if err != nil || arrival == nil {
		return nil, err
	}
	return t.recordedKey(arrival.After), nil
}

// movedTo returns the record id and key that a row has after an update, which
// differ from those before when the update changed the key.
func (t *rowTable) movedTo(id rowID, r *audit.Record) (rowID, bool) {
	texts := t.keyTexts(id.recordID)
	moved := false
	if texts == nil { // it was cut: only a record that has the whole key tells
		if key := t.recordedKey(r.After); key != nil {
			return rowID{emitter.StoredText("record_id", values.RecordID(key)), key}, true
		}
	}
	key := append([]any(nil), id.key...)
	for n, k := range t.key {
		v, ok := r.After[t.columns[k].name]
		if !ok || texts == nil {
			continue
		}
		moved = true
		value, _ := t.columns[k].rule.Recorded(v)
		if texts[n] = values.KeyText(value); isHash(v) {
			texts[n], _ = v.(string)
		}
		if len(key) == len(t.key) {
			key[n] = value
			if hides(v, t.columns[k].secret) {
				key = nil // only its hash is known
			}
		}
	}
	if !moved {
		return id, false
	}
	return rowID{recordIDOf(texts), key}, true
}

// emptyKey is what an empty part of a record id stands for, where it may be NULL: NULL, or,
// in a model that knows no NULL, a text without letters.
func (c *rowColumn) emptyKey() (value any, ok bool) {
	switch {
	case !c.rule.IsText() && !c.rule.IsBinary():
		return nil, true
	case c.field != nil && c.field.FieldType.Kind() == reflect.String:
		return "", true
	}
	return nil, false
}

// keyOfID reads a key back from a record id; nil where it does not tell.
func (t *rowTable) keyOfID(recordID string) []any {
	texts := t.keyTexts(recordID)
	if texts == nil {
		return nil
	}
	key := make([]any, len(texts))
	for n, text := range texts {
		if hides(text, t.columns[t.key[n]].secret) {
			return nil
		}
		c := &t.columns[t.key[n]]
		v, ok := c.rule.FromKeyText(text)
		if text == "" && !c.notNull {
			v, ok = c.emptyKey()
		}
		if !ok {
			return nil
		}
		key[n] = v
	}
	return key
}
