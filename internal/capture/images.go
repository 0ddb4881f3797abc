// Package capture gets the before and after images of a statement's rows, on any database.
package capture

import (
	"errors"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/statement"
)

// Images is how one database's images are had. Each method runs the application's
// statement, once, and leaves what it changed in the statement's log.
type Images interface {
	// Prepare is called before the catalog is asked about the statement's table.
	Prepare(s *statement.Statement) error
	// Ready makes the transaction a writer, where the database has a lock for that, before
	// rows are read in it.
	Ready(s *statement.Statement) error
	Insert(s *statement.Statement) (statement.Outcome, error)
	// Upsert is an INSERT that may meet rows which are there already.
	Upsert(s *statement.Statement, oc clause.OnConflict) (statement.Outcome, error)
	Update(s *statement.Statement) (statement.Outcome, error)
	Delete(s *statement.Statement) (statement.Outcome, error)
}

// Run captures a statement. One that was not captured gets another chance: the catalog may
// have been out of date; or the statement itself is wrong, and the application is told so
// in the database's words.
func Run(i Images, s *statement.Statement) (statement.Outcome, error) {
	out, err := Once(i, s)
	if err == nil || !again(s, err) {
		return out, err
	}
	s.Forget()
	out, err = Once(i, s)
	if err == nil || s.Wrote || s.Ledger.IsUnseen() || s.Ledger.IsLost() || !errors.Is(err, fault.ErrAuditFailed) {
		// Of a transaction out of sight nobody could refuse the commit.
		return out, err
	}
	s.Forget()
	out, own := s.Plain()
	if own != nil {
		return out, own
	}
	return out, err
}

// again reports whether a statement that failed may be tried again. PostgreSQL leaves no
// second chance: there the failure has ended the transaction.
func again(s *statement.Statement, err error) bool {
	return !s.Wrote && s.Ctx.Err() == nil && !s.Dialect.FailsForGood && !s.Ledger.IsLost() &&
		(errors.Is(err, fault.ErrAuditFailed) || s.Dialect.Is(err, dialect.Stale))
}

// Once is Run without another chance.
func Once(i Images, s *statement.Statement) (statement.Outcome, error) {
	if err := i.Prepare(s); err != nil {
		return statement.Outcome{}, err
	}
	if err := s.FindTable(); err != nil {
		if s.Dialect.Is(err, dialect.Aborted) {
			return s.Plain() // nothing can run: it will fail as it would have
		}
		s.Ledger.Failed(err)
		if done := s.Ctx.Err(); done != nil {
			return statement.Outcome{}, done // in the words of database/sql
		}
		return statement.Outcome{}, s.Unreadable(err)
	}
	if s.Table.Catalog.Kind == catalog.Missing && s.Dialect.ListsAll {
		return s.Plain() // it will fail, in the database's own words
	}
	if err := refuseOtherTable(s); err != nil {
		return statement.Outcome{}, err
	}
	if s.Quiet && triggers(s) {
		switch err := s.Ledger.Settle(s.Ctx); {
		case err != nil && s.Dialect.Is(err, dialect.Aborted):
			return s.Plain()
		case err != nil:
			return statement.Outcome{}, err
		}
	}
	if unrecorded(s) {
		return s.Plain()
	}
	switch {
	case s.Table.Blind && s.Op == statement.Create:
		return insertUnreadable(s)
	case s.Table.Blind:
		return unreadable(s)
	case s.Op == statement.Create:
		oc, meets := s.OnConflict()
		if meets || replaces(s) {
			return upsert(i, s, oc)
		}
		return i.Insert(s)
	case s.Op == statement.Update || s.IsUpdate():
		return i.Update(s)
	default:
		return i.Delete(s)
	}
}

// refreshed asks the catalog again when err says that it was out of date, for what
// can be read again after the application's statement. On PostgreSQL nothing can.
func refreshed(s *statement.Statement, err error) bool {
	if s.Dialect.FailsForGood || s.Ledger.IsLost() || !s.Dialect.Is(err, dialect.Stale) {
		return false
	}
	return s.FindTable() == nil
}

// triggers reports whether the statement may set off triggers of the application's, whose
// changes companion triggers record at once.
func triggers(s *statement.Statement) bool {
	c := s.Table.Catalog
	return c.HasUserTriggers || s.Op == statement.Delete && len(c.Incoming) > 0
}
