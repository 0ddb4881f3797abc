package emitter

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// TableEmitter writes records into a table; see [Table].
type TableEmitter struct {
	name     dialect.Table
	other    *gorm.DB
	noCreate bool
	err      error
}

// TableOption changes what [Table] writes to.
type TableOption func(*TableEmitter)

// Name sets the table's name; the default is "audit_logs". A name with a dot is
// a schema (in MySQL: a database; in SQLite: an attached one) and a table; the
// schema must exist.
func Name(name string) TableOption {
	return func(t *TableEmitter) {
		t.name = dialect.ParseTable(name)
		if !dialect.ValidTable(name) || len(t.name.Name) > maxIdentifier {
			t.err = fmt.Errorf("%w: Name(%q)", ErrInvalidOption, name)
		}
	}
}

// NoCreate says never to create the table: a missing one is [ErrTableMissing].
// Use it where migrations create tables, with the statements that [Schema]
// returns, and where the application's role may not.
func NoCreate() TableOption {
	return func(t *TableEmitter) { t.noCreate = true }
}

// On puts the table into another database, which may be of another dialect. The
// records are then written after commit, each transaction's in a transaction of
// its own: they are lost if the process dies, or that database refuses them, in
// between. A nil db is [ErrInvalidOption] when the emitter is bound.
func On(db *gorm.DB) TableOption {
	return func(t *TableEmitter) {
		t.other = db
		if db == nil {
			t.err = fmt.Errorf("%w: On(nil)", ErrInvalidOption)
		}
	}
}

// Table returns an emitter that writes records into a table, by default
// audit_logs in the audited database, inside the transaction that made the
// change. Binding it creates the table if it is missing (see [NoCreate]) and
// checks the columns of an existing one. The table is always named with the
// schema or database that was current then. Writing needs no right but INSERT.
//
// Rows are written by few INSERTs: at most 1000 records in each on PostgreSQL, 256
// on MySQL, 16 on SQLite, and 4 MiB of text, or a quarter of MySQL's max_allowed_packet if that
// is less.
//
// Besides what the package's documentation says of values, sizes are limited, so
// that no value can make the INSERT fail: texts to 255 characters, the user agent
// to 512, message and reason to 4096 (longer ones end with "…#" and a hash of the
// whole); metadata to 64 KiB; before, after and changes to 8 MiB each, and an
// eighth of max_allowed_packet in MySQL. In a JSON column that is larger, values
// over 1 KiB are replaced by their length and hash
// ({"truncated": true, "bytes": …, "sha256": "…"}). A record without an id gets
// one; times outside the years 1000 to 9999 become the time of writing. Two
// records with the same id are an error.
//
// The database assigns seq; it is not read back, so that [audit.Record.Seq] is 0
// in what other emitters receive.
//
// SQLite, PostgreSQL, MySQL and MariaDB are supported. In other dialects the
// table must exist.
func Table(opts ...TableOption) *TableEmitter {
	t := &TableEmitter{name: dialect.Table{Name: "audit_logs"}}
	for _, opt := range opts {
		opt(t)
	}
	return t
}

// Emit returns [ErrNotBound]: a table is written through the emitter that Bind
// returns.
func (t *TableEmitter) Emit(context.Context, []audit.Record) error {
	if t.err != nil {
		return t.err
	}
	return ErrNotBound
}

// Bind creates or checks the table in db, or in the database given with [On]. In
// the first case the result is an [audit.TxEmitter]. It uses one connection of
// the pool, no session of GORM, and no transaction of the caller's: if db is
// inside one, the error is [ErrInTransaction].
func (t *TableEmitter) Bind(db *gorm.DB) (audit.Emitter, error) {
	if t.err != nil {
		return nil, t.err
	}
	if t.other != nil {
		store, err := t.open(t.other)
		if err != nil {
			return nil, err
		}
		return &otherTable{store}, nil
	}
	store, err := t.open(db)
	if err != nil {
		return nil, err
	}
	return &ownTable{store, t.name.Schema == ""}, nil
}

// ownTable writes into the audited database: an audit.TxEmitter.
type ownTable struct {
	store   *store
	current bool // its schema is the one that was current
}

var (
	_ entry.Writer     = (*ownTable)(nil)
	_ audit.TableNamer = (*ownTable)(nil)
	_ audit.Survivor   = (*ownTable)(nil)
)

// AuditTable returns the table's name with the schema, or database, that it was found in.
func (t *ownTable) AuditTable() string { return t.store.table.Dotted() }

// InCurrentSchema reports whether the schema, or database, is the one that was current, so
// that another database has the table in its own.
func (t *ownTable) InCurrentSchema() bool { return t.current }

// EmitTx writes records through conn.
func (t *ownTable) EmitTx(ctx context.Context, conn audit.Conn, records []audit.Record) error {
	return t.store.insert(ctx, conn, records)
}

// WriteEntries writes what EmitTx would, made already. It is the plugin's way in.
func (t *ownTable) WriteEntries(ctx context.Context, conn audit.Conn, entries []entry.Entry) error {
	return t.store.write(ctx, conn, entries)
}

// ColumnLimit is how large a JSON column may be.
func (t *ownTable) ColumnLimit() int { return t.store.limits.column }

// Emit writes records in a transaction of their own, for records that must
// outlive a failing one. It takes a connection from the pool, so a caller that
// holds the only one waits until ctx ends.
func (t *ownTable) Emit(ctx context.Context, records []audit.Record) error {
	return t.store.insertAlone(ctx, records)
}

// otherTable writes into another database: no audit.TxEmitter.
type otherTable struct{ store *store }

// Emit writes records in a transaction of their own.
func (t *otherTable) Emit(ctx context.Context, records []audit.Record) error {
	return t.store.insertAlone(ctx, records)
}
