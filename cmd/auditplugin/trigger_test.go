package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/trigger"
)

// companions makes companion triggers on tables, and closes the handle.
func companions(db *gorm.DB, tables ...string) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	models := make([]any, len(tables))
	for i, name := range tables {
		models[i] = name
	}
	err = db.Use(auditplugin.New(auditplugin.WithCompanion(), auditplugin.WithLogger(slog.New(slog.DiscardHandler))))
	if err == nil {
		err = trigger.Install(db, trigger.For(models...))
	}
	return errors.Join(err, pool.Close())
}

func TestTriggersOnEveryDatabase(t *testing.T) {
	databases(t, func(t *testing.T, db database) {
		install := func() {
			t.Helper()
			other, err := gorm.Open(db.Dialector, &gorm.Config{Logger: logger.Discard})
			must(t, err)
			must(t, other.Use(auditplugin.New(auditplugin.WithCompanion(), auditplugin.WithLogger(slog.New(slog.DiscardHandler)))))
			must(t, trigger.Install(other, trigger.For(&account{})))
		}
		// found runs the check and wants some states of the table, all of one kind.
		found := func(state string) {
			t.Helper()
			code, out, complaint := db.run(t.Context(), "trigger", "check", "accounts", "-o", "csv")
			lines := strings.Split(strings.TrimSpace(out), "\n")[1:]
			for _, l := range lines {
				if !strings.HasPrefix(l, "accounts,"+state+",") {
					t.Errorf("%s, want %s; %s", l, state, complaint)
				}
			}
			if len(lines) == 0 || (code == 0) != (state == "ok") {
				t.Errorf("%s: exit code %d, %d lines; %s", state, code, len(lines), complaint)
			}
		}
		found("missing")
		install()
		found("ok")
		db.ok(t, "doctor -o csv --fields check,finding --ignore accounts", "companion,triggers on 1 table: accounts")
		must(t, db.Exec("ALTER TABLE accounts ADD COLUMN fax INT").Error)
		found("outdated")
		install()
		found("ok")
		db.ok(t, "trigger drop accounts", "DROP TRIGGER IF EXISTS")
		found("ok")
		db.ok(t, "trigger drop accounts --yes")
		found("missing")
	})
}
