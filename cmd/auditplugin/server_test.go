package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/cli"
	"github.com/gorm-audit/auditplugin/history"
)

// database is one on a server, or a file.
type database struct {
	*gorm.DB
	dsn string // as the command takes it
}

// account is a model whose tags the command does not know.
type account struct {
	ID       uint
	Name     string
	Phone    string
	MFA      string `audit:"mask"`
	Notes    string `audit:"-"`
	Password string
	Active   bool
	Balance  float64 `gorm:"type:decimal(12,2)"`
	Born     time.Time
}

// databases runs f on each database that there is.
func databases(t *testing.T, f func(t *testing.T, db database)) {
	t.Run("sqlite", func(t *testing.T) {
		path := t.TempDir() + "/test.db"
		db, err := openShop(path + "?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)")
		must(t, err)
		f(t, ready(t, db, "sqlite:"+path))
	})
	name := fmt.Sprintf("cli_%d", time.Now().UnixNano())
	t.Run("postgres", func(t *testing.T) {
		dsn := os.Getenv("AUDIT_POSTGRES_DSN")
		if dsn == "" {
			t.Skip("AUDIT_POSTGRES_DSN is not set")
		}
		u, err := url.Parse(dsn)
		must(t, err)
		fresh(t, "pgx", dsn, name, " WITH (FORCE)")
		u.Path = "/" + name
		db, err := gorm.Open(postgres.Open(u.String()), &gorm.Config{Logger: logger.Discard})
		must(t, err)
		f(t, ready(t, db, u.String()))
	})
	t.Run("mysql", func(t *testing.T) {
		dsn := os.Getenv("AUDIT_MYSQL_DSN")
		if dsn == "" {
			t.Skip("AUDIT_MYSQL_DSN is not set")
		}
		c, err := mysqldriver.ParseDSN(dsn)
		must(t, err)
		fresh(t, "mysql", dsn, name, "")
		c.DBName, c.ParseTime = name, true
		db, err := gorm.Open(mysql.Open(c.FormatDSN()), &gorm.Config{Logger: logger.Discard})
		must(t, err)
		f(t, ready(t, db, c.FormatDSN()))
	})
}

// fresh makes an empty database for one test.
func fresh(t *testing.T, driver, dsn, name, with string) {
	t.Helper()
	server, err := sql.Open(driver, dsn)
	must(t, err)
	_, err = server.Exec("CREATE DATABASE " + name)
	must(t, err)
	t.Cleanup(func() {
		if _, err := server.Exec("DROP DATABASE " + name + with); err != nil {
			t.Error(err)
		}
		must(t, server.Close())
	})
}

// ready installs the plugin and makes the table of accounts.
func ready(t *testing.T, db *gorm.DB, dsn string) database {
	t.Helper()
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { must(t, pool.Close()) })
	must(t, db.Use(auditplugin.New(auditplugin.WithLogger(slog.New(slog.DiscardHandler)))))
	must(t, db.AutoMigrate(&account{}))
	return database{db, dsn}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs the command on the database, as somebody with a wrong clock nowhere.
func (d database) run(ctx context.Context, args ...string) (code int, out, complaint string) {
	var stdout, stderr bytes.Buffer
	env := map[string]string{"AUDIT_DSN": d.dsn, "AUDIT_ACTOR": "ops"}
	a := cli.App{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Getenv: func(n string) string { return env[n] }, Now: time.Now, Zone: time.UTC}
	code = a.Run(ctx, args)
	return code, stdout.String(), stderr.String()
}

// ok runs the command and wants it to succeed with some texts in its output.
func (d database) ok(t *testing.T, line string, want ...string) string {
	t.Helper()
	code, out, complaint := d.run(t.Context(), strings.Fields(line)...)
	if code != 0 {
		t.Errorf("%s: exit code %d: %s", line, code, complaint)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("%s: no %q in\n%s", line, w, out)
		}
	}
	return out
}

