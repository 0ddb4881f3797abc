package statement

import "github.com/gorm-audit/auditplugin/internal/table"

// Form is a way to ask for a row's columns and to read them. All forms give the same
// image of a row.
type Form interface {
	// Columns are the columns as SQL, in the table's order.
	Columns(t *table.Table) []string
	// Row reads what was returned for them.
	Row(t *table.Table, raw []any) table.Row
}
