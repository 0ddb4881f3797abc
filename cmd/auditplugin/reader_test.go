package main

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/trigger"
)

// reader is the database as a new user asks it who may read the given tables.
func (d database) reader(t *testing.T, tables ...string) database {
	t.Helper()
	user := fmt.Sprintf("reader_%d", time.Now().UnixNano())
	exec := func(statement string) {
		t.Helper()
		must(t, d.Exec(statement).Error)
	}
	if d.Name() == "postgres" {
		exec("CREATE ROLE " + user + " LOGIN")
		t.Cleanup(func() { exec("DROP OWNED BY " + user); exec("DROP ROLE " + user) })
		u, err := url.Parse(d.dsn)
		must(t, err)
		u.User = url.User(user)
		d.dsn = u.String()
	} else {
		exec("CREATE USER " + user)
		t.Cleanup(func() { exec("DROP USER " + user) })
		c, err := mysqldriver.ParseDSN(d.dsn)
		must(t, err)
		c.User, c.Passwd = user, ""
		d.dsn = c.FormatDSN()
	}
	for _, name := range tables {
		exec("GRANT SELECT ON " + name + " TO " + user)
	}
	return d
}

// What the user who asks has no right to look at is told, and is no fault.
func TestDoctorAsReader(t *testing.T) {
	databases(t, func(t *testing.T, db database) {
		if db.Name() == "sqlite" {
			t.Skip("SQLite has no roles")
		}
		quiet := slog.New(slog.DiscardHandler)
		other, err := gorm.Open(db.Dialector, &gorm.Config{Logger: logger.Discard})
		must(t, err)
		must(t, other.Use(auditplugin.New(auditplugin.WithCompanion(), auditplugin.WithLogger(quiet))))
		must(t, trigger.Install(other, trigger.For(&account{})))
		_, err = relay.New(other, relay.WithLogger(quiet))
		must(t, err)
		_, err = alert.New(other, nil, nil, alert.WithLogger(quiet))
		must(t, err)
		must(t, db.Create(&account{Name: "Casey", Born: time.Now()}).Error)
		must(t, db.Exec("CREATE TABLE invoices (id integer)").Error)

		told := func(d database, args string, want ...string) {
			t.Helper()
			code, out, complaint := d.run(t.Context(), append([]string{"doctor", "-o", "csv"}, strings.Fields(args)...)...)
			if code != 0 || complaint != "" {
				t.Errorf("exit code %d, %s\n%s", code, complaint, out)
			}
			for _, w := range want {
				if !strings.Contains(out, w) {
					t.Errorf("no %q in\n%s", w, out)
				}
			}
		}
		const lacks = "not looked at: this user has no SELECT on "
		if db.Name() == "postgres" {
			told(db.reader(t, "audit_logs"), "", "ok,sequence,"+lacks+"sequence public.audit_logs_seq_seq", "ok,unaudited,"+lacks+"invoices",
				"ok,relay,"+lacks+"audit_relay_", "ok,alerts,"+lacks+"audit_alerts", "ok,companion,triggers on 1 table: accounts")
			told(db.reader(t, "audit_logs", "invoices", "audit_alerts", "audit_relay_positions", "audit_relay_leases", "audit_relay_dead"), "",
				"ok,unaudited,every table with rows has records", "ok,relay,no subscriber yet", "ok,alerts,no message yet")
			return
		}
		const unseen = `"not used, or not to be seen by this user"`
		told(db.reader(t, "audit_logs"), "--role root@localhost --relay-role root@localhost", "ok,rights,"+lacks+"mysql.*", "ok,relay-rights,"+lacks+"mysql.*", "ok,relay,"+unseen, "ok,alerts,"+unseen, "ok,companion,"+unseen)
		told(db.reader(t, "audit_logs", "audit_relay_positions"), "", "ok,relay,"+lacks+"audit_relay_leases")
		told(db.reader(t, "audit_logs", "audit_alerts", "audit_relay_positions", "audit_relay_leases", "audit_relay_dead"), "", "ok,relay,no subscriber yet", "ok,alerts,no message yet")
	})
}
