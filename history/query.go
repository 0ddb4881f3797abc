package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Query is a question to the audit table. Make one with [Of], [OfTable] or
// [Search]. Its methods return a narrower Query and leave the one they are called
// on as it is; mistakes are reported when the question is asked. A Query is safe
// for concurrent use.
type Query struct {
	db, in     *gorm.DB
	table      string
	of         func(ctx context.Context) (recordTarget, error)
	model      any
	row        any // what Of was given
	conditions []term
	aliases    []alias
	dropped    []string         // columns that the table no longer has
	formerly   []string         // older names of the rows' table
	recorded   map[string][]any // names that records give to tables, once known
	scopes     []func(*gorm.DB) *gorm.DB
	newest     bool
	byTime     bool // the order is that of the records' times
	timed      bool // Since or Until was given
	indexed    bool // a condition has an index of its own beside time
	since      time.Time
	until      time.Time
	limit      int
	after      string
	with       []string // associations
	kin        *parts   // the rows that with adds, once they are known
	whose      []term   // conditions of Tenant
	asWritten  bool     // columns keep the names that records have
	err        error
}

// term makes one condition of WHERE. It is called when the question is asked, so
// that it does not matter in which order a Query's methods were called.
type term func(b *builder) (clause.Expression, error)

// Search returns the question for every record in the audit table of db.
func Search(db *gorm.DB) Query {
	q := Query{db: db}
	if db == nil || db.Config == nil || db.Statement == nil || db.Dialector == nil {
		q.err = fmt.Errorf("%w: no database", ErrInvalidQuery)
	}
	return q
}

// Of returns the question for the trail of one row: a model's struct, or a pointer
// to one, whose key fields are set. The row need not exist any more. Rows are found
// by the name of their table, which is the one that db names with Table or else the
// model's, and their key, as it is stored; with the plugin installed on db
// the table's own key counts, as it does for the records, else the model's. Records
// name tables without a schema: see docs/querying.md for tables of one name.
//
// A key column that is hashed in the records is hashed for the question too. One
// that is masked makes it fail with [ErrRedacted], and one without a value with
// [ErrNoKey].
func Of(db *gorm.DB, model any) Query {
	if row, ok := tableRow(model); ok {
		return OfTable(db, row.Table, row.Key...)
	}
	q := Search(db)
	q.model, q.row = model, model
	q.of = func(ctx context.Context) (recordTarget, error) { return target(ctx, q.db, model) }
	return q
}

// OfTable is [Of] for a row without a model, such as one of a join table: the
// table's name and the values of its key columns, in the order of the key.
//
//	history.OfTable(db, "user_languages", user.ID, language.ID)
func OfTable(db *gorm.DB, table string, key ...any) Query {
	q := Search(db)
	key = slices.Clone(key)
	q.of = func(ctx context.Context) (recordTarget, error) { return targetOfTable(ctx, q.db, table, key) }
	return q
}

// In asks another database, for records that emitter.Table(emitter.On(other))
// keeps there. How rows are named is still up to the db that the question began
// with.
func (q Query) In(other *gorm.DB) Query {
	q.in = other
	if other == nil || other.Config == nil || other.Statement == nil || other.Dialector == nil {
		q.err = fmt.Errorf("%w: In: no database", ErrInvalidQuery)
	}
	return q
}

// AuditTable asks another audit table, with a schema or without, such as a copy of old
// records. The default is the one to which the plugin on the handle writes, else
// "audit_logs".
func (q Query) AuditTable(name string) Query {
	q.table = name
	if name == "" {
		q.err = fmt.Errorf("%w: AuditTable: no name", ErrInvalidQuery)
	}
	return q
}

// Newest puts the newest records first.
func (q Query) Newest() Query { q.newest = true; return q }

// Oldest puts the oldest records first, which is the default.
func (q Query) Oldest() Query { q.newest = false; return q }

// Limit asks for n records at most; 0, the default, is no limit.
func (q Query) Limit(n int) Query {
	q.limit = n
	if n < 0 {
		q.err = fmt.Errorf("%w: Limit(%d)", ErrInvalidQuery, n)
	}
	return q
}

// After goes on behind a cursor that [Query.Page] or [Query.Cursor] returned for a
// query of the same order and table. An empty cursor is the beginning.
func (q Query) After(cursor string) Query { q.after = cursor; return q }

// Scopes adds GORM scopes, which may add conditions, clauses and settings. The
// columns are those of emitter.Columns. A scope that changes the order or the
// selected columns breaks Page and All.
func (q Query) Scopes(scopes ...func(*gorm.DB) *gorm.DB) Query {
	q.scopes = append(slices.Clip(q.scopes), scopes...)
	return q
}

// where adds a term.
func (q Query) where(c term) Query {
	q.conditions = append(slices.Clip(q.conditions), c)
	return q
}

// failed notes a mistake; the first one is reported.
func (q Query) failed(format string, args ...any) Query {
	if q.err == nil {
		q.err = fmt.Errorf("%w: "+format, append([]any{ErrInvalidQuery}, args...)...)
	}
	return q
}
