package history

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// told finds the records of raw SQL whose rows have records of their own, by companion
// triggers, which are undone in their place.
func (v *reverter) told(ctx context.Context, records []audit.Record) (map[string]bool, error) {
	rows := map[string]int64{} // by cause and table
	for i := range records {
		if r := &records[i]; r.Action != audit.Raw && byTrigger(r.Metadata) {
			rows[r.Cause+" "+r.Table]++
		}
	}
	told := map[string]bool{}
	for i := range records {
		r := &records[i]
		said, ok := r.Metadata["rows"].(json.Number)
		if n := rows[r.ID+" "+r.Table]; r.Action != audit.Raw || !ok || n == 0 {
			continue
		} else if most, err := said.Int64(); err != nil || most > n {
			continue // some have none
		}
		t, err := v.table(ctx, r.Table)
		if err != nil {
			return nil, err
		}
		told[r.ID] = !t.unseen(r.Message)
	}
	return told, nil
}

// unseen reports whether a statement may have changed rows of which no trigger knew: by
// foreign keys, where those set none off, or because they made way.
func (t *rowTable) unseen(statement string) bool {
	return t.facts.KeysFireNothing && len(t.tbl.Incoming) > 0 ||
		t.facts.ReplacesInSilence && strings.Contains(strings.ToUpper(statement), "REPLACE")
}

// revertible refuses what does not say what to undo.
func revertible(r audit.Record) error {
	_, skipped := r.Metadata["skipped_action"]
	_, lost := r.Metadata["lost"]
	switch {
	case r.Action == audit.Raw:
		return fmt.Errorf("%w: record %q is about raw SQL, whose rows are not all known", ErrNotRevertible, r.ID)
	case r.Action == audit.Event && (skipped || lost):
		return fmt.Errorf("%w: record %q says that rows were changed unrecorded", ErrNotRevertible, r.ID)
	}
	return nil
}
