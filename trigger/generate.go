package trigger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// language is how a database's triggers are written.
type language interface {
	// prepare are statements that all tables need, first of all.
	prepare(all []*subject) []string
	// create are the statements that make a table's triggers, in the place of older ones.
	create(s *subject) ([]string, error)
	// drop are the statements that take them away.
	drop(s *subject) []string
	// names are those of the triggers of a table.
	names(s *subject) []string
	// tables asks for the schemas and names of the tables that have some.
	tables() string
	// there asks for a table's triggers, by schema and name: name, text, and whether it runs.
	there() string
	// makes tells whether a statement that begins so makes the trigger of a quoted name.
	makes(statement, trigger string) bool
	// keyTable is where the hash key is.
	keyTable(s *subject) string
	// loggedIn asks who the connection is; "" where there are no users.
	loggedIn() string
	// around is what else keeps a table's records from being made.
	around(ctx context.Context, db *sql.DB, t *catalog.Table) ([]Drift, error)
}

func languageOf(ctx context.Context, db *gorm.DB) (language, error) {
	switch db.Name() {
	case dialect.SQLite:
		return sqlite{}, nil
	case dialect.Postgres:
		return postgres{}, nil
	case dialect.MySQL:
		return mysqlOf(ctx, db)
	}
	return nil, fmt.Errorf("%w: there are no companion triggers for %q", ErrInvalid, db.Name())
}

// Generate returns the statements, without semicolons at their ends, that make the
// triggers of the tables that [For] names. They can be run again, and take the place of
// the triggers of an earlier release. The database is only read. Errors wrap [ErrInvalid],
// or are those of reading the catalog.
//
// On PostgreSQL the triggers run as the role that runs the statements, which needs INSERT
// on the audit table; on MariaDB and MySQL as that user, too.
func Generate(db *gorm.DB, opts ...Option) ([]string, error) {
	return statements(db, opts, (*request).subjects, generate)
}

func generate(l language, all []*subject) ([]string, error) {
	out := l.prepare(all)
	for _, s := range all {
		made, err := l.create(s)
		if err != nil {
			return nil, err
		}
		out = append(out, made...)
	}
	return out, nil
}

// Drop returns the statements that take the triggers away again. Functions that other
// tables' triggers may still use, and SQLite's tables of marks, stay. Where [For] has names
// of tables only, no plugin is needed.
func Drop(db *gorm.DB, opts ...Option) ([]string, error) {
	return statements(db, opts, (*request).dropped, func(l language, all []*subject) ([]string, error) {
		var out []string
		for _, s := range all {
			out = append(out, l.drop(s)...)
		}
		return out, nil
	})
}

// Install runs what [Generate] returns: on SQLite and PostgreSQL in one transaction, so
// that no write falls between the old triggers and the new. It is also what writes the
// key of [HashKeyTable].
func Install(db *gorm.DB, opts ...Option) error {
	var keys []hashKey
	made, err := statements(db, opts, (*request).subjects, func(l language, all []*subject) ([]string, error) {
		keys = hashKeys(l, all)
		return generate(l, all)
	})
	if err != nil {
		return err
	}
	return run(owntable.Context(db), db, made, keys...)
}

// Remove runs what [Drop] returns.
func Remove(db *gorm.DB, opts ...Option) error {
	made, err := Drop(db, opts...)
	if err != nil {
		return err
	}
	return run(owntable.Context(db), db, made)
}

func statements(db *gorm.DB, opts []Option, find func(*request, context.Context) ([]*subject, error), write func(language, []*subject) ([]string, error)) ([]string, error) {
	r, err := requested(db, opts)
	if err != nil {
		return nil, err
	}
	l, err := languageOf(owntable.Context(db), db)
	if err != nil {
		return nil, err
	}
	all, err := find(r, owntable.Context(db))
	if err != nil {
		return nil, err
	}
	return write(l, all)
}

func run(ctx context.Context, db *gorm.DB, made []string, keys ...hashKey) error {
	pool, err := errorsOf.Pool(db)
	if err != nil {
		return err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("trigger: %w", err)
	}
	for _, statement := range made {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			_ = tx.Rollback() // the statement's error is what counts
			return fmt.Errorf("trigger: %s: %w", firstLine(statement), err)
		}
	}
	for _, key := range keys {
		if err := key.store(ctx, tx, db.Name()); err != nil {
			_ = tx.Rollback() // likewise
			return fmt.Errorf("trigger: writing the hash key: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("trigger: %w", err)
	}
	return nil
}

var errorsOf = owntable.Errors{Invalid: ErrInvalid, InTransaction: fmt.Errorf("%w: not inside a transaction", ErrInvalid)}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// named is a name of at most limit bytes: longer ones end with a hash of the whole.
func named(limit int, parts ...string) string {
	name := companion.Prefix + strings.Join(parts, "_")
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	head := name[:limit-9]
	for len(head) > 0 && head[len(head)-1] >= 0x80 {
		head = head[:len(head)-1]
	}
	return head + "_" + hex.EncodeToString(sum[:4])
}

// text is a text as SQL.
func text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func texts(all []string) string {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = text(s)
	}
	return strings.Join(quoted, ", ")
}

// trailColumns are the audit table's, all but seq.
func trailColumns(name string) string {
	return dialect.List(name, "", slices.Concat(
		[]string{"id", "occurred_at", "action", "outcome", "record_type", "table_name", "record_id", "before", "after", "changed", "changes"},
		companion.Texts(), []string{"metadata", "cause", "schema_version"},
	))
}
