package integration

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// as opens the database as a role of its own, that has the rights given.
func (s *stage) as(grants ...string) *gorm.DB {
	s.Helper()
	role := fmt.Sprint("why_", time.Now().UnixNano())
	run := func(statement string) {
		s.Helper()
		_, err := s.db.Raw.Exec(statement)
		s.try(err)
	}
	dsn := s.db.DSN
	if s.db.Target.Dialect == testdb.MySQL {
		run("CREATE USER " + role + " IDENTIFIED BY 'x'")
		s.Cleanup(func() { _, _ = s.db.Raw.Exec("DROP USER " + role) })
		dsn = role + ":x" + dsn[strings.Index(dsn, "@"):]
	} else {
		var schema string
		s.try(s.db.Raw.QueryRow("SELECT current_schema()").Scan(&schema))
		run("CREATE ROLE " + role + " LOGIN")
		run(`GRANT USAGE ON SCHEMA "` + schema + `" TO ` + role)
		s.Cleanup(func() {
			_, _ = s.db.Raw.Exec("DROP OWNED BY " + role)
			_, _ = s.db.Raw.Exec("DROP ROLE " + role)
		})
		u, err := url.Parse(dsn)
		s.try(err)
		u.User = url.User(role)
		dsn = u.String()
	}
	for _, g := range grants {
		run("GRANT " + g + " TO " + role)
	}
	db, err := gorm.Open(testdb.Dialector(s.db.Target.Dialect, dsn), &gorm.Config{Logger: logger.Discard})
	s.try(err)
	s.Cleanup(func() { pool, _ := db.DB(); _ = pool.Close() })
	return db
}

// A record that the table refuses is refused with the database's code, and without a value.
func TestRefusedRecordSaysWhy(t *testing.T) {
	settings().natively(t, func(s *stage) {
		s.oracle = nil
		const secret = "S3CR3T"
		var want string
		var db *gorm.DB
		switch s.db.Target.Dialect {
		case testdb.SQLite:
			// The application's table may be written to, the trail may not.
			s.ok(s.other().Exec("CREATE TRIGGER no BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(ABORT, '" + secret + "'); END"))
			db, want = s.db.DB, "SQLite error 1811"
		default:
			db, want = s.as("SELECT, INSERT, UPDATE ON settings", "SELECT ON audit_logs"), "SQLSTATE 42501"
			if s.db.Target.Dialect == testdb.MySQL {
				want = "error 1142"
			}
			s.try(db.Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.NoCreate())))))
		}
		err := db.Create(&Setting{Name: "new", Value: secret}).Error
		s.fails(err, auditplugin.ErrAuditFailed)
		if !strings.Contains(fmt.Sprint(err), want) || strings.Contains(fmt.Sprint(err), secret) {
			s.Errorf("the error does not say %s, or quotes: %v", want, err)
		}
		err = auditplugin.Event(db, audit.Record{Message: secret})
		s.fails(err, auditplugin.ErrAuditFailed)
		if !strings.Contains(fmt.Sprint(err), want) || strings.Contains(fmt.Sprint(err), secret) {
			s.Errorf("the error of an event does not say %s, or quotes: %v", want, err)
		}
	})
}

// A table that may not be read is not called missing.
func TestAlertTableThatMayNotBeRead(t *testing.T) {
	settings().natively(t, func(s *stage) {
		s.oracle = nil
		if s.db.Target.Dialect == testdb.SQLite {
			s.Skip("SQLite has no rights")
		}
		if s.db.Target.Dialect == testdb.Postgres { // MySQL tells nobody without rights what is missing
			_, err := alert.New(s.as(), nil, nil, alert.NoCreate())
			s.fails(err, alert.ErrTableMissing)
			if !strings.Contains(fmt.Sprint(err), "alert.Schema") {
				s.Errorf("no hint: %v", err)
			}
		}
		if _, err := alert.New(s.db.DB, nil, nil); err != nil {
			s.Fatal(err)
		}
		code := "42501"
		if s.db.Target.Dialect == testdb.MySQL {
			code = "1142"
		}
		for _, options := range [][]alert.Option{nil, {alert.NoCreate()}} {
			_, err := alert.New(s.as("SELECT ON settings"), nil, nil, options...)
			s.fails(err, alert.ErrTableRights)
			if !strings.Contains(fmt.Sprint(err), code) {
				s.Errorf("the error does not say %s: %v", code, err)
			}
		}
	})
}

// An audit table that is another's, or is not there, comes with what to do.
func TestAuditTableErrorsSayWhatToDo(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.WithoutPlugin())
		use := func(options ...emitter.TableOption) string {
			return fmt.Sprint(d.Plain(t).Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(options...)))))
		}
		if got := use(emitter.NoCreate()); !strings.Contains(got, "missing") || !strings.Contains(got, "emitter.Schema") {
			t.Errorf("missing: %s", got)
		}
		if err := d.Exec("CREATE TABLE audit_logs (id INTEGER, who VARCHAR(10))").Error; err != nil {
			t.Fatal(err)
		}
		if got := use(); !strings.Contains(got, "other columns") || !strings.Contains(got, "emitter.Name") {
			t.Errorf("other columns: %s", got)
		}
	})
}
