package companion

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Order has items that go with it, and a trigger of the application's that writes stocks.
type Order struct {
	ID    uint
	Name  string `gorm:"size:40;uniqueIndex"`
	N     int
	Items []Item `gorm:"constraint:OnDelete:CASCADE,OnUpdate:CASCADE"`
}

// Item belongs to an order.
type Item struct {
	ID      uint
	OrderID uint
	Name    string `gorm:"size:40"`
}

// Stock is what the application's trigger counts.
type Stock struct {
	ID uint
	N  int
}

// shop is a database with companions on its tables.
func shop(t *testing.T, g testdb.Target, options ...testdb.Option) *testdb.DB {
	t.Helper()
	db := g.Open(t, append([]testdb.Option{
		testdb.WithPlugin(auditplugin.WithCompanion(), auditplugin.WithApplication("shop")),
		testdb.After(func(db *gorm.DB) error { return db.AutoMigrate(&Order{}, &Item{}, &Stock{}) }),
	}, options...)...)
	install(t, db, &Order{}, &Item{}, &Stock{})
	return db
}

// by tells who wrote a record: the trigger, or the plugin.
func by(e oracle.Entry) string {
	if e.FromTrigger() {
		return "trigger"
	}
	return "plugin"
}

// told is the trail in short, sorted: what is recorded, and by whom.
func told(t *testing.T, db *testdb.DB) []string {
	t.Helper()
	var all []string
	for _, e := range oracle.Trail(t, db.Raw, db.Target.Dialect) {
		all = append(all, fmt.Sprintf("%s: %s %s %s", by(e), e.Action, e.Table, e.RecordID))
	}
	slices.Sort(all)
	return all
}

func expect(t *testing.T, db *testdb.DB, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := told(t, db); !slices.Equal(got, want) {
		t.Errorf("the trail is\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if db.Target.Dialect == testdb.SQLite {
		var n int
		if err := db.Raw.QueryRow("SELECT (SELECT count(*) FROM auditplugin_quiet) + (SELECT count(*) FROM auditplugin_context)").Scan(&n); err != nil || n != 0 {
			t.Errorf("%d marks are left (%v)", n, err)
		}
	}
}

func forget(t *testing.T, db *testdb.DB) {
	t.Helper()
	exec(t, db.Raw, "DELETE FROM audit_logs")
}

func exec(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%v in %s", err, s)
		}
	}
}

func ok(t *testing.T, db *gorm.DB) {
	t.Helper()
	if db.Error != nil {
		t.Fatal(db.Error)
	}
}

// What goes through GORM is recorded by the plugin, once; what does not, by the triggers, once.
func TestEachChangeOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		for _, prepared := range []bool{false, true} {
			db := shop(t, g, testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = prepared }))
			ok(t, db.Create(&Order{ID: 1, Name: "a", Items: []Item{{ID: 1, Name: "x"}, {ID: 2, Name: "y"}}}))
			ok(t, db.Model(&Order{ID: 1}).Update("n", 1))
			ok(t, db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Order{{ID: 1, Name: "a", N: 2}, {ID: 2, Name: "b"}}))
			ok(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Order{ID: 1, Name: "a", N: 9}))
			ok(t, db.Model(&Order{ID: 1}).Update("id", 3)) // its items follow
			ok(t, db.Delete(&Order{ID: 3}))                // and go with it
			returning := []clause.Expression{clause.Returning{}}
			if g.Dialect == testdb.MySQL {
				returning = nil // it has none for an UPDATE
			}
			ok(t, db.Model(&Order{ID: 2}).Clauses(returning...).Update("n", 7))
			cascaded := []string{
				"plugin: update items 1", "plugin: update items 2", "plugin: delete items 1", "plugin: delete items 2",
			}
			expect(t, db, append(
				cascaded, "plugin: create orders 1", "plugin: create items 1", "plugin: create items 2", "plugin: update orders 1", "plugin: update orders 1",
				"plugin: create orders 2", "plugin: update orders 1", "plugin: delete orders 3", "plugin: update orders 2",
			)...)

			forget(t, db)
			exec(t, db.Raw, "INSERT INTO orders (id, name, n) VALUES (10, 'psql', 0), (11, 'psql 2', 0)", "UPDATE orders SET n = n + 1 WHERE id >= 10",
				"UPDATE orders SET n = n", "DELETE FROM orders WHERE id = 10")
			expect(t, db, "trigger: create orders 10", "trigger: create orders 11", "trigger: update orders 10", "trigger: update orders 11", "trigger: delete orders 10")
		}
	})
}

// Errors, rollbacks and savepoints leave no mark behind.
func TestNothingStaysSilent(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		db := shop(t, g, testdb.WithMaxOpen(1))
		ok(t, db.Create(&Order{ID: 1, Name: "a"}))
		other := func() {
			t.Helper()
			forget(t, db)
			pool, err := db.DB.DB()
			if err != nil {
				t.Fatal(err)
			}
			exec(t, pool, "UPDATE orders SET n = n + 1 WHERE id = 1") // on the same connection
			expect(t, db, "trigger: update orders 1")
		}
		other()
		if err := db.Create(&Order{ID: 2, Name: "a"}).Error; err == nil {
			t.Fatal("a name that is taken was accepted")
		}
		other()
		err := db.Transaction(func(tx *gorm.DB) error {
			ok(t, tx.Model(&Order{ID: 1}).Update("n", 50))
			return errors.New("back")
		})
		if err == nil {
			t.Fatal("the transaction was committed")
		}
		other()
		err = db.Transaction(func(tx *gorm.DB) error {
			_ = tx.Transaction(func(tx *gorm.DB) error {
				ok(t, tx.Model(&Order{ID: 1}).Update("n", 50))
				return tx.Create(&Order{ID: 3, Name: "a"}).Error
			})
			ok(t, tx.Model(&Order{ID: 1}).Update("n", 60))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		other()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if db.WithContext(ctx).Model(&Order{ID: 1}).Update("n", 1).Error == nil {
			t.Fatal("the context had ended")
		}
		other()
	})
}

