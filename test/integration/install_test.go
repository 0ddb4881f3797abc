package integration

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// With the plugin off, a mock sees the statements of plain GORM and no other.
func TestDisabledWithMock(t *testing.T) {
	pool, mock, err := sqlmock.New()
	if err != nil {
		t.Fatal(err)
	}
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Use(auditplugin.New(auditplugin.WithEnabled(false))); err != nil {
		t.Fatal(err)
	}
	mock.ExpectBegin()
	mock.ExpectExec(`UPDATE "settings" SET "value"=\$1 WHERE "name" = \$2`).WithArgs("2", "a").WillReturnResult(sqlmock.NewResult(0, 1))
	mock.ExpectCommit()
	if err := db.Model(&Setting{Name: "a"}).Update("value", "2").Error; err != nil {
		t.Error(err)
	}
	if err := mock.ExpectationsWereMet(); err != nil {
		t.Error(err)
	}
}

// shardingPool rewrites SQL, as gorm.io/sharding does: it works only while it is
// the pool that GORM sees.
type shardingPool struct{ inner gorm.ConnPool }

func (p *shardingPool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return p.inner.PrepareContext(ctx, query)
}

func (p *shardingPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.inner.ExecContext(ctx, query, args...)
}

func (p *shardingPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.inner.QueryContext(ctx, query, args...)
}

func (p *shardingPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.inner.QueryRowContext(ctx, query, args...)
}

// sharding registers under the name of the real one.
type sharding struct{}

func (sharding) Name() string { return "gorm:sharding" }

func (sharding) Initialize(db *gorm.DB) error {
	db.ConnPool = &shardingPool{db.ConnPool}
	db.Statement.ConnPool = db.ConnPool
	return nil
}

func TestShardingRefused(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.WithoutPlugin())
		if err := d.Use(sharding{}); err != nil {
			t.Fatal(err)
		}
		if err := d.Use(auditplugin.New()); !errors.Is(err, auditplugin.ErrUnsupportedPool) {
			t.Errorf("the error is %v", err)
		}
		if err := d.AutoMigrate(&Setting{}); err != nil {
			t.Fatal(err)
		}
		if err := put(d.DB, "x"); err != nil {
			t.Errorf("after the refusal a write fails: %v", err)
		}
	})
}

// A wrong option is told before anything is registered.
func TestInvalidOptions(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.WithoutPlugin())
		pool := d.ConnPool
		err := d.Use(auditplugin.New(auditplugin.WithEmitter(nil), auditplugin.WithHashKey([]byte("short"))))
		if !errors.Is(err, auditplugin.ErrInvalidOption) && !errors.Is(err, auditplugin.ErrHashKey) {
			t.Errorf("the error is %v", err)
		}
		if d.ConnPool != pool || d.Migrator().HasTable("audit_logs") {
			t.Error("something was installed")
		}
	})
}

// Two services may start at once.
func TestInstallConcurrently(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.WithoutPlugin())
		err := crowd(6, 1, func(int, int) error {
			db, err := gorm.Open(testdb.Dialector(g.Dialect, d.DSN), &gorm.Config{Logger: logger.Discard})
			if err != nil {
				return err
			}
			pool, err := db.DB()
			if err != nil {
				return err
			}
			defer func() { _ = pool.Close() }()
			return db.Use(auditplugin.New())
		})
		if err != nil {
			t.Error(err)
		}
	})
}
