// Package dialect has what differs between databases, as text and as the meaning of
// errors. It has no connection. Each database fills in [Facts], and a [Dialect] for what
// depends on its version; what it leaves out is standard SQL, which is what an unknown
// database gets.
package dialect

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// The dialects, by GORM's names. MySQL is MariaDB, too.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
	MySQL    = "mysql"
)

// Kind is what an error means to us. One error can mean several things.
type Kind uint8

const (
	// Transaction is an error of the transaction, not of the statement that met it:
	// a lock, a deadlock, a lost connection, an ended context.
	Transaction Kind = 1 << iota
	// Stale is an error that may come from a table that is no longer what the catalog
	// said: a column or a right was taken away from outside.
	Stale
	// OwnMistake is an error about what the application's statement says, also when a
	// statement of ours met it first.
	OwnMistake
	// NoPoint is the error of a savepoint that does not exist.
	NoPoint
	// Aborted is what the server says to everything in a transaction that has failed.
	Aborted
	// Unparsed is an error of a statement that the server did not understand, and so
	// did not commit before either.
	Unparsed
	// Busy is another writer in the way.
	Busy
)

// Dialect is one database's. It is only read after it was made.
type Dialect struct {
	catalog.Server
	*Facts

	// System is the database's name in OpenTelemetry's semantic conventions.
	System string
	// ReadLock ends a SELECT that reads rows back. MySQL must not open a snapshot that
	// the application did not ask for.
	ReadLock string
	// RowValues stands before a list of rows in IN.
	RowValues string
	// LastIDQuery asks for the id that the last INSERT generated, where a statement run
	// as a query does not tell.
	LastIDQuery string
	// IncrementQuery asks by how much the generated keys of one statement differ. Servers
	// that replicate each other have it larger than 1, and take turns.
	IncrementQuery string
	// ZeroCountsQuery asks, 1 or 0, whether 0 for a key that the database counts up makes it
	// count, as NULL does; "" where it never does.
	ZeroCountsQuery string
	// CutsSpaces tells that a CHAR keeps no spaces at its end, and may not equal a text that
	// has some.
	CutsSpaces bool
	// LastIDIsLast tells that LastInsertId is the last of a statement's keys, not the first.
	LastIDIsLast bool
	// ViewsUncounted tells that rows written to a view are not counted.
	ViewsUncounted bool
	// LastIDErr is what a result's LastInsertId fails with.
	LastIDErr error
	// HasRowID tells that rows of tables without a key are found by their rowid.
	HasRowID bool
	// ListsAll tells that the catalog knows every table that a connection may write to.
	ListsAll bool
	// FailsForGood tells that a failed statement ends what can be done in a transaction.
	FailsForGood bool
	// SchemaIsDatabase tells that schema and database are one thing here.
	SchemaIsDatabase bool
	// BeginEnds tells that BEGIN ends an open transaction, and begins another.
	BeginEnds bool
	// PointsReplace tells that a savepoint deletes an older one of the same name, instead
	// of standing before it.
	PointsReplace bool
	// EndedProbe is a statement that succeeds only outside a transaction, and EndedUndo
	// what then takes it back. They tell whether the database rolled back by itself.
	EndedProbe, EndedUndo string
	// InTransactionQuery asks whether the transaction is still open, 1 or 0.
	InTransactionQuery string
	// PointProbe tells that a savepoint can be released only where there is a transaction.
	PointProbe bool
	// EndedByQuery asks, 1 or 0, whether an error ended a transaction of a session that is
	// always in one; "" for errors that never do.
	EndedByQuery func(error) string
	// ErrorsGoUnseen tells that an error which ends a transaction may come while rows are
	// read, when nobody is there to notice it.
	ErrorsGoUnseen bool
	// CatalogFixesSnapshot tells that reading the catalog fixes the transaction's snapshot.
	// BeginAgain ends the transaction and begins one like it. NamesQuery then starts with
	// the current database.
	CatalogFixesSnapshot bool
	BeginAgain           string
	// NamesQuery asks what decides the meaning of names on a connection: the role, the
	// search path, the current database.
	NamesQuery string
	// ForeignKeysQuery asks whether foreign keys do anything on a connection, 1 or 0.
	ForeignKeysQuery string
	// CommitTells tells that COMMIT of a transaction that the database ended fails in the
	// words that plain GORM would return.
	CommitTells bool

	// PrepareLasts tells that preparing a statement is a round trip, so that it pays to
	// keep it prepared on its connection. On SQLite that would keep a closed database open.
	PrepareLasts bool
	// PrepareRepeats tells that it pays to prepare a statement that comes again in a
	// transaction, until that ends.
	PrepareRepeats bool

	// FoldNames tells that names without quotes are in lower case, ExactCase that names
	// which differ in case differ.
	FoldNames, ExactCase bool
	// ReadKeyAs is ReadAs for a column of the key, whose value has to find the row again.
	ReadKeyAs func(expr, dbType string) string
	// CastTo is the type that makes of a value what a column would store of it, or "".
	CastTo func(c catalog.Column) string
	// LockRows ends a SELECT that locks rows as the write to come would; see RowLock.
	LockRows func(t *catalog.Table, alias string, keyChanges bool) (lock string, locks bool)
	// LockChildren ends a SELECT of rows that a foreign key will change.
	LockChildren func(t *catalog.Table) string
	// MeetsAny tells that an upsert meets rows by any unique key, whichever it names.
	MeetsAny bool
	// CountsOnce tells that an upsert counts a row that it stored once, however.
	CountsOnce bool
	// LocksConflicts tells that rows which an upsert may meet can be locked ahead.
	LocksConflicts bool
	// Means is what an error of the driver means.
	Means func(error) Kind
}

