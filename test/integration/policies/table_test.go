package policies

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// TestTableContract: the table emitter keeps the contract of emitters on servers.
func TestTableContract(t *testing.T) {
	for _, dialect := range []string{testdb.Postgres, testdb.MySQL} {
		t.Run(dialect, func(t *testing.T) {
			testdb.Only(t, dialect, func(t *testing.T, g testdb.Target) {
				d := g.Open(t, testdb.WithoutPlugin())
				var tables atomic.Int64
				emittertest.Run(t, func(t *testing.T) (audit.Emitter, func() []audit.Record) {
					name := fmt.Sprint("contract_", tables.Add(1))
					bound, err := emitter.Table(emitter.Name(name)).Bind(d.DB)
					if err != nil {
						t.Fatal(err)
					}
					return bound, func() []audit.Record { return trailOf(t, d, name) }
				})
			})
		})
	}
}

// TestTableCreatedAtOnce: twelve processes start on an empty database.
func TestTableCreatedAtOnce(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.WithoutPlugin())
		if err := migrate(d.DB); err != nil {
			t.Fatal(err)
		}
		const n = 12
		handles := make([]*gorm.DB, n)
		for i := range handles {
			handles[i] = d.Plain(t)
		}
		var group sync.WaitGroup
		start := make(chan struct{})
		for i, db := range handles {
			group.Go(func() {
				<-start
				if err := db.Use(auditplugin.New(auditplugin.WithLogger(textLogger(&lines{})))); err != nil {
					t.Errorf("plugin %d: %v", i, err)
					return
				}
				if err := db.Create(&account{Name: fmt.Sprint(i)}).Error; err != nil {
					t.Errorf("plugin %d: %v", i, err)
				}
			})
		}
		close(start)
		group.Wait()
		if got := len(trail(t, d)); got != n {
			t.Errorf("%d records, want %d", got, n)
		}
	})
}

// TestTableOnOtherDatabase: an application on SQLite, its trail on a server.
func TestTableOnOtherDatabase(t *testing.T) {
	for _, dialect := range []string{testdb.Postgres, testdb.MySQL} {
		t.Run(dialect, func(t *testing.T) {
			testdb.Only(t, dialect, func(t *testing.T, g testdb.Target) {
				server := g.Open(t, testdb.WithoutPlugin())
				app := testdb.Target{Dialect: testdb.SQLite}.Open(t, testdb.WithoutPlugin())
				if err := migrate(app.DB); err != nil {
					t.Fatal(err)
				}
				h := &heard{}
				plugin := auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.On(server.DB))),
					auditplugin.WithErrorHandler(h.handle), auditplugin.WithLogger(textLogger(&lines{})))
				if err := app.Use(plugin); err != nil {
					t.Fatal(err)
				}
				want := func(lines ...string) {
					t.Helper()
					if got := brief(trail(t, server)); got != strings.Join(lines, "\n") {
						t.Errorf("the table holds\n%s\nwant\n%s", got, strings.Join(lines, "\n"))
					}
				}
				err := app.Transaction(func(tx *gorm.DB) error {
					err := errors.Join(tx.Create(&account{Name: "a"}).Error, tx.Model(&account{ID: 1}).Update("name", "b").Error)
					want() // not before the commit
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				want("create account 1", "update account 1")
				tx := app.Begin()
				must(t, tx.Delete(&account{ID: 1}))
				must(t, tx.Rollback())
				want("create account 1", "update account 1")
				if errs := h.take(); len(errs) != 0 {
					t.Errorf("the handler heard %v", errs)
				}

				// What that database refuses is lost, and said to be.
				exec(t, server, "DROP TABLE audit_logs")
				must(t, app.Model(&account{ID: 1}).Update("name", secret))
				if errs := h.take(); len(errs) != 1 || plugin.Stats().Failed != 1 {
					t.Errorf("the handler heard %v, Stats are %+v", errs, plugin.Stats())
				}
				if got := nameOf(t, app, 1); got != secret {
					t.Errorf("the row is %q", got)
				}
			})
		})
	}
}

