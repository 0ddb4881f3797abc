// Package statement is one statement of the application: what GORM asked for, how it is
// run, and how the rows it is about are read.
package statement

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/change"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/replay"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/txn"
)

// Operation is what GORM was asked to do.
type Operation string

// The operations.
const (
	Create Operation = "create"
	Update Operation = "update"
	Delete Operation = "delete"
	Raw    Operation = "raw"
)

// Actions are what can become of rows by it.
func (o Operation) Actions() []audit.Action {
	switch o {
	case Create, Raw: // as upserts, which may do anything
		return []audit.Action{audit.Create, audit.Update, audit.SoftDelete, audit.Restore, audit.Delete}
	case Update:
		return []audit.Action{audit.Update, audit.SoftDelete, audit.Restore}
	case Delete:
		return []audit.Action{audit.Delete, audit.SoftDelete}
	}
	return nil
}

// Call is what GORM asked of the connection.
type Call struct {
	Query    string
	Args     []any
	WantRows bool
}

// Outcome is what GORM gets back: one of the two.
type Outcome struct {
	Result sql.Result
	Rows   *replay.Set
}

// Statement is one statement of the application. It belongs to one goroutine.
type Statement struct {
	Call
	Ctx context.Context
	// DB has GORM's statement, whose clauses are final: what the database is about to see.
	DB    *gorm.DB
	Op    Operation
	Model *table.Model
	Name  table.Name
	// Conn is what the application's own statement runs on, Ledger its transaction.
	Conn    gorm.ConnPool
	Ledger  *txn.Ledger
	Dialect *dialect.Dialect
	Tables  *table.Registry

	// What follows is found out on the way.

	// Table is the one that is written to, with the columns that are read of it.
	Table *table.Table
	// Notes are metadata that qualify the images.
	Notes map[string]any
	Log   change.Log
	// Recorded is how many changes the log had when records were made of it.
	Recorded int
	// Before are the rows that an UPDATE is about to change, where their keys stay.
	Before change.Rows
	// Chosen are the keys of the rows that it is about to change, nil where they are not known
	// before those are read.
	Chosen [][]any
	// Unseen are rows that it changed and that the role may not see.
	Unseen int64
	// Target is what ON CONFLICT names.
	Target []string
	// Form is how rows are read back, nil for the driver's own values.
	Form Form
	// Wrote is set when the application's statement has succeeded.
	Wrote bool
	// Quiet is set where companion triggers are to leave the statement's changes to us,
	// those in carried tables, too.
	Quiet      bool
	carried    []string
	zeroCounts *bool
}

// ZeroCounts reports whether 0 for a key that the database counts up makes it count.
func (s *Statement) ZeroCounts() bool {
	if s.zeroCounts == nil {
		counts := false
		if query := s.Dialect.ZeroCountsQuery; query != "" {
			n, err := s.Ledger.Int(s.Ctx, query)
			counts = err != nil || n == 1
		}
		s.zeroCounts = &counts
	}
	return *s.zeroCounts
}

// FindTable asks what the statement's table is, or remembers.
func (s *Statement) FindTable() (err error) {
	s.Table, err = s.TableFor(s.Model, s.Name)
	if err != nil || !s.NamesMore(s.Table.Catalog) {
		return err
	}
	s.Tables.Forget(s.Ctx, s.Ledger, s.Name)
	s.Table, err = s.TableFor(s.Model, s.Name)
	return err
}

// NamesMore reports whether the statement writes to a column that the table is not known
// to have: what is remembered is older than that.
func (s *Statement) NamesMore(t *catalog.Table) bool {
	if len(t.Columns) == 0 {
		return false // nothing is known of them
	}
	set := s.Assignments()
	if s.Op == Create {
		for _, c := range s.Values().Columns {
			if _, known := t.Column(c.Name); !known {
				return true
			}
		}
		oc, _ := s.OnConflict()
		set = oc.DoUpdates
	}
	for _, a := range set {
		if _, known := t.Column(ColumnName(a)); !known {
			return true
		}
	}
	return false
}

// TableFor is another table as the database describes it on this connection.
func (s *Statement) TableFor(m *table.Model, name table.Name) (*table.Table, error) {
	return s.Tables.Table(s.Ctx, s.Ledger, m, name)
}

// Prepared reports whether the application prepares its statements. It keeps them, so one of
// them should always be run as the same text.
func (s *Statement) Prepared() bool {
	_, prepared := s.Conn.(*gorm.PreparedStmtTX)
	return prepared
}

// Forget takes back what was found out, for another try.
func (s *Statement) Forget() {
	s.Log, s.Before, s.Notes, s.Target, s.Form = change.Log{}, change.Rows{}, nil, nil, nil
	s.carried = nil
}

// Note qualifies the images, in the metadata of the statement's records.
func (s *Statement) Note(key string, value any) {
	if s.Notes == nil {
		s.Notes = map[string]any{}
	}
	s.Notes[key] = value
}

// Changed adds a row's change to the log.
func (s *Statement) Changed(t *table.Table, before, after table.Image) *change.Change {
	return s.Log.Add(change.Change{Table: t, Before: before, After: after})
}

// String names the write in messages: "update of user (table users)".
func (s *Statement) String() string {
	return fmt.Sprintf("%s of %s (table %s)", s.Op, s.Model.RecordType, s.Model.Table)
}

// Refuse says why the write can not be audited. The reason quotes no values.
func (s *Statement) Refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", fault.ErrAuditFailed, s, fmt.Sprintf(format, args...))
}

// Unreadable says which write could not be audited, without the driver's words. Errors of
// the transaction itself (locks, deadlocks, cancelled contexts) and of the application's
// own SQL are ones it would have met: they pass unchanged.
func (s *Statement) Unreadable(err error) error {
	if s.Ctx.Err() != nil || s.Dialect.Is(err, dialect.Transaction|dialect.OwnMistake) {
		return err
	}
	return fault.Quiet(fmt.Sprintf("%v: %s: its images could not be read", fault.ErrAuditFailed, s), fault.ErrAuditFailed, err)
}

// Count is how many rows the statement changed or returned.
func (o Outcome) Count() (int64, error) {
	if o.Rows != nil {
		return int64(len(o.Rows.Rows)), nil
	}
	if o.Result == nil {
		return 0, nil
	}
	return o.Result.RowsAffected()
}

// Affected is Count, and 0 for drivers that can not count.
func (o Outcome) Affected() int64 {
	n, err := o.Count()
	if err != nil {
		return 0
	}
	return n
}
