package integration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"
)

type (
	hereOrder  struct{ ID, No uint }
	thereOwner struct {
		ID   uint
		Name string `gorm:"size:50"`
	}
)

// twoDatabases leads thereOwner to a database of its own. The same table is in both, with
// other columns, so that nothing of one can be taken for the other's.
type twoDatabases struct {
	db          *gorm.DB
	plugin      *auditplugin.Plugin
	here, there *testdb.DB
}

var resolverOrders = map[string]func(func(*gorm.DB) error) testdb.Option{"resolver first": testdb.Before, "plugin first": testdb.After}

func openTwo(t *testing.T, g testdb.Target, when func(func(*gorm.DB) error) testdb.Option, options ...testdb.Option) twoDatabases {
	t.Helper()
	there := g.Open(t, testdb.WithoutPlugin(), testdb.OwnDatabase())
	if err := there.AutoMigrate(&thereOwner{}); err != nil {
		t.Fatal(err)
	}
	use := func(db *gorm.DB) error {
		return db.Use(dbresolver.Register(dbresolver.Config{Sources: []gorm.Dialector{testdb.Dialector(g.Dialect, there.DSN)}}, &thereOwner{}))
	}
	here := g.Open(t, append(options, testdb.OwnDatabase(), when(use))...)
	if _, err := here.Raw.Exec("CREATE TABLE there_owners (name varchar(50) PRIMARY KEY, extra varchar(50) DEFAULT 'x', id integer)"); err != nil {
		t.Fatal(err)
	}
	if err := here.DB.AutoMigrate(&hereOrder{}); err != nil {
		t.Fatal(err)
	}
	return twoDatabases{here.DB, here.Plugin, here, there}
}

// trailIn is "action table before>after" of one database's audit table.
func trailIn(t *testing.T, d *testdb.DB) string {
	t.Helper()
	rows, err := d.Raw.Query("SELECT action, table_name, record_id FROM audit_logs ORDER BY seq")
	if err != nil {
		return "no table"
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var action, table, id string
		if err := rows.Scan(&action, &table, &id); err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.TrimSpace(action+" "+table+" "+id))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "; ")
}

// A record commits with its change, in the database that has the change.
func TestSourceInAnotherDatabase(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for order, when := range resolverOrders {
			for name, options := range map[string][]testdb.Option{
				"plain": nil, "prepared": {testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = true })},
				"no default transactions": {testdb.WithGORM(func(c *gorm.Config) { c.SkipDefaultTransaction = true })},
				"unwrapped":               {testdb.WithPlugin(auditplugin.WithUnwrappedPool())},
				"table alone":             {testdb.TableAlone()},
			} {
				t.Run(order+", "+name, func(t *testing.T) {
					two := openTwo(t, g, when, options...)
					db := two.db
					owner := thereOwner{Name: "a"}
					use := db.Clauses(dbresolver.Use("there_owners"), dbresolver.Write).Session(&gorm.Session{})
					check := func(err error) {
						t.Helper()
						if err != nil {
							t.Fatal(err)
						}
					}
					check(db.Create(&hereOrder{No: 1}).Error)
					check(db.Create(&owner).Error)
					check(db.Model(&owner).Update("name", "b").Error)
					check(use.Transaction(func(tx *gorm.DB) error {
						return errors.Join(
							tx.Create(&thereOwner{Name: "c"}).Error,
							tx.Model(&thereOwner{}).Where("name = ?", "c").Update("name", "d").Error,
							tx.Exec("UPDATE there_owners SET name = 'e' WHERE name = 'd'").Error,
							auditplugin.Event(tx, audit.Record{Message: "x"}),
						)
					}))
					if err := use.Transaction(func(tx *gorm.DB) error {
						check(tx.Create(&thereOwner{Name: "never"}).Error)
						return errOnPurpose
					}); !errors.Is(err, errOnPurpose) {
						t.Fatal(err)
					}
					check(db.Delete(&owner).Error)
					check(db.Create(&hereOrder{No: 2}).Error)

					if got, want := trailIn(t, two.here), "create here_orders 1; create here_orders 2"; got != want {
						t.Errorf("here: %s\nwant: %s", got, want)
					}
					if got, want := trailIn(t, two.there), "create there_owners 1; update there_owners 1; create there_owners 2; update there_owners 2; raw there_owners; event; delete there_owners 1"; got != want {
						t.Errorf("there: %s\nwant: %s", got, want)
					}
					// Its trail is asked for there.
					records, err := history.Of(use, &thereOwner{ID: 2}).Find(t.Context())
					if err != nil || len(records) != 2 {
						t.Errorf("history has %d records, %v", len(records), err)
					}
					// In a transaction the key is asked for there, too: here it is another.
					for want, of := range map[string]*gorm.DB{"name": db, "id": use} {
						tx := of.Begin()
						names, _, err := two.plugin.KeyColumns(t.Context(), tx, nil, "there_owners")
						if err != nil || len(names) != 1 || names[0] != want {
							t.Errorf("in a transaction, the key is %q, want %q, %v", names, want, err)
						}
						check(tx.Rollback().Error)
					}
					if n := two.plugin.Stats().Records; n < 9 {
						t.Errorf("%d records were counted", n)
					}
				})
			}
		}
	})
}

