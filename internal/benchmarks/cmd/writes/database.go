package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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

// database is a kind of database that can be opened.
type database struct {
	name string
	dial func() (gorm.Dialector, func() error, error)
}

func databases() []database {
	all := []database{{"SQLite", openSQLite}}
	if dsn := os.Getenv("AUDIT_POSTGRES_DSN"); dsn != "" {
		all = append(all, database{"PostgreSQL", func() (gorm.Dialector, func() error, error) {
			return postgres.Open(dsn), func() error { return nil }, nil
		}})
	}
	if dsn := os.Getenv("AUDIT_MYSQL_DSN"); dsn != "" {
		all = append(all, database{"MariaDB", func() (gorm.Dialector, func() error, error) {
			return mysql.Open(dsn), func() error { return nil }, nil
		}})
	}
	return all
}

func openSQLite() (gorm.Dialector, func() error, error) {
	dir, err := os.MkdirTemp("", "auditbench")
	if err != nil {
		return nil, nil, err
	}
	file := filepath.Join(dir, "bench.db")
	return sqlite.Open("file:" + file + "?_journal_mode=WAL&_busy_timeout=5000"), func() error { return os.RemoveAll(dir) }, nil
}

// pair is the database twice: plain, and with the plugin.
type pair struct {
	db      [2]*gorm.DB
	plugin  *auditplugin.Plugin
	cleanup func() error
}

func (d database) open() (*pair, error) {
	dialector, cleanup, err := d.dial()
	if err != nil {
		return nil, err
	}
	p := &pair{cleanup: cleanup, plugin: auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.Name("bench_audit_logs"))))}
	for side, prefix := range []string{"bench_plain_", "bench_audited_"} {
		db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard, NamingStrategy: schema.NamingStrategy{TablePrefix: prefix}})
		if err != nil {
			return nil, err
		}
		if side == 1 {
			if err := db.Use(p.plugin); err != nil {
				return nil, err
			}
		}
		db = db.WithContext(audit.WithActor(context.Background(), audit.Actor{ID: "1", Type: "user"}))
		if err := db.AutoMigrate(&Account{}); err != nil {
			return nil, err
		}
		first := make([]Account, 2000)
		for i := range first {
			first[i] = account(i)
		}
		if err := db.CreateInBatches(&first, 500).Error; err != nil {
			return nil, err
		}
		p.db[side] = db
	}
	return p, nil
}

func (p *pair) close() error {
	errs := []error{p.plugin.Close(context.Background())}
	for _, table := range []string{"bench_plain_accounts", "bench_audited_accounts", "bench_audit_logs"} {
		errs = append(errs, p.db[0].Exec(fmt.Sprintf("DROP TABLE IF EXISTS %s", table)).Error)
	}
	for _, db := range p.db {
		sqlDB, err := db.DB()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, sqlDB.Close())
	}
	return errors.Join(append(errs, p.cleanup())...)
}