func TestOnEveryDatabase(t *testing.T) {
	databases(t, func(t *testing.T, db database) {
		ctx := audit.WithReason(audit.WithActor(t.Context(), audit.Actor{ID: "7", Type: "user", Name: "Ada"}), "ticket 1234")
		a := account{Name: "Casey", Phone: "+49123", MFA: "open-sesame", Notes: "private", Password: "hunter2", Active: true, Balance: 12.5, Born: time.Date(2001, 2, 3, 0, 0, 0, 0, time.UTC)}
		must(t, db.WithContext(ctx).Create(&a).Error)
		must(t, db.WithContext(ctx).Model(&a).Updates(map[string]any{"phone": "+49987", "active": false, "balance": 13}).Error)

		db.ok(t, "trail accounts 1 -o table", "Ada (user 7)", "phone: +49123 → +49987", "ticket 1234")
		db.ok(t, "search --actor 7 --column phone --count", "1")
		db.ok(t, "search --to phone=+49987 --count", "1")
		db.ok(t, "blame accounts 1 -o table", "+49987")
		db.ok(t, "diff accounts 1 --from 1h -o ndjson", `"path":"phone"`)
		db.ok(t, "stats -o csv", "accounts,2,1")
		db.ok(t, "tail -o text", "update account 1")
		out := db.ok(t, "asof accounts 1 --before 2 --fields values", `"phone":"+49123"`, `"active":true`, `"mfa":"***"`, `"password":"***"`)
		for _, secret := range []string{"open-sesame", "private", "hunter2"} {
			if strings.Contains(out, secret) {
				t.Errorf("asof shows %q:\n%s", secret, out)
			}
		}

		// Dry, then done.
		var before, after account
		must(t, db.First(&before, 1).Error)
		db.ok(t, "revert 2 -o text", "would update accounts 1", "phone")
		must(t, db.First(&after, 1).Error)
		if after != before {
			t.Errorf("a dry run changed %+v to %+v", before, after)
		}
		db.ok(t, "search --count", "2")
		db.ok(t, "revert 2 --yes --reason oops")
		must(t, db.First(&after, 1).Error)
		if after.Phone != "+49123" || !after.Active || after.Balance != 12.5 || after.MFA != "open-sesame" {
			t.Errorf("after the revert: %+v", after)
		}
		db.ok(t, "search -n 1 -o ndjson", `"id":"ops"`, `"reason":"oops"`, `"cause":`)
		must(t, db.Delete(&a).Error)
		if code, _, complaint := db.run(ctx, "revert", "2"); code != 4 {
			t.Errorf("a row that is gone: %d %s", code, complaint)
		}
		db.ok(t, "revert 1 --force -o text")
		db.ok(t, "doctor -o csv", "ok,indexes,all are there")
		db.ok(t, "schema --diff")
		db.ok(t, "prune --older-than 0s -o table", "would go")
		db.ok(t, "schema", "CREATE TABLE")
	})
}

// A question cannot write, whatever is asked.
func TestQuestionsAreReadOnly(t *testing.T) {
	databases(t, func(t *testing.T, db database) {
		must(t, db.Create(&account{Name: "Casey"}).Error)
		target, err := parse(db.dsn)
		must(t, err)
		asked, err := target.Open(t.Context(), true)
		must(t, err)
		pool, err := asked.DB()
		must(t, err)
		defer pool.Close()
		if err := asked.Exec("UPDATE accounts SET name = 'x'").Error; err == nil {
			t.Error("a session for questions has written")
		}
		var name string
		must(t, asked.Raw("SELECT name FROM accounts").Scan(&name).Error)
		if name != "Casey" {
			t.Errorf("the row is %q", name)
		}
	})
}

// findings runs the doctor, and wants exactly the given ones besides ok.
func (d database) findings(t *testing.T, args string, want ...string) {
	t.Helper()
	_, out, complaint := d.run(t.Context(), append([]string{"doctor", "-o", "csv", "--fields", "level,check,finding"}, strings.Fields(args)...)...)
	var bad []string
	for _, line := range strings.Split(strings.TrimSpace(out), "\n")[1:] {
		if !strings.HasPrefix(line, "ok,") {
			bad = append(bad, line)
		}
	}
	same := len(bad) == len(want)
	for i := range min(len(bad), len(want)) {
		same = same && strings.Contains(bad[i], want[i])
	}
	if !same || complaint != "" {
		t.Errorf("doctor finds %q, want %q; %s", bad, want, complaint)
	}
}

