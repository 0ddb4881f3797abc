package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

var (
	// ErrUnknown is a value that is in no record: too long to be recorded, or
	// changed while nobody was recording.
	ErrUnknown = errors.New("auditplugin: value is not in the records")
	// ErrPruned is a moment whose records may have been pruned.
	ErrPruned = errors.New("auditplugin: records of that time were pruned")
)

// Option changes how the functions of this package that put rows together, and
// revert changes, work.
type Option func(*settings)

type settings struct {
	ask       func(Query) Query
	gaps      *Gaps
	fixedKeys bool
	proven    bool
	scopes    []func(*gorm.DB) *gorm.DB
	revert    revertSettings
	with      []string
}

func settingsOf(opts []Option) settings {
	s := settings{ask: func(q Query) Query { return q }}
	for _, o := range opts {
		o(&s)
	}
	return s
}

// Asking changes the question for the records: which audit table and database, and
// how columns were called.
//
//	history.Asking(func(q history.Query) history.Query {
//		return q.AuditTable("old_audit_logs").Alias("phone_no", "phone")
//	})
//
// [Prune], [Erase] and the functions for partitions refuse a question that is narrowed: their
// own options say what they are about.
func Asking(f func(Query) Query) Option { return func(s *settings) { s.ask = f } }

// Partial accepts rows of which some columns cannot be known: those stay zero, and
// gaps tells which they are. Without it they are an error. gaps is written to
// whenever the call succeeds, and by [AsOfAll] before each row that
// it yields; it may be nil.
func Partial(gaps *Gaps) Option {
	if gaps == nil {
		gaps = &Gaps{}
	}
	return func(s *settings) { s.gaps = gaps }
}

// FixedKeys says that no primary key of the table was ever changed, which saves
// looking for such changes. They are looked for where a row's own records do not
// begin with its creation, among all updates of the table after the moment, which
// is slow where there are very many and no index finds the few (PostgreSQL has one).
func FixedKeys() Option { return func(s *settings) { s.fixedKeys = true } }

// Proven takes no other table's records for a sign that this one's changes were recorded.
// Where the present row or a later record would have to tell what a row was, the moment is
// [ErrBeforeTrail], unless the plugin was installed in this process by then, or a record of
// the table shows that somebody recorded it: of any of its rows, or of a [Baseline].
//
// Without it, a trail speaks for all tables since its first record. That is a guess for a
// table that an option or another service took in later, and the only way to ask for tables
// that hardly ever change.
func Proven() Option { return func(s *settings) { s.proven = true } }

// Present narrows the existing rows that [AsOfAll] reads, by GORM scopes. They see
// rows as they are now, so that they may only use what never changes, such as the
// key or a tenant's id; rows that are gone come in any case.
func Present(scopes ...func(*gorm.DB) *gorm.DB) Option {
	return func(s *settings) { s.scopes = append(s.scopes, scopes...) }
}

// Gaps names columns of a row whose values at a moment are not known.
type Gaps struct {
	// Redacted columns were changed since, and the records show what they were
	// masked, hashed or without some of its keys.
	Redacted []string
	// Lost columns were changed since, and the records do not have what they were:
	// it was too long, a change went unrecorded, the column has another type now, or
	// may have had another name then.
	Lost []string
	// Erased columns were changed since, and what they were was taken out of the
	// records; see [Erase].
	Erased []string
	// Unrecorded columns are never recorded (audit:"-"), or not in the records of a
	// row that is gone: left out by an option, or added later. They are no error. A
	// row that still exists has its present values there.
	Unrecorded []string
}

func (g *Gaps) empty() bool { return len(g.Redacted) == 0 && len(g.Lost) == 0 && len(g.Erased) == 0 }

// UnknownError names the columns of a row that cannot be known. errors.Is finds
// [ErrRedacted], [ErrUnknown] and [ErrErased] in it, whichever apply.
type UnknownError struct {
	// Table and RecordID name the row, as its records do.
	Table, RecordID string
	Gaps
}

// Error names the row and the columns.
func (e *UnknownError) Error() string {
	var parts []string
	if len(e.Redacted) > 0 {
		parts = append(parts, "redacted: "+strings.Join(e.Redacted, ", "))
	}
	if len(e.Lost) > 0 {
		parts = append(parts, "not recorded: "+strings.Join(e.Lost, ", "))
	}
	if len(e.Erased) > 0 {
		parts = append(parts, "erased: "+strings.Join(e.Erased, ", "))
	}
	return fmt.Sprintf("auditplugin: row %q of table %q cannot be had back (%s)", e.RecordID, e.Table, strings.Join(parts, "; "))
}

// Is finds the sentinels that apply.
func (e *UnknownError) Is(target error) bool {
	return target == ErrRedacted && len(e.Redacted) > 0 || target == ErrUnknown && len(e.Lost) > 0 || target == ErrErased && len(e.Erased) > 0
}

// accept hands out the gaps, or makes an error of them.
func (s *settings) accept(table, recordID string, g Gaps) error {
	slices.Sort(g.Redacted)
	slices.Sort(g.Lost)
	slices.Sort(g.Erased)
	slices.Sort(g.Unrecorded)
	if s.gaps != nil {
		*s.gaps = g
		return nil
	}
	if g.empty() {
		return nil
	}
	return &UnknownError{Table: table, RecordID: recordID, Gaps: g}
}

// session is a handle of its own on the connection of db.
func session(ctx context.Context, db *gorm.DB) (*gorm.DB, error) {
	if q := Search(db); q.err != nil {
		return nil, q.err
	}
	// A statement of its own, at once: a session of a session would go on with db's conditions.
	tx := led(db.Session(&gorm.Session{NewDB: true, Context: ctx}).Scopes(), db)
	return tx.Session(&gorm.Session{Context: ctx}), nil
}
