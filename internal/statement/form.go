package statement

import (
	"time"

	"github.com/gorm-audit/auditplugin/internal/table"
)

// Form is a way to ask for a row's columns and to read them. All forms give the same
// image of a row.
type Form interface {
	// Columns are the columns as SQL, in the table's order.
	Columns(t *table.Table) []string
	// Row reads what was returned for them.
	Row(t *table.Table, raw []any) table.Row
}

// ZoneOf is the zone in which the driver reads times, told by one that it read; nil where it
// gives times as text.
func ZoneOf(probe any) *time.Location {
	if at, ok := probe.(time.Time); ok {
		return at.Location()
	}
	return nil
}
