package dialect

import "github.com/gorm-audit/auditplugin/internal/neighbour"

func sqlite() *Dialect {
	return &Dialect{
		System:           "sqlite",
		RowValues:        "VALUES ",
		LastIDQuery:      "SELECT last_insert_rowid()",
		ReadKeyAs:        sqliteReadKey,
		LastIDIsLast:     true,
		ViewsUncounted:   true,
		NamesQuery:       "SELECT COALESCE(group_concat(name), '') FROM sqlite_temp_master WHERE type <> 'trigger'",
		ForeignKeysQuery: "PRAGMA foreign_keys",
		HasRowID:         true,
		ListsAll:         true,
		EndedProbe:       "BEGIN",
		EndedUndo:        "ROLLBACK",
		CommitTells:      true,
		PrepareRepeats:   true,
		Means: func(err error) Kind {
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

// sqliteReadKey keeps the driver from making a time or a truth value of what is a text or a
// number: that would be sent back in another form, and find nothing, or another row.
func sqliteReadKey(expr, dbType string) string {
	switch dbType {
	case "DATE", "DATETIME", "TIMESTAMP", "BOOLEAN":
		return "+" + expr
	}
	return expr
}
