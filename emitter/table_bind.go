package emitter

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// store is an audit table in an open database.
type store struct {
	db      *sql.DB
	dialect string
	table   dialect.Table
	insertQ inserter
	limits  limits
	boxes   sync.Pool // of *boxes
	reading reading
}

// limits bound the INSERT statements.
type limits struct {
	rows   int // in one statement
	bytes  int // of arguments in one statement, unless one row has more
	column int // of one JSON column
}

// open finds the table in db, creating it if it may, and returns it.
func (t *TableEmitter) open(db *gorm.DB) (*store, error) {
	own := owntable.Errors{Failed: failed, Invalid: ErrInvalidOption, InTransaction: ErrInTransaction, Missing: ErrTableMissing}
	pool, err := own.Pool(db)
	if err != nil {
		return nil, err
	}
	ctx := owntable.Context(db)
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, failed("no connection", err)
	}
	defer conn.Close()

	in := inspector{conn: conn, dialect: db.Name(), quoteName: quoter(db)}
	table, err := own.Qualify(ctx, conn, in.dialect, t.name)
	if err != nil {
		return nil, err
	}
	if err := t.ensure(ctx, in, table); err != nil {
		return nil, err
	}
	s := &store{db: pool, dialect: in.dialect, table: table}
	if s.limits, err = in.limits(ctx); err != nil {
		return nil, err
	}
	if s.insertQ, err = newInserter(ctx, db, in, table); err != nil {
		return nil, err
	}
	s.reading.refused.Store(!in.readable(ctx, table))
	return s, nil
}

// ensure makes sure that the table exists and has our columns. An existing table
// is looked at without a lock, so that a role that may only INSERT can start.
func (t *TableEmitter) ensure(ctx context.Context, in inspector, table dialect.Table) error {
	found, err := in.columns(ctx, table)
	if err != nil {
		return err
	}
	if len(found) == 0 && !t.noCreate {
		if err := in.create(ctx, table); err != nil {
			return err
		}
		if found, err = in.columns(ctx, table); err != nil {
			return err
		}
	}
	if len(found) > 0 && !t.noCreate {
		if found, err = in.upgrade(ctx, table, found); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		hint := "emitter.Schema has the statements that create it"
		if t.noCreate {
			hint += "; emitter.Table does so itself without NoCreate"
		}
		return fmt.Errorf("%w: %s; %s", ErrTableMissing, table.Quoted(in.dialect), hint)
	}
	return compareColumns(table.Quoted(in.dialect), found)
}

func compareColumns(table string, found []string) error {
	want := Columns()
	var differences []string
	for _, name := range missing(found) {
		differences = append(differences, "without "+name)
	}
	for _, name := range found {
		if !slices.Contains(want, name) {
			differences = append(differences, "with "+name)
		}
	}
	if len(differences) == 0 {
		return nil
	}
	hint := "; if that table is another's, give the audit table a name of its own with emitter.Name"
	if n := len(missingLater(found)); n > 0 && n == len(differences) {
		hint = " (it is a table of an earlier release; emitter.Table().Upgrade has the statements that change it)"
	}
	return fmt.Errorf("%w: %s is %s%s", ErrTableMismatch, table, strings.Join(differences, ", "), hint)
}

// failed says which step the driver's error ended.
func failed(step string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("auditplugin: audit table: %s: %w", step, err)
}