func TestDoctorOnServers(t *testing.T) {
	databases(t, func(t *testing.T, db database) {
		if db.Name() == "sqlite" {
			t.Skip("what SQLite can have is in testdata/script/doctor.txtar")
		}
		exec := func(statement string) {
			t.Helper()
			must(t, db.Exec(statement).Error)
		}
		must(t, db.Create(&account{Name: "Casey", Born: time.Now()}).Error)
		db.findings(t, "--limit 50GB")
		db.findings(t, "--limit 1KB", "warn,size,")
		user := fmt.Sprintf("u%d", time.Now().UnixNano())
		if db.Name() == "postgres" {
			exec("ALTER TABLE audit_logs ALTER COLUMN host TYPE varchar(20)")
			db.findings(t, "", "FAIL,columns,\"column host is character varying(20)")
			exec("ALTER TABLE audit_logs ALTER COLUMN host TYPE text")
			exec("DROP INDEX idx_audit_logs_changed")
			db.findings(t, "", "warn,indexes,no index on (changed)")
			exec(`CREATE INDEX idx_audit_logs_changed ON audit_logs USING gin (changed jsonb_path_ops)`)
			exec("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_audit_logs_actor'::regclass")
			db.findings(t, "", "warn,indexes,index idx_audit_logs_actor is invalid")
			exec("UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'idx_audit_logs_actor'::regclass")
			exec("ALTER SEQUENCE audit_logs_seq_seq CACHE 20")
			db.findings(t, "", "FAIL,sequence,the sequence has CACHE 20")
			exec("ALTER SEQUENCE audit_logs_seq_seq CACHE 1")
			exec("UPDATE audit_logs SET seq = DEFAULT")
			exec("SELECT setval('audit_logs_seq_seq', 1)")
			db.findings(t, "", "FAIL,sequence,\"the sequence is at 1, and there is a record")
			exec("SELECT setval('audit_logs_seq_seq', (SELECT MAX(seq) FROM audit_logs))")

			exec("CREATE ROLE " + user)
			defer exec("DROP ROLE " + user)
			db.findings(t, "--role "+user, "FAIL,rights,"+user+" may not INSERT")
			exec("GRANT INSERT, SELECT ON audit_logs TO " + user)
			db.findings(t, "--role "+user)
			exec("GRANT UPDATE, DELETE ON audit_logs TO " + user)
			db.findings(t, "--role "+user, "warn,rights,\""+user+" may UPDATE, DELETE")
			exec("DROP OWNED BY " + user)
			db.findings(t, "--role nobody", "FAIL,rights,there is no role nobody")
			db.relayRights(t, user)
			exec("DROP OWNED BY " + user)
			return
		}
		exec("ALTER TABLE audit_logs MODIFY occurred_at DATETIME NOT NULL")
		db.findings(t, "", "FAIL,columns,\"column occurred_at is datetime")
		exec("ALTER TABLE audit_logs MODIFY occurred_at DATETIME(6) NOT NULL")
		exec("ALTER TABLE audit_logs DROP INDEX idx_audit_logs_record")
		db.findings(t, "", "warn,indexes,\"no index on (table_name, record_id, seq)")
		out := db.ok(t, "schema --diff", "ADD KEY")
		exec(strings.TrimSuffix(strings.TrimSpace(out), ";"))
		db.findings(t, "")
		exec("CREATE USER " + user)
		defer exec("DROP USER " + user)
		db.findings(t, "--role "+user, "FAIL,rights,"+user+" may not INSERT")
		exec("GRANT INSERT, SELECT ON audit_logs TO " + user)
		db.findings(t, "--role "+user)
		exec("GRANT UPDATE ON audit_logs TO " + user)
		db.findings(t, "--role "+user, "warn,rights,"+user+" may UPDATE")
		db.findings(t, "--role nobody@nowhere", "FAIL,rights,there is no user nobody@nowhere")
		exec("REVOKE ALL PRIVILEGES ON audit_logs FROM " + user)
		db.relayRights(t, user)
	})
}

// A partitioned table itself is empty and has no age: its partitions count.
func TestDoctorAddsUpPartitions(t *testing.T) {
	databases(t, func(t *testing.T, db database) {
		if db.Name() != "postgres" {
			t.Skip("elsewhere the database adds them up")
		}
		ddl, err := history.PartitionSchema("postgres", "trail", time.Now(), 24)
		must(t, err)
		must(t, db.Exec(ddl).Error)
		must(t, db.Create(&account{Name: "Casey", Born: time.Now()}).Error) // a transaction, to be older than
		_, out, complaint := db.run(t.Context(), "doctor", "--audit-table", "trail", "-o", "csv")
		for _, empty := range []string{", 0 MiB", "is 0 transactions old"} {
			if strings.Contains(out, empty) {
				t.Errorf("doctor says %q\n%s%s", empty, out, complaint)
			}
		}
		if !strings.Contains(out, " MiB") || !strings.Contains(out, "transactions old") {
			t.Errorf("doctor has not looked at the size or the age\n%s%s", out, complaint)
		}
	})
}
