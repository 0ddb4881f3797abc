package history

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/history/internal/condition"
)

// Row asks for the records about one row, as records name it: by the Table and the
// RecordID that one of its records has. It needs neither the row's model nor its table.
//
//	history.Search(db).Row(record.Table, record.RecordID).Newest()
func (q Query) Row(table, recordID string) Query {
	if table == "" || recordID == "" {
		return q.failed("Row: no table or no record id")
	}
	q.indexed = true
	return q.ofRow(table, recordID)
}

// InTable asks for the records about rows of the tables with the given names.
func (q Query) InTable(names ...string) Query {
	if len(names) == 0 {
		return q.failed("InTable: nothing given")
	}
	return q.where(func(b *builder) (clause.Expression, error) {
		var any []clause.Expression
		for _, name := range names {
			any = append(any, b.inTable(name))
		}
		return condition.OneOf(any), nil
	})
}
