package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

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

// Triggers that the command makes record what other programs write, without what the
// records keep secret, and nothing of what the plugin records beside them.
func TestTriggersMadeHere(t *testing.T) {
	databases(t, func(t *testing.T, db database) {
		app, err := gorm.Open(db.Dialector, &gorm.Config{Logger: logger.Discard})
		must(t, err)
		must(t, app.Use(auditplugin.New(auditplugin.WithCompanion(), auditplugin.WithLogger(slog.New(slog.DiscardHandler)))))
		pool, err := app.DB()
		must(t, err)
		a := account{ID: 1, Name: "Casey", Phone: "+49123", MFA: "planted-mfa", Notes: "planted-notes", Password: "planted-password", Born: time.Now()}
		must(t, app.Create(&a).Error)

		role := "--role " + db.user(t)
		if db.Name() == "sqlite" {
			role = ""
		} else if code, _, complaint := db.run(t.Context(), "trigger", "generate", "accounts"); code != 2 || !strings.Contains(complaint, "--role") {
			t.Errorf("without a role: %d %s", code, complaint)
		}
		if code, _, complaint := db.run(t.Context(), "trigger", "generate", "accounts", "--role", "nobody-there"); db.Name() == "postgres" && code != 2 {
			t.Errorf("of nobody: %d %s", code, complaint)
		}
		const says = "accounts (account): records id, name, phone, active, balance, born; masks mfa, password; leaves out notes"
		out := db.ok(t, "trigger generate accounts "+role, "-- "+says, "auditplugin_")
		if strings.Contains(out, "--comments of the client.\nDELIMITER $auditplugin$\n") != (db.Name() == "mysql") {
			t.Errorf("the client would not run it: %.300s", out)
		}
		db.ok(t, "trigger install accounts "+role, "-- "+says)
		if code, _, _ := db.run(t.Context(), "trigger", "check", "accounts"); code != 1 {
			t.Errorf("they are there, and nobody said --yes")
		}
		db.ok(t, "trigger install accounts --yes "+role, says)
		db.ok(t, "trigger check accounts")
		db.ok(t, "trigger install accounts --yes "+role, says)
		db.ok(t, "trigger check accounts")
		db.findings(t, "")

		count := func(want string) {
			t.Helper()
			db.ok(t, "search --table accounts --count", want+"\n")
		}
		count("1")
		must(t, app.Model(&a).Updates(map[string]any{"phone": "+49987", "mfa": "planted-again"}).Error)
		count("2")
		must(t, app.Create(&account{ID: 2, Name: "Robin", Born: time.Now()}).Error)
		must(t, app.Delete(&account{ID: 2}).Error)
		count("4")
		_, err = pool.Exec("UPDATE accounts SET name = 'Kim', mfa = 'planted-other', notes = 'planted-other', password = 'planted-other' WHERE id = 1")
		must(t, err)
		count("5")
		db.ok(t, "search --type account --count", "5\n")
		out = db.ok(t, "trail accounts 1 -n 1 -o ndjson", `"record_type":"account"`, `"after":{"mfa":"***","name":"Kim","password":"***"}`, `"by":"trigger"`)
		db.ok(t, "trail accounts 1 -n 1 -o ndjson --jq .changed", `["mfa","name","password"]`)
		_, err = pool.Exec("UPDATE accounts SET notes = 'planted-more' WHERE id = 1")
		must(t, err)
		count("5")
		db.ok(t, "revert 5 --column name --yes --reason oops")
		count("6")
		if out += db.ok(t, "search -n 0 -o ndjson"); strings.Contains(out, "planted") {
			t.Errorf("a secret is recorded: %s", out)
		}
	})
}

// user is who the database's address logs in as.
func (d database) user(t *testing.T) (name string) {
	t.Helper()
	query := map[string]string{"postgres": "SELECT session_user", "mysql": "SELECT USER()", "sqlite": "SELECT ''"}[d.Name()]
	must(t, d.Raw(query).Scan(&name).Error)
	return name
}
