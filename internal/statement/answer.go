package statement

import (
	"slices"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/replay"
)

// counted is the sql.Result of a statement that was run as a query.
type counted struct {
	affected, lastID int64
	lastErr          error
}

func (c counted) LastInsertId() (int64, error) { return c.lastID, c.lastErr }
func (c counted) RowsAffected() (int64, error) { return c.affected, nil }

// Counted answers as a statement that changed n rows would have, of which no id is asked.
func (s *Statement) Counted(n int64) Outcome {
	return Outcome{Result: counted{affected: n, lastErr: s.Dialect.LastIDErr}}
}

// Answer is Counted for a statement that may have inserted rows. theirs is what the
// application asked to be returned.
func (s *Statement) Answer(theirs *replay.Set, affected int64) (Outcome, error) {
	if s.WantRows {
		return Outcome{Rows: theirs}, nil
	}
	res := counted{affected: affected, lastErr: s.Dialect.LastIDErr}
	if s.Dialect.LastIDQuery != "" && s.hasLastID(affected) && (s.Op == Create && s.DB.Statement.Schema == nil || s.DB.Statement.Result != nil) {
		id, err := s.Ledger.Int(s.Ctx, s.Dialect.LastIDQuery)
		if err != nil {
			return Outcome{}, s.Unreadable(err)
		}
		res.lastID = id
	}
	return Outcome{Result: res}, nil
}

// hasLastID reports whether the database, asked for the last id, answers for a statement
// that inserted n rows. MySQL goes on telling an earlier statement's where this one counted
// nothing up; SQLite's driver does so, too, without us.
func (s *Statement) hasLastID(n int64) bool {
	return s.Dialect.LastIDIsLast || n > 0 &&
		slices.ContainsFunc(s.Table.Catalog.Columns, func(c catalog.Column) bool { return c.AutoIncrement })
}

// Partial is what a statement returned before it failed, with ours added columns: MariaDB
// sends the first rows of an INSERT or DELETE whose later row is refused, and GORM fills
// them in.
func (s *Statement) Partial(set *replay.Set, ours int) Outcome {
	if set == nil || !s.WantRows {
		return Outcome{}
	}
	theirs, _ := Split(set, ours)
	return Outcome{Rows: theirs}
}

// Split parts what the application's statement returns from the last columns, which we
// added.
func Split(set *replay.Set, ours int) (theirs *replay.Set, added [][]any) {
	width := len(set.Columns) - ours
	if width < 0 {
		// MariaDB answers a condition that can not hold without any columns.
		return set, nil
	}
	theirs = &replay.Set{Columns: set.Columns[:width:width], Rows: make([][]any, len(set.Rows)), Err: set.Err}
	added = make([][]any, len(set.Rows))
	for i, r := range set.Rows {
		theirs.Rows[i], added[i] = r[:width:width], r[width:]
		replay.StoredRow(added[i])
	}
	return theirs, added
}
