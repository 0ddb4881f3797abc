package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	auditplugin "github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/ecslog"
	"github.com/gorm-audit/auditplugin/emitter"
)

// openDatabase opens dsn, or a temporary SQLite file, and creates the service's
// tables. The returned function drops them and closes the database.
func openDatabase(dsn string) (*gorm.DB, func() error, error) {
	var dir string
	var dialector gorm.Dialector
	switch {
	case dsn == "":
		var err error
		if dir, err = os.MkdirTemp("", "auditplugin-example-"); err != nil {
			return nil, nil, err
		}
		dialector = sqlite.Open(filepath.Join(dir, "accounts.db") + "?_foreign_keys=on")
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"), strings.Contains(dsn, "host="):
		dialector = postgres.Open(dsn)
	case strings.Contains(dsn, ")/"):
		dialector = mysql.Open(dsn)
	default:
		return nil, nil, errors.New("-dsn is neither a PostgreSQL URL nor a MySQL DSN such as user:password@tcp(host:3306)/name?parseTime=true")
	}
	db, err := gorm.Open(dialector, &gorm.Config{
		Logger:         logger.Discard,
		NamingStrategy: schema.NamingStrategy{TablePrefix: "tour_"},
	})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	drop := func() error {
		return db.Migrator().DropTable("tour_account_roles", &Account{}, &Role{})
	}
	if err := errors.Join(drop(), db.AutoMigrate(&Role{}, &Account{})); err != nil {
		return nil, nil, fmt.Errorf("create the tables: %w", err)
	}
	return db, func() error {
		err := drop()
		if pool, e := db.DB(); e == nil {
			err = errors.Join(err, pool.Close())
		}
		return errors.Join(err, os.RemoveAll(dir))
	}, nil
}

// install adds the plugin: records go to the table audit_logs, in the transaction
// that makes the change, and to out as ECS lines once it has committed.
func install(db *gorm.DB, out io.Writer) (*auditplugin.Plugin, error) {
	lines := slog.New(ecslog.NewHandler(out, &ecslog.Options{}))
	plugin := auditplugin.New(
		auditplugin.WithApplication("accounts"),
		auditplugin.WithEmitter(emitter.Table(), emitter.Slog(lines)),
		auditplugin.WithRequiredReason(&Account{}),
	)
	return plugin, db.Use(plugin)
}