// TestTableMismatch: a table of the same name that is not ours is left alone.
func TestTableMismatch(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.WithoutPlugin())
		if err := migrate(d.DB); err != nil {
			t.Fatal(err)
		}
		exec(t, d, "CREATE TABLE audit_logs (id INTEGER, seq INTEGER)")
		err := d.Use(auditplugin.New())
		if !errors.Is(err, emitter.ErrTableMismatch) || !strings.Contains(err.Error(), "occurred_at") {
			t.Fatalf("db.Use returned %v", err)
		}
		must(t, d.Create(&account{Name: "not audited"}))
		if got := content(t, d, "SELECT * FROM audit_logs"); got != "" {
			t.Errorf("the table holds\n%s", got)
		}
	})
}

// TestTableNoCreate: a table that is not to be created has to be there.
func TestTableNoCreate(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.WithoutPlugin())
		option := auditplugin.WithEmitter(emitter.Table(emitter.NoCreate()))
		if err := d.Use(auditplugin.New(option)); !errors.Is(err, emitter.ErrTableMissing) {
			t.Errorf("db.Use returned %v", err)
		}
		schema, err := emitter.Schema(g.Dialect)
		if err != nil {
			t.Fatal(err)
		}
		for statement := range strings.SplitSeq(schema, ";\n") {
			if strings.TrimSpace(statement) != "" {
				exec(t, d, statement)
			}
		}
		if err := migrate(d.DB); err != nil {
			t.Fatal(err)
		}
		if err := d.Use(auditplugin.New(option, auditplugin.WithLogger(textLogger(&lines{})))); err != nil {
			t.Fatal(err)
		}
		must(t, d.Create(&account{Name: "a"}))
		if got := brief(trail(t, d)); got != "create account 1" {
			t.Errorf("the table holds\n%s", got)
		}
	})
}

// TestTableRoles: what the application's role needs, and what one that may only
// read gets.
func TestTableRoles(t *testing.T) {
	testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		d := open(t, g)
		reset(t, d)
		role := "audit_role_" + strings.ReplaceAll(uuid.NewString(), "-", "")
		exec(t, d, "CREATE ROLE "+role+" LOGIN")
		t.Cleanup(func() { exec(t, d, "DROP OWNED BY "+role); exec(t, d, "DROP ROLE "+role) })
		var schema string
		if err := d.DB.Raw("SELECT current_schema()").Scan(&schema).Error; err != nil {
			t.Fatal(err)
		}
		exec(t, d, "GRANT USAGE ON SCHEMA "+schema+" TO "+role)
		exec(t, d, "GRANT SELECT ON ALL TABLES IN SCHEMA "+schema+" TO "+role)
		dsn, err := url.Parse(d.DSN)
		if err != nil {
			t.Fatal(err)
		}
		dsn.User = url.User(role)

		connect := func() *gorm.DB {
			t.Helper()
			db, err := gorm.Open(testdb.Dialector(testdb.Postgres, dsn.String()), &gorm.Config{Logger: logger.Discard})
			if err != nil {
				t.Fatal(err)
			}
			pool, err := db.DB()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = pool.Close() })
			if err := db.Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.NoCreate())), auditplugin.WithLogger(textLogger(&lines{})))); err != nil {
				t.Fatal(err)
			}
			return db
		}
		reader := connect()
		var n int64
		must(t, reader.Model(&account{}).Count(&n))
		if n != 3 {
			t.Errorf("the reader sees %d accounts", n)
		}
		if err := reader.Model(&account{ID: 1}).Update("name", secret).Error; err == nil {
			t.Error("the reader wrote")
		}
		exec(t, d, "GRANT INSERT, UPDATE, DELETE ON accounts, notes TO "+role)
		err = connect().Model(&account{ID: 1}).Update("name", secret).Error
		if !errors.Is(err, auditplugin.ErrAuditFailed) || strings.Contains(err.Error(), secret) {
			t.Errorf("without INSERT on the audit table the write returned %v", err)
		}
		wantRecords(t, d)
		exec(t, d, "GRANT INSERT ON audit_logs TO "+role)
		exec(t, d, "REVOKE SELECT ON audit_logs FROM "+role)
		must(t, connect().Model(&account{ID: 1}).Update("name", "Eve"))
		if got := brief(trail(t, d)); got != "update account 1" {
			t.Errorf("the table holds\n%s", got)
		}
	})
}
