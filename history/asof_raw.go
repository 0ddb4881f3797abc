package history

import (
	"context"
	"fmt"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// rawRead is how many raw statements are looked at for what they may have deleted.
const rawRead = 1000

// removals are the raw statements that may have deleted rows of the table, oldest first.
func (t *rowTable) removals(ctx context.Context) ([]audit.Record, error) {
	if t.raws != nil {
		return t.raws, nil
	}
	t.raws = []audit.Record{}
	for r, err := range t.q.ofTable(t.name).Action(audit.Raw).Limit(rawRead).Newest().All(ctx) {
		if err != nil {
			t.raws = nil
			return nil, err
		}
		if removes(r.Message) {
			t.raws = append([]audit.Record{r}, t.raws...)
		}
	}
	return t.raws, nil
}

// removes reports whether a statement may delete rows.
func removes(statement string) bool {
	statement = strings.ToUpper(statement)
	for _, word := range []string{"TRUNCATE", "DELETE", "REPLACE", "MERGE", "DROP"} {
		if strings.Contains(statement, word) {
			return true
		}
	}
	return false
}

// outlived tells whether a row that went away unrecorded, behind last and before first,
// was still there at the moment. A raw statement that may delete rows has taken it along;
// without one, or where the moment lies between several, nobody knows when it went.
func (t *rowTable) outlived(ctx context.Context, id rowID, m Moment, last, first *audit.Record) (bool, error) {
	raws, err := t.removals(ctx)
	if err != nil {
		return false, err
	}
	earlier, later := 0, 0
	for i := range raws {
		r := &raws[i]
		switch {
		case r.Seq <= last.Seq || first != nil && r.Seq > first.Seq:
		case m.bySeq && r.Seq <= m.seq, !m.bySeq && !r.Time.After(m.time):
			earlier++
		default:
			later++
		}
	}
	if earlier > 0 && later > 0 {
		return false, fmt.Errorf("%w: raw SQL has deleted row %q of table %q, and several statements may have", ErrUnknown, id.recordID, t.bare)
	}
	return earlier == 0, nil
}

// removedAfter reports whether raw SQL may have deleted rows behind the moment.
func (t *rowTable) removedAfter(ctx context.Context, m Moment) (bool, error) {
	raws, err := t.removals(ctx)
	if err != nil || len(raws) == 0 {
		return false, err
	}
	r := raws[len(raws)-1]
	return m.bySeq && r.Seq > m.seq || !m.bySeq && r.Time.After(m.time), nil
}
