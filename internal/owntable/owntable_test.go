package owntable

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/dialect"
)

func open(t *testing.T) (*gorm.DB, *sql.DB) {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")), &gorm.Config{PrepareStmt: true})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return db, pool
}

func TestPool(t *testing.T) {
	own := Errors{Invalid: errors.New("invalid"), InTransaction: errors.New("in transaction")}
	db, want := open(t)
	if pool, err := own.Pool(db); pool != want || err != nil {
		t.Errorf("%v, %v", pool, err)
	}
	for _, none := range []*gorm.DB{nil, {}, {Config: &gorm.Config{}}} {
		if _, err := own.Pool(none); !errors.Is(err, own.Invalid) {
			t.Errorf("no database: %v", err)
		}
	}
	_ = db.Transaction(func(tx *gorm.DB) error {
		if _, err := own.Pool(tx); !errors.Is(err, own.InTransaction) {
			t.Errorf("inside a transaction: %v", err)
		}
		return nil
	})
	ctx := context.WithValue(t.Context(), t, 1)
	if Context(db.WithContext(ctx)) != ctx || Context(&gorm.DB{}) == nil {
		t.Error("the handle's context is another")
	}
}

func TestQualify(t *testing.T) {
	own := Errors{Missing: errors.New("missing"), Failed: func(step string, err error) error { return errors.Join(errors.New(step), err) }}
	_, pool := open(t)
	for name, want := range map[string]string{dialect.SQLite: "main.a", "other": "a"} {
		if got, err := own.Qualify(t.Context(), pool, name, dialect.Table{Name: "a"}); got.Dotted() != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := own.Qualify(t.Context(), pool, dialect.MySQL, dialect.Table{Schema: "s", Name: "a"}); got.Schema != "s" || err != nil {
		t.Errorf("a qualified name is now %v, %v", got, err)
	}
	if _, err := own.Qualify(t.Context(), pool, dialect.MySQL, dialect.Table{Name: "a"}); err == nil || errors.Is(err, own.Missing) {
		t.Errorf("SQLite has no function DATABASE: %v", err)
	}
}

func TestAskAndWrite(t *testing.T) {
	_, pool := open(t)
	pool.SetMaxOpenConns(1) // what is left open is waited for
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	statements := dialect.CreateTable(dialect.SQLite, dialect.Table{Name: "a"}, "  x TEXT")
	if err := Try(ctx, pool, "SELECT 1 FROM a"); err == nil {
		t.Error("there is no table yet")
	}
	for range 2 {
		if err := Create(ctx, pool, dialect.SQLite, "lock", statements); err != nil {
			t.Fatal(err)
		}
	}
	if err := Try(ctx, pool, "SELECT 1 FROM a"); err != nil {
		t.Error(err)
	}
	boom := errors.New("boom")
	for _, fail := range []error{boom, nil} {
		err := InTx(ctx, pool, func(tx *sql.Tx) error {
			n, err := Affected(tx.ExecContext(ctx, "INSERT INTO a VALUES ('1'), ('2')"))
			if n != 2 || err != nil {
				t.Errorf("%d rows, %v", n, err)
			}
			return fail
		})
		if err != fail {
			t.Errorf("error is %v, want %v", err, fail)
		}
	}
	if texts, err := Texts(ctx, pool, "SELECT x FROM a WHERE x > ? ORDER BY x", "0"); !slices.Equal(texts, []string{"1", "2"}) || err != nil {
		t.Errorf("%q, %v", texts, err)
	}
	calls := 0
	if err := Each(ctx, pool, func(*sql.Rows) error { calls++; return boom }, "SELECT x FROM a"); err != boom || calls != 1 {
		t.Errorf("after %d calls: %v", calls, err)
	}
	if err := Run(ctx, pool, []string{"DELETE FROM a", "no SQL", "DROP TABLE a"}); err == nil {
		t.Error("a statement that failed was passed over")
	}
	if texts, err := Texts(ctx, pool, "SELECT x FROM a"); len(texts) != 0 || err != nil {
		t.Errorf("%q, %v", texts, err)
	}
}

// onlyExec is a connection on which a query would be prepared.
type onlyExec struct{ *sql.DB }

func (onlyExec) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errors.New("it was prepared")
}

func TestTryPreparesNothing(t *testing.T) {
	_, pool := open(t)
	if err := Try(t.Context(), onlyExec{pool}, "SELECT 1 FROM sqlite_master WHERE 1 = 0"); err != nil {
		t.Error(err)
	}
	if Try(t.Context(), onlyExec{pool}, "SELECT 1 FROM missing WHERE 1 = 0") == nil {
		t.Error("a table that is not there can be read")
	}
}
