package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
)

// open makes an empty database with the plugin installed, or opens the one that
// the settings name. It returns nil when no server is known.
func open(kind string, s settings) (*database, error) {
	d := &database{kind: kind, dsn: s.dsn, seen: &captured{}, drop: func() error { return nil }}
	if d.dsn == "" {
		found, err := d.create()
		if !found || err != nil {
			return nil, err
		}
	}
	var dialector gorm.Dialector
	switch kind {
	case "sqlite":
		dialector = sqlite.Open(d.dsn)
	case "postgres":
		dialector = postgres.Open(d.dsn)
	default:
		dialector = mysql.Open(d.dsn)
	}
	var err error
	if d.db, err = gorm.Open(dialector, &gorm.Config{Logger: d.seen}); err != nil {
		return nil, err
	}
	if err := d.db.AutoMigrate(&User{}); err != nil {
		return nil, err
	}
	return d, d.db.Use(auditplugin.New(auditplugin.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))))
}

func (d *database) create() (found bool, err error) {
	name := fmt.Sprintf("audit_history_%08x", rand.Uint32())
	switch d.kind {
	case "sqlite":
		dir, err := os.MkdirTemp("", "history")
		d.dsn = "file:" + filepath.Join(dir, "audit.db") + "?_journal_mode=WAL&_synchronous=OFF&_cache_size=-65536"
		d.drop = func() error { return os.RemoveAll(dir) }
		return true, err
	case "postgres":
		server := os.Getenv("AUDIT_POSTGRES_DSN")
		if server == "" {
			return false, nil
		}
		dsn, err := url.Parse(server)
		if err != nil {
			return false, fmt.Errorf("auditplugin: AUDIT_POSTGRES_DSN is not a URL")
		}
		query := dsn.Query()
		query.Set("search_path", name)
		dsn.RawQuery = query.Encode()
		d.dsn = dsn.String()
		return true, d.admin("pgx", server, "CREATE SCHEMA "+name, "DROP SCHEMA "+name+" CASCADE")
	default:
		server := os.Getenv("AUDIT_MYSQL_DSN")
		if server == "" {
			return false, nil
		}
		config, err := driver.ParseDSN(server)
		if err != nil {
			return false, fmt.Errorf("auditplugin: AUDIT_MYSQL_DSN is not a data source name")
		}
		config.DBName = name
		d.dsn = config.FormatDSN()
		return true, d.admin("mysql", server, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4", "DROP DATABASE "+name)
	}
}

// admin runs a statement now and another one when the database is dropped.
func (d *database) admin(driverName, server, now, later string) error {
	exec := func(statement string) error {
		db, err := sql.Open(driverName, server)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		_, err = db.Exec(statement)
		return err
	}
	d.drop = func() error { return exec(later) }
	return exec(now)
}

func (d *database) close(keep bool) error {
	if pool, err := d.db.DB(); err == nil {
		_ = pool.Close()
	}
	if keep {
		fmt.Printf("\nkept: -db %s -dsn '%s'\n", d.kind, d.dsn)
		return nil
	}
	return d.drop()
}

// captured is a GORM logger that counts statements and remembers the last one, with its
// values.
type captured struct {
	last  string
	count int
}

func (c *captured) LogMode(logger.LogLevel) logger.Interface { return c }
func (*captured) Info(context.Context, string, ...any)       {}
func (*captured) Warn(context.Context, string, ...any)       {}
func (*captured) Error(context.Context, string, ...any)      {}
func (c *captured) Trace(_ context.Context, _ time.Time, f func() (string, int64), _ error) {
	c.count++
	if c.last == wanted {
		c.last, _ = f()
	}
}

// wanted asks a captured logger for the next statement.
const wanted = "?"
