package dialect

import (
	"errors"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// errNoLastInsertID is what pgx says.
var errNoLastInsertID = errors.New("LastInsertId is not supported by this driver")

func postgres() *Dialect {
	return &Dialect{
		System:    "postgresql",
		LastIDErr: errNoLastInsertID,
		ListsAll:  true,
		NamesQuery: `SELECT current_user, session_user, pg_catalog.current_setting('search_path'),
			pg_catalog.current_setting('row_security'), pg_catalog.pg_my_temp_schema()`,
		FailsForGood: true,
		FoldNames:    true,
		ExactCase:    true,
		LockRows:     postgresRowLock,
		LockChildren: func(t *catalog.Table) string {
			if t.CanLock {
				return " FOR UPDATE"
			}
			return ""
		},
		LocksConflicts: true,
		CountsOnce:     true,
		Means:          postgresError,
	}
}

// postgresRowLock takes the stronger lock only where a key changes, or a row goes: it
// stands in the way of whoever inserts a child.
func postgresRowLock(t *catalog.Table, alias string, keyChanges bool) (lock string, locks bool) {
	if t.Kind == catalog.View || !t.CanLock {
		return "", false
	}
	if keyChanges {
		return " FOR UPDATE OF " + Quote(Postgres, alias), true
	}
	return " FOR NO KEY UPDATE OF " + Quote(Postgres, alias), true
}

// postgresError knows the codes of appendix A of the PostgreSQL manual.
func postgresError(err error) Kind {
	state := neighbour.SQLState(err)
	if len(state) != 5 {
		return 0
	}
	var kind Kind
	switch state[:2] {
	case "40", "08", "57", "25": // rollback, connection, operator, transaction state
		kind = Transaction
	case "22": // data exception
		kind = OwnMistake
	case "42": // syntax error or access rule violation
		if state != "42501" {
			kind = OwnMistake
		}
	}
	switch state {
	case "55P03": // lock not available
		kind |= Transaction
	case "25P02":
		kind |= Aborted
	case "42703", "42P01", "42501", "42P10", "0A000": // column, table, privilege, conflict target, cached plan
		kind |= Stale
	}
	return kind
}
