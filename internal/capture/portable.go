package capture

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// Portable has the images read by plain SELECTs, with locks where the dialect has them:
// before the statement, and after it by the rows' keys. It serves every database. A
// database's own Images embed it, say what may be left out, and replace what they do
// better. What is nil is not to be had.
type Portable struct {
	// Lock makes the transaction a writer before anything is read in it.
	Lock func(s *statement.Statement) error
	// ReturnsInserted and ReturnsDeleted report whether the statement can return the
	// rows themselves, so that nothing has to be read.
	ReturnsInserted, ReturnsDeleted func(s *statement.Statement) bool
	// Rehearse finds rows that an upsert will meet although no column that is sent tells.
	// query is the upsert, which returns the table's columns last.
	Rehearse func(s *statement.Statement, query string, vals clause.Values) ([]table.Row, error)
	// Choose finds the keys of the rows that an UPDATE or DELETE will change, where a SELECT
	// with the same condition could find others.
	Choose func(s *statement.Statement) error
	// Keyed runs an UPDATE of the named columns that leaves its rows' keys alone, and
	// finds out what became of the rows in s.Before.
	Keyed func(s *statement.Statement, names []string) (statement.Outcome, error)
}

var _ Images = Portable{}

// Prepare does nothing.
func (p Portable) Prepare(*statement.Statement) error { return nil }

// Insert returns what was stored, or reads it back by key: never the struct.
func (p Portable) Insert(s *statement.Statement) (statement.Outcome, error) {
	if s.Dialect.ViewsUncounted && s.Table.Catalog.Kind == catalog.View {
		return insertThroughView(s)
	}
	if p.returnsInserted(s) || onlyReturned(s) {
		if query, ok := s.WithReturning(s.Table); ok {
			return insertReturning(s, query)
		}
	}
	return insertAndRead(s)
}

// Upsert reads the rows that may conflict, runs the statement, and compares with what is
// there then.
func (p Portable) Upsert(s *statement.Statement, oc clause.OnConflict) (statement.Outcome, error) {
	if err := p.Ready(s); err != nil {
		return statement.Outcome{}, err
	}
	vals := s.Values()
	if !s.Dialect.MeetsAny {
		s.Target = statement.ColumnNames(oc.Columns)
	}
	before, err := readConflicting(s, vals)
	if err != nil {
		return statement.Outcome{}, err
	}
	if p.returnsInserted(s) {
		if query, ok := s.WithReturning(s.Table); ok {
			if p.Rehearse != nil {
				more, err := p.Rehearse(s, query, vals)
				if err != nil {
					return statement.Outcome{}, err
				}
				before = s.Table.Unique(append(before, more...))
			}
			return upsertReturning(s, oc, vals, query, before)
		}
	}
	return upsertAndRead(s, oc, vals, before)
}

// Update reads the rows, runs the statement, and reads them back.
func (p Portable) Update(s *statement.Statement) (statement.Outcome, error) {
	names := statement.AssignedNames(s.Assignments())
	alone := Alone(s, names)
	if err := refuseRandom(s); err != nil {
		return statement.Outcome{}, err
	}
	if err := p.ready(s); err != nil {
		return statement.Outcome{}, err
	}
	if mayReplace(s, names) {
		return refuseReplaced(s, func() (statement.Outcome, error) { return p.update(s, names, alone) })
	}
	return p.update(s, names, alone)
}

func (p Portable) update(s *statement.Statement, names []string, alone bool) (statement.Outcome, error) {
	if alone && keepsKeys(s, names) {
		return p.updateKeyed(s, names)
	}
	return updateAndFollow(s, names)
}

func (p Portable) updateKeyed(s *statement.Statement, names []string) (statement.Outcome, error) {
	if err := readKeyed(s, names); err != nil {
		return statement.Outcome{}, err
	}
	if p.Keyed != nil {
		return p.Keyed(s, names)
	}
	return WriteAndReadBack(s)
}

// Delete returns the rows that are deleted, or reads them first.
func (p Portable) Delete(s *statement.Statement) (statement.Outcome, error) {
	if p.ReturnsDeleted != nil && mayReturnDeleted(s) && p.ReturnsDeleted(s) {
		if query, ok := s.WithReturning(s.Table); ok {
			return deleteReturning(s, query)
		}
	}
	if err := refuseRandom(s); err != nil {
		return statement.Outcome{}, err
	}
	if err := p.ready(s); err != nil {
		return statement.Outcome{}, err
	}
	return readAndDelete(s)
}

// Ready takes the lock.
func (p Portable) Ready(s *statement.Statement) error {
	if p.Lock == nil {
		return nil
	}
	return p.Lock(s)
}

// ready is Ready for a statement whose rows are read by its condition.
func (p Portable) ready(s *statement.Statement) error {
	if err := p.Ready(s); err != nil || p.Choose == nil {
		return err
	}
	return p.Choose(s)
}

func (p Portable) returnsInserted(s *statement.Statement) bool {
	return p.ReturnsInserted != nil && len(s.Table.Columns) > 0 && p.ReturnsInserted(s)
}
