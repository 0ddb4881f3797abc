package dialect

import "github.com/gorm-audit/auditplugin/internal/neighbour"

func sqlite() *Dialect {
	return &Dialect{
		// In double quotes, the name of a column that is gone would be a text.
		quote:            '`',
		RowValues:        "VALUES ",
		LastIDQuery:      "SELECT last_insert_rowid()",
		LastIDIsLast:     true,
		ForeignKeysQuery: "PRAGMA foreign_keys",
		HasRowID:         true,
		ListsAll:         true,
		EndedProbe:       "BEGIN",
		EndedUndo:        "ROLLBACK",
		CommitTells:      true,
		PrepareRepeats:   true,
		errors: func(err error) Kind {
			var kind Kind
			if neighbour.SQLiteBusy(err) {
				kind = Transaction | Busy
			}
			if neighbour.SQLiteStale(err) {
				kind |= Stale
			}
			return kind
		},
	}
}