// Raw SQL through GORM: one raw record, and one of each row, with who and why.
func TestRawSQL(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := shop(t, g)
		ok(t, db.Create(&[]Order{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}, {ID: 3, Name: "c"}}))
		forget(t, db)
		ctx := audit.WithActor(t.Context(), audit.Actor{ID: "7", Type: "user", Name: "Grace"})
		ctx = audit.WithRequest(audit.WithReason(ctx, "ticket 1234"), audit.Request{ID: "r-1", IP: "10.0.0.1", UserAgent: "curl"})
		ctx = audit.WithMetadata(ctx, map[string]any{"ticket": "1234"})
		err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			ok(t, tx.Exec("UPDATE orders SET n = 5"))
			return tx.Model(&Order{ID: 1}).Update("n", 6).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, db, "plugin: raw orders ", "trigger: update orders 1", "trigger: update orders 2", "trigger: update orders 3", "plugin: update orders 1")
		trail := oracle.Trail(t, db.Raw, g.Dialect)
		at := slices.IndexFunc(trail, func(e oracle.Entry) bool { return e.Action == "raw" })
		raw := trail[at]
		for _, e := range trail {
			if e.ActorID != "7" || e.ActorName != "Grace" || e.ActorType != "user" || e.Reason != "ticket 1234" || e.RequestID != "r-1" || e.UserAgent != "curl" ||
				e.TransactionID != raw.TransactionID || e.Application != "shop" || e.Metadata["ticket"] != "1234" {
				t.Errorf("%s: %+v", by(e), e)
			}
			if by(e) == "trigger" && e.Cause != raw.ID {
				t.Errorf("its cause is %q, the raw record is %q", e.Cause, raw.ID)
			}
		}
		forget(t, db)
		if db.WithContext(ctx).Exec("UPDATE orders SET id = NULL").Error == nil && g.Dialect != testdb.MySQL {
			t.Error("a key was made NULL")
		}
		forget(t, db)
		exec(t, db.Raw, "UPDATE orders SET n = 8 WHERE id = 2")
		pool, err := db.DB.DB()
		if err != nil {
			t.Fatal(err)
		}
		exec(t, pool, "UPDATE orders SET n = 9 WHERE id = 2")
		for _, e := range oracle.Trail(t, db.Raw, g.Dialect) {
			if e.ActorType != "db" || e.Cause != "" || e.Reason != "" {
				t.Errorf("who ran raw SQL is still named: %+v", e)
			}
		}
		forget(t, db)
		ok(t, db.WithContext(audit.Skip(t.Context(), "cleaning up")).Exec("UPDATE orders SET n = 10"))
		ok(t, db.WithContext(audit.Skip(t.Context(), "cleaning up")).Model(&Order{}).Where("id > 0").Update("n", 11))
		expect(t, db, "plugin: event orders ", "plugin: event orders ")
	})
}

// What a trigger of the application's writes elsewhere is recorded, and once.
func TestTriggersOfTheApplication(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		db := shop(t, g)
		ok(t, db.Create(&Stock{ID: 1}))
		switch g.Dialect {
		case testdb.Postgres:
			exec(t, db.Raw, `CREATE FUNCTION count_stock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE stocks SET n = n + 1; RETURN NEW; END $$`,
				"CREATE TRIGGER count_stock AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION count_stock()")
		case testdb.SQLite:
			exec(t, db.Raw, "CREATE TRIGGER count_stock AFTER INSERT ON orders BEGIN UPDATE stocks SET n = n + 1; END",
				"CREATE TRIGGER count_stock_2 AFTER UPDATE ON orders BEGIN UPDATE stocks SET n = n + 1; END")
		default:
			exec(t, db.Raw, "CREATE TRIGGER count_stock AFTER INSERT ON orders FOR EACH ROW UPDATE stocks SET n = n + 1",
				"CREATE TRIGGER count_stock_2 AFTER UPDATE ON orders FOR EACH ROW UPDATE stocks SET n = n + 1")
		}
		forget(t, db)
		ok(t, db.Create(&Order{ID: 1, Name: "a"}))
		ok(t, db.Model(&Order{ID: 1}).Update("n", 3))
		expect(t, db, "plugin: create orders 1", "trigger: update stocks 1", "plugin: update orders 1", "trigger: update stocks 1")
	})
}

// A write that the plugin keeps although it could not record it is recorded by the trigger.
func TestWhatThePluginLost(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := shop(t, g, testdb.WithPlugin(auditplugin.WithFailurePolicy(auditplugin.KeepWrite)))
		ok(t, db.Create(&[]Order{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}}))
		forget(t, db)
		// Such a condition can not be evaluated twice.
		chance := map[string]string{testdb.SQLite: "abs(random()) >= 0", testdb.Postgres: "random() >= 0", testdb.MySQL: "RAND() >= 0"}[g.Dialect]
		res := db.Model(&Order{}).Where(chance).Update("n", 5)
		if res.Error != nil || res.RowsAffected != 2 {
			t.Fatalf("%d rows, %v", res.RowsAffected, res.Error)
		}
		rows := 0
		for _, e := range oracle.Trail(t, db.Raw, g.Dialect) {
			if e.Action == "update" {
				rows++
			}
		}
		if rows != 2 {
			t.Errorf("%d of 2 rows are recorded: %v", rows, told(t, db))
		}
	})
}
