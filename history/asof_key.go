package history

import (
	"encoding/json"

	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// keyTexts takes a record id apart; nil where it was cut for its length.
func (t *rowTable) keyTexts(recordID string) []string {
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
