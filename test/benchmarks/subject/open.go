package subject

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// Subject is one variant, opened.
type Subject struct {
	Place   *Place
	Variant Variant
	// DB is the handle that is measured. Its context names an actor.
	DB *gorm.DB

	pool   *sql.DB
	bare   *gorm.DB // the same pool, without the plugin: for what is not measured
	plugin *auditplugin.Plugin
	big    bool
}

// Opener opens a pool; nil is database/sql's way with the kind's driver.
type Opener func(k Kind, source string) (*sql.DB, error)

func plainPool(k Kind, source string) (*sql.DB, error) {
	return sql.Open(map[Kind]string{SQLite: "sqlite3", Postgres: "pgx", MySQL: "mysql"}[k], source)
}

// Attach opens a variant whose tables exist.
func (p *Place) Attach(v Variant, m Mode, open Opener) (_ *Subject, err error) {
	if open == nil {
		open = plainPool
	}
	source := p.source(v, m)
	s := &Subject{Place: p, Variant: v}
	if s.pool, err = open(p.Kind, source); err != nil {
		return nil, fmt.Errorf("auditplugin: open %s: %w", p.Kind, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	config := func() *gorm.Config {
		return &gorm.Config{Logger: logger.Discard, NamingStrategy: schema.NamingStrategy{TablePrefix: string(v) + "_"}}
	}
	if s.bare, err = gorm.Open(dialector(p.Kind, source, s.pool), config()); err != nil {
		return nil, err
	}
	measured := config()
	measured.PrepareStmt = m == Prepare
	if s.DB, err = gorm.Open(dialector(p.Kind, source, s.pool), measured); err != nil {
		return nil, err
	}
	if to := v.emitter(); to != nil {
		plugin := auditplugin.New(auditplugin.WithEmitter(to), auditplugin.WithoutModels(&Note{}))
		if err = s.DB.Use(plugin); err != nil {
			return nil, err
		}
		s.plugin = plugin
	}
	s.DB = s.DB.WithContext(audit.WithActor(context.Background(), audit.Actor{ID: "1", Type: "user", Name: "Ada"}))
	return s, nil
}

// emitter returns where the variant's plugin writes, nil for variants without one.
func (v Variant) emitter() audit.Emitter {
	switch v {
	case Plugin:
		return emitter.Table(emitter.Name(v.auditTable()))
	case Slog:
		return emitter.Slog(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	}
	return nil
}

// auditTable names the variant's audit table, "" if it has none.
func (v Variant) auditTable() string {
	if v == Plugin || v == Trigger {
		return string(v) + "_audit_logs"
	}
	return ""
}

func dialector(k Kind, source string, pool *sql.DB) gorm.Dialector {
	switch k {
	case SQLite:
		return sqlite.New(sqlite.Config{Conn: pool})
	case Postgres:
		return postgres.New(postgres.Config{DSN: source, Conn: pool})
	default:
		return mysql.New(mysql.Config{DSN: source, Conn: pool})
	}
}

// Pool returns the pool below GORM, for what is not measured.
func (s *Subject) Pool() *sql.DB { return s.pool }

// Close closes the plugin and the pool.
func (s *Subject) Close() error {
	var err error
	if s.plugin != nil {
		err = s.plugin.Close(context.Background())
	}
	return errors.Join(err, s.pool.Close())
}