// Where the audit table can not be made, the first write says so, and what to do.
func TestSourceWithoutAuditTable(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for order := range resolverOrders {
			for _, keep := range []bool{false, true} {
				t.Run(fmt.Sprint(order, ", keep ", keep), func(t *testing.T) {
					policy := auditplugin.FailWrite
					if keep {
						policy = auditplugin.KeepWrite
					}
					schema, err := emitter.Schema(g.Dialect)
					if err != nil {
						t.Fatal(err)
					}
					create := func(d *testdb.DB) {
						for _, statement := range strings.SplitAfter(schema, ";\n") {
							if _, err := d.Raw.Exec(statement); strings.TrimSpace(statement) != "" && err != nil {
								t.Fatal(err)
							}
						}
					}
					var reported []error
					there := g.Open(t, testdb.WithoutPlugin(), testdb.OwnDatabase())
					here := g.Open(t, testdb.WithoutPlugin(), testdb.OwnDatabase())
					create(here)
					if err := there.AutoMigrate(&thereOwner{}); err != nil {
						t.Fatal(err)
					}
					resolver := dbresolver.Register(dbresolver.Config{Sources: []gorm.Dialector{testdb.Dialector(g.Dialect, there.DSN)}}, &thereOwner{})
					plugin := auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.NoCreate())), auditplugin.WithFailurePolicy(policy), auditplugin.WithLogger(slog.New(slog.DiscardHandler)),
						auditplugin.WithErrorHandler(func(_ context.Context, err error) { reported = append(reported, err) }))
					plugins := []gorm.Plugin{plugin, resolver}
					if order == "resolver first" {
						plugins = []gorm.Plugin{resolver, plugin}
					}
					for _, p := range plugins {
						if err := here.DB.Use(p); err != nil {
							t.Fatal(err)
						}
					}
					writes := map[string]func() error{
						"create": func() error { return here.DB.Create(&thereOwner{Name: "a"}).Error },
						"raw":    func() error { return here.DB.Exec("DELETE FROM there_owners WHERE name = 'z'").Error },
						"transaction": func() error {
							return here.DB.Clauses(dbresolver.Use("there_owners"), dbresolver.Write).Transaction(func(tx *gorm.DB) error {
								return tx.Create(&thereOwner{Name: "b"}).Error
							})
						},
					}
					for name, write := range writes {
						err := write()
						if keep {
							if err != nil {
								t.Errorf("%s: %v", name, err)
							}
							continue
						}
						if !errors.Is(err, auditplugin.ErrAuditFailed) || !errors.Is(err, emitter.ErrTableMissing) ||
							!strings.Contains(err.Error(), "another database") || !strings.Contains(err.Error(), "emitter.Schema") {
							t.Errorf("%s: %v", name, err)
						}
					}
					var n int64
					if err := there.DB.Model(&thereOwner{}).Count(&n).Error; err != nil {
						t.Fatal(err)
					}
					if want := map[bool]int64{false: 0, true: 2}[keep]; n != want {
						t.Errorf("%d rows, want %d", n, want)
					}
					if keep && len(reported) == 0 {
						t.Error("nobody heard of the records that were lost")
					}
					// Once it is there, it serves.
					create(there)
					if err := here.DB.Create(&thereOwner{Name: "c"}).Error; err != nil {
						t.Error(err)
					}
					if got := trailIn(t, there); !strings.Contains(got, "create there_owners") {
						t.Errorf("there: %s", got)
					}
				})
			}
		}
	})
}

// Databases that are only read get no table.
func TestReplicaGetsNoAuditTable(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for order, when := range resolverOrders {
			t.Run(order, func(t *testing.T) {
				replica := g.Open(t, testdb.WithoutPlugin(), testdb.OwnDatabase())
				if err := replica.AutoMigrate(&hereOrder{}); err != nil {
					t.Fatal(err)
				}
				here := g.Open(t, testdb.OwnDatabase(), testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(&hereOrder{}) }), when(func(db *gorm.DB) error {
					return db.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{testdb.Dialector(g.Dialect, replica.DSN)}}))
				}))
				if err := errors.Join(here.DB.Create(&hereOrder{No: 1}).Error, here.DB.Find(&[]hereOrder{}).Error); err != nil {
					t.Fatal(err)
				}
				if got := trailIn(t, replica); got != "no table" {
					t.Errorf("the replica's: %s", got)
				}
				if got := trailIn(t, here); got != "create here_orders 1" {
					t.Errorf("the source's: %s", got)
				}
			})
		}
	})
}
