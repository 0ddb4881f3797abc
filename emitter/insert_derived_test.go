package emitter

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// From 32 rows on, what they share is sent once where a derived table may be used.
func TestDerivedInsert(t *testing.T) {
	c := entry.Converter{Limit: entry.MaxImage}
	var entries []entry.Entry
	for n := range 32 {
		r := audit.Record{ID: fmt.Sprint(n), RecordID: fmt.Sprint(n), Action: audit.Create, Table: "users", SchemaVersion: audit.SchemaVersion}
		entries = append(entries, c.Entry(&r, entry.Images{After: `{"id":1}`}))
	}
	for _, derived := range []bool{true, false} {
		v := newValuesInserter(dialect.MySQL, dialect.Table{Name: "a"})
		v.derived = derived
		for _, rows := range []int{16, 32} {
			query, args := v.statement(entries[:rows], new(boxes))
			want, unions := rows*6, 0 // id, time, action, table, record and after
			if derived && rows == 32 {
				want, unions = 3+rows*3, rows-1
			}
			if len(args) != want || arguments(query) != want || strings.Count(query, " UNION ALL ") != unions {
				t.Errorf("derived %t, %d rows: %d arguments, want %d, for %.300s", derived, rows, len(args), want, query)
			}
		}
	}
}