// Of is the dialect of a server. One that is not known here is standard SQL.
func Of(s catalog.Server) *Dialect {
	var d *Dialect
	switch s.Dialect {
	case Postgres:
		d = postgres()
	case MySQL:
		d = mysql(s)
	case SQLite:
		d = sqlite()
	default:
		d = &Dialect{System: "other_sql"}
	}
	d.Server, d.Facts = s, FactsOf(s.Dialect)
	return d
}

// UnknownWarning is what db.Use warns of on a database that is not known here.
const UnknownWarning = "auditplugin does not know this database's dialect. It records what GORM's models describe: " +
	"rows are read by plain SELECTs, without locks, before and after each write, and matched by the model's primary key. " +
	"It does not see columns that the model lacks, rows that foreign keys or triggers change, or changes that other sessions make between the two reads; " +
	"the audit table is not created and must exist"

// Known reports whether the database was filled in here, so that what it leaves out is a
// choice.
func (d *Dialect) Known() bool { return d.Facts != &standard }

// Name is GORM's name of the dialect.
func (d *Dialect) Name() string { return d.Server.Dialect }

// Qualified quotes a table's name, with its schema unless that is empty.
func (d *Dialect) Qualified(schema, name string) string {
	if schema == "" {
		return d.Quote(name)
	}
	return d.Quote(schema) + "." + d.Quote(name)
}

// ReadKey is Read for a column of the key: what is read finds the row again.
func (d *Dialect) ReadKey(expr, dbType string) string {
	if d.ReadKeyAs == nil {
		return d.Read(expr, dbType)
	}
	return d.ReadKeyAs(expr, dbType)
}

// Stored is what stands around a parameter, so that it is what a column would make of it:
// rounded, cut or padded.
func (d *Dialect) Stored(c catalog.Column) (before, after string) {
	if d.CastTo == nil {
		return "", ""
	}
	if t := d.CastTo(c); t != "" {
		return "CAST(", " AS " + t + ")"
	}
	return "", ""
}

// RowLock ends a SELECT that locks rows as the write to come would. locks is false where
// such a table can not be locked although the database has locks.
func (d *Dialect) RowLock(t *catalog.Table, alias string, keyChanges bool) (lock string, locks bool) {
	if d.LockRows == nil {
		return "", true
	}
	return d.LockRows(t, alias, keyChanges)
}

// ConflictLock ends a SELECT of rows that an upsert may meet. A lock on keys that do not
// exist yet can deadlock, so only databases without such locks have one.
func (d *Dialect) ConflictLock(t *catalog.Table, alias string) (lock string, locks bool) {
	if !d.LocksConflicts {
		return "", true
	}
	return d.RowLock(t, alias, false)
}

// ChildLock ends a SELECT of rows that a foreign key will change.
func (d *Dialect) ChildLock(t *catalog.Table) string {
	if d.LockChildren == nil {
		return d.ReadLock
	}
	return d.LockChildren(t)
}

// Fold is a name as the database takes it, quoted or not.
func (d *Dialect) Fold(name string, quoted bool) string {
	if d.FoldNames && !quoted {
		return strings.ToLower(name)
	}
	return name
}

// SavepointKey is the same for names of savepoints that are the same to the database.
func (d *Dialect) SavepointKey(name string, quoted bool) string {
	if d.ExactCase {
		return d.Fold(name, quoted)
	}
	return strings.ToLower(name)
}

// Error is what err means.
func (d *Dialect) Error(err error) Kind {
	if err == nil {
		return 0
	}
	var kind Kind
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		kind = Transaction
	}
	if d.Means != nil {
		kind |= d.Means(err)
	}
	return kind
}

// Is reports whether err means one of the kinds.
func (d *Dialect) Is(err error, kinds Kind) bool { return d.Error(err)&kinds != 0 }
