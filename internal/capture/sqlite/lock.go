package sqlite

import (
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/statement"
)

type lockKey struct{}

// lock makes a transaction a writer before it reads. A deferred transaction that reads
// first fails at once when another writer came between.
func lock(s *statement.Statement) error {
	if s.Ledger.IsWriter() || !plain(s) {
		return nil
	}
	t := s.Table
	query := t.Memo(lockKey{}, func() any { return lockSQL(t.SQLName) }).(string)
	if err := s.Ledger.Exec(s.Ctx, query); err != nil {
		return s.Unreadable(err)
	}
	s.Ledger.BecameWriter()
	return nil
}

// lockSQL changes nothing, and takes the write lock for it.
func lockSQL(table string) string { return "DELETE FROM " + table + " WHERE 0" }

// Prepare does the same before the catalog is read, which opens a snapshot too. What is no
// table takes no lock, and the write will say so.
func (i Images) Prepare(s *statement.Statement) error {
	if s.Ledger.IsWriter() {
		return nil
	}
	if known := s.Tables.Known(s.Ctx, s.Ledger, s.Name); known != nil && !s.NamesMore(known) {
		return nil
	}
	err := s.Ledger.Exec(s.Ctx, lockSQL(s.Dialect.Qualified(s.Name.Schema, s.Name.Name)))
	switch {
	case err == nil:
		s.Ledger.BecameWriter()
	case s.Dialect.Is(err, dialect.Busy) || s.Ctx.Err() != nil:
		return err
	}
	return nil
}
