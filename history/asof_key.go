package history

import (
	"context"
	"encoding/json"
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
