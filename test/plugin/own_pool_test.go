package plugin_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
)

// counting is an application's own pool, which counts statements. Its transactions are its
// own, too.
type counting struct {
	*connections
	statements int
}

// connections hides the methods of the *sql.DB that a pool need not have.
type connections struct{ gorm.ConnPool }

func (c *counting) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	c.statements++
	return c.connections.ExecContext(ctx, query, args...)
}

func (c *counting) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := c.ConnPool.(*sql.DB).BeginTx(ctx, opts)
	return &countingTx{tx, c}, err
}

type countingTx struct {
	*sql.Tx
	of *counting
}

func (c *countingTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.of.statements++
	return c.Tx.QueryContext(ctx, query, args...)
}

// telling is one that tells what it stands on.
type telling struct{ *counting }

func (c telling) GetDBConn() (*sql.DB, error) { return c.ConnPool.(*sql.DB), nil }

func TestPoolOfTheApplication(t *testing.T) {
	open := func(wrap func(*counting) gorm.ConnPool) (*gorm.DB, *counting) {
		sqlDB, err := sql.Open("sqlite3", filepath.Join(t.TempDir(), "test.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sqlDB.Close() })
		own := &counting{connections: &connections{sqlDB}}
		db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: wrap(own)}), &gorm.Config{Logger: logger.Discard})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.AutoMigrate(&user{}); err != nil {
			t.Fatal(err)
		}
		return db, own
	}

	silent, _ := open(func(c *counting) gorm.ConnPool { return c })
	err := silent.Use(auditplugin.New())
	if !errors.Is(err, emitter.ErrInvalidOption) || !strings.Contains(err.Error(), "GetDBConn() (*sql.DB, error)") {
		t.Errorf("a pool that does not tell its database: %v", err)
	}

	db, own := open(func(c *counting) gorm.ConnPool { return telling{c} })
	memory := emitter.Memory()
	if err := db.Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(), memory))); err != nil {
		t.Fatal(err)
	}
	before := own.statements
	must(t, db.Create(&user{Name: "Ada"}))
	tx := db.Begin()
	must(t, tx.Create(&user{Name: "Bob"}))
	must(t, tx.Rollback())
	must(t, db.Model(&user{ID: 1}).Update("name", "Ada L."))
	wantTrail(t, db, memory, "create user 1", "update user 1")
	if own.statements == before {
		t.Error("nothing went through the application's pool")
	}
}
