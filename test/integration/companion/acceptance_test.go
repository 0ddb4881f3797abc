package companion

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	driver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"github.com/gorm-audit/auditplugin/trigger"
)

// as opens the database as another user, who may write everything.
func as(t *testing.T, db *testdb.DB, user string) *sql.DB {
	t.Helper()
	name, dsn := "pgx", ""
	switch db.Target.Dialect {
	case testdb.Postgres:
		u, err := url.Parse(db.DSN)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		schema := q.Get("search_path")
		exec(t, db.Raw, "CREATE ROLE "+user+" LOGIN", "GRANT ALL ON SCHEMA "+schema+" TO "+user, "GRANT ALL ON ALL TABLES IN SCHEMA "+schema+" TO "+user)
		t.Cleanup(func() { exec(t, db.Raw, "DROP OWNED BY "+user, "DROP ROLE "+user) })
		q.Set("application_name", "psql")
		u.RawQuery, u.User = q.Encode(), url.User(user)
		dsn = u.String()
	case testdb.MySQL:
		c, err := driver.ParseDSN(db.DSN)
		if err != nil {
			t.Fatal(err)
		}
		exec(t, db.Raw, "CREATE USER '"+user+"'@'%'", "GRANT SELECT, INSERT, UPDATE, DELETE ON "+c.DBName+".* TO '"+user+"'@'%'")
		t.Cleanup(func() { exec(t, db.Raw, "DROP USER '"+user+"'@'%'") })
		c.User = user
		name, dsn = "mysql", c.FormatDSN()
	}
	other, err := sql.Open(name, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return other
}

// marked is a statement as the plugin would send it.
func marked(t *testing.T, db *testdb.DB, table, query string) string {
	t.Helper()
	server, err := catalog.LoadServer(t.Context(), db.Raw, db.Target.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	query, ok := companion.Mark(server, table, query)
	if !ok {
		t.Fatalf("no mark for %s", query)
	}
	return query
}

// Another user is recorded by name, also with the mark of the plugin's statements.
func TestAnotherUser(t *testing.T) {
	for _, dialect := range []string{testdb.Postgres, testdb.MySQL} {
		testdb.Only(t, dialect, func(t *testing.T, g testdb.Target) {
			if g.Dialect == testdb.Postgres {
				testdb.SkipPooled(t, "the test names rights by the schema of a search path")
			}
			db := shop(t, g)
			ok(t, db.Create(&Order{ID: 1, Name: "a"}))
			user := fmt.Sprintf("analyst%d", rand.IntN(1e6))
			other := as(t, db, user)
			forget(t, db)
			update := "UPDATE orders SET n = n + 1 WHERE id = 1"
			exec(t, other, update, marked(t, db, "orders", update))
			expect(t, db, "trigger: update orders 1", "trigger: update orders 1")
			records, err := history.Of(db.DB, &Order{ID: 1}).Find(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if err := history.Text(&b, records); err != nil {
				t.Fatal(err)
			}
			want := "by database user " + user
			if dialect == testdb.Postgres {
				want += " (psql)"
			}
			if strings.Count(b.String(), want+"\n") != 2 || strings.Contains(b.String(), "metadata") {
				t.Errorf("no %q in\n%s", want, b.String())
			}
			// The same mark, by the user for whom it is meant.
			forget(t, db)
			exec(t, db.Raw, marked(t, db, "orders", update))
			expect(t, db)
		})
	}
}

// The trail of both kinds is one: it is read, blamed and undone like any other.
func TestHistoryOfBoth(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := shop(t, g)
		ctx := audit.WithActor(t.Context(), audit.Actor{ID: "7", Type: "user", Name: "Grace"})
		ok(t, db.WithContext(ctx).Create(&Order{ID: 1, Name: "a", N: 1}))
		exec(t, db.Raw, "UPDATE orders SET n = 2 WHERE id = 1")
		ok(t, db.WithContext(ctx).Model(&Order{ID: 1}).Update("name", "b"))
		exec(t, db.Raw, "UPDATE orders SET n = 3, name = 'c' WHERE id = 1")
		records, err := history.Of(db.DB, &Order{ID: 1}).Find(ctx)
		if err != nil || len(records) != 4 {
			t.Fatalf("%d records, %v", len(records), err)
		}
		order := Order{ID: 1}
		if err := history.AsOf(ctx, db.DB, &order, history.Before(records[2])); err != nil || order.N != 2 || order.Name != "a" {
			t.Errorf("as of then it was %+v (%v)", order, err)
		}
		lines, err := history.Blame(ctx, db.DB, &Order{ID: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			if l.Column != "id" && (l.Record == nil || l.Record.ID != records[3].ID) {
				t.Errorf("%s comes from %+v", l.Column, l.Record)
			}
		}
		if _, err := history.Revert(audit.WithReason(ctx, "mistaken"), db.DB, records[3]); err != nil {
			t.Fatal(err)
		}
		var now Order
		ok(t, db.First(&now, 1))
		if now.N != 2 || now.Name != "b" {
			t.Errorf("undone, it is %+v", now)
		}
		expect(t, db, "plugin: create orders 1", "trigger: update orders 1", "plugin: update orders 1", "trigger: update orders 1", "plugin: update orders 1")
	})
}

func TestManyRowsAtOnce(t *testing.T) {
	testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		db := shop(t, g)
		conn, err := db.Raw.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		err = conn.Raw(func(c any) error {
			_, err := c.(*stdlib.Conn).Conn().CopyFrom(t.Context(), pgx.Identifier{"orders"}, []string{"id", "name", "n"}, pgx.CopyFromSlice(1000, func(i int) ([]any, error) {
				return []any{i + 1, fmt.Sprint("o", i), i}, nil
			}))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		exec(t, db.Raw, "UPDATE orders SET id = id + 5000, n = -n WHERE id > 0")
		var created, updated int
		row := db.Raw.QueryRow("SELECT count(*) FILTER (WHERE action = 'create'), count(*) FILTER (WHERE action = 'update' AND record_id::int + 5000 = (after ->> 'id')::int) FROM audit_logs WHERE metadata #>> '{auditplugin,by}' = 'trigger'")
		if err := row.Scan(&created, &updated); err != nil || created != 1000 || updated != 1000 {
			t.Errorf("%d rows are recorded as created and %d as updated (%v)", created, updated, err)
		}
		forget(t, db)
		exec(t, db.Raw, "TRUNCATE orders CASCADE")
		expect(t, db, "trigger: raw orders ", "trigger: raw items ")
		forget(t, db)
		ok(t, db.Exec("TRUNCATE stocks"))
		expect(t, db, "plugin: raw stocks ")
	})
}

// Reading is a partitioned table's model.
type Reading struct {
	ID  uint `gorm:"primaryKey"`
	Day int  `gorm:"primaryKey;autoIncrement:false"`
	N   int
}

func TestPartitions(t *testing.T) {
	testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, testdb.WithPlugin(auditplugin.WithCompanion()))
		exec(t, db.Raw, "CREATE TABLE readings (id int, day int, n int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
			"CREATE TABLE readings_1 PARTITION OF readings FOR VALUES FROM (0) TO (10)", "CREATE TABLE readings_2 PARTITION OF readings FOR VALUES FROM (10) TO (20)")
		install(t, db, &Reading{})
		install(t, db, &Reading{}) // again
		ok(t, db.Create(&[]Reading{{ID: 1, Day: 1, N: 1}, {ID: 2, Day: 11, N: 1}}))
		ok(t, db.Model(&Reading{ID: 1, Day: 1}).Update("n", 2))
		expect(t, db, `plugin: create readings ["1","1"]`, `plugin: create readings ["2","11"]`, `plugin: update readings ["1","1"]`)
		forget(t, db)
		exec(t, db.Raw, "UPDATE readings_1 SET n = 3", "INSERT INTO readings_2 VALUES (3, 12, 0)", "DELETE FROM readings WHERE id = 2")
		expect(t, db, `trigger: update readings ["1","1"]`, `trigger: create readings ["3","12"]`, `trigger: delete readings ["2","11"]`)
	})
}

// What may not be recorded fails, or passes with a warning where that was asked for.
func TestWithoutTheRightToRecord(t *testing.T) {
	testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		for _, lenient := range []bool{false, true} {
			db := shop(t, g)
			user := fmt.Sprintf("owner%d", rand.IntN(1e6))
			exec(t, db.Raw, "CREATE ROLE "+user, "GRANT ALL ON SCHEMA "+schemaOf(t, db)+" TO "+user)
			t.Cleanup(func() { exec(t, db.Raw, "DROP OWNED BY "+user+" CASCADE", "DROP ROLE "+user) })
			if lenient {
				if err := trigger.Install(db.DB, trigger.For(&Order{}), trigger.BestEffort()); err != nil {
					t.Fatal(err)
				}
			}
			exec(t, db.Raw, "ALTER FUNCTION auditplugin_orders() OWNER TO "+user)
			_, err := db.Raw.Exec("INSERT INTO orders (id, name, n) VALUES (1, 'a', 0)")
			if lenient != (err == nil) || err != nil && !strings.Contains(err.Error(), "audit_logs") {
				t.Errorf("best effort %t: %v", lenient, err)
			}
			ok(t, db.Create(&Order{ID: 2, Name: "b"})) // the plugin needs no trigger
		}
	})
}

func schemaOf(t *testing.T, db *testdb.DB) (name string) {
	t.Helper()
	if err := db.Raw.QueryRow("SELECT current_schema()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCheckFindsDrift(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := shop(t, g)
		kinds := func(opts ...trigger.Option) string {
			t.Helper()
			found, err := trigger.Check(t.Context(), db.DB, append(opts, trigger.For(&Order{}, &Item{}))...)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, d := range found {
				seen[d.Table+" "+string(d.Kind)] = true
			}
			var all []string
			for k := range seen {
				all = append(all, k)
			}
			slices.Sort(all)
			return strings.Join(all, ", ")
		}
		if got := kinds(); got != "" {
			t.Errorf("fresh triggers: %s", got)
		}
		if got := kinds(trigger.Roles("somebody")); g.Dialect != testdb.SQLite && got != "items outdated, orders outdated" {
			t.Errorf("for other roles: %q", got)
		}
		exec(t, db.Raw, "ALTER TABLE items ADD COLUMN extra INT")
		if got := kinds(); got != "items outdated" {
			t.Errorf("with a column more: %q", got)
		}
		install(t, db, &Item{})
		exec(t, db.Raw, "INSERT INTO orders (id, name, n) VALUES (1, 'a', 0)", "INSERT INTO items (id, order_id, extra) VALUES (1, 1, 42)")
		trail := oracle.Trail(t, db.Raw, g.Dialect)
		if last := trail[len(trail)-1]; kinds() != "" || fmt.Sprint(last.After["extra"]) != "42" {
			t.Errorf("%q; the new column is %v", kinds(), last.After["extra"])
		}
		if retype := map[string]string{testdb.Postgres: "ALTER TABLE items ALTER extra TYPE TEXT", testdb.MySQL: "ALTER TABLE items MODIFY extra TEXT"}[g.Dialect]; retype != "" {
			exec(t, db.Raw, retype)
			found, err := trigger.Examine(t.Context(), db.DB) // which knows no models
			at := slices.IndexFunc(found, func(t trigger.Table) bool { return t.Name == "items" })
			if err != nil || at < 0 || len(found[at].Drift) == 0 || found[at].Drift[0].Kind != trigger.Outdated || kinds() != "items outdated" {
				t.Errorf("of another type: %v (%v), %q", found, err, kinds())
			}
			install(t, db, &Item{})
		}
		switch g.Dialect {
		case testdb.Postgres:
			exec(t, db.Raw, "ALTER TABLE orders DISABLE TRIGGER auditplugin_update", "CREATE RULE r AS ON DELETE TO items DO ALSO SELECT 1")
			if got := kinds(); got != "items unseen, orders disabled" {
				t.Errorf("disabled, and with a rule: %q", got)
			}
			exec(t, db.Raw, "DROP RULE r ON items")
		case testdb.SQLite:
			exec(t, db.Raw, "INSERT INTO auditplugin_quiet VALUES ('orders')")
			if got := kinds(); got != "orders silenced" {
				t.Errorf("with a mark that was left: %q", got)
			}
			exec(t, db.Raw, "DELETE FROM auditplugin_quiet")
		}
		if err := trigger.Remove(db.DB, trigger.For(&Order{})); err != nil {
			t.Fatal(err)
		}
		if got := kinds(); got != "orders missing" {
			t.Errorf("without: %q", got)
		}
	})
}

// Many writers, errors, rollbacks and savepoints, beside another program that writes too.
func TestManyWriters(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) { manyWriters(t, shop(t, g)) })
}

func manyWriters(t *testing.T, db *testdb.DB) {
	t.Helper()
	const writers, rounds = 8, 40
	ok(t, db.Create(&[]Stock{{ID: 1}, {ID: 2}}))
	exec(t, db.Raw, "INSERT INTO orders (id, name, n) VALUES (999999, 'taken', 0)")
	forget(t, db)
	var mu sync.Mutex
	var others, kept int
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1)) //nolint:gosec // the same each time
			for i := range rounds {
				id := uint(w*rounds + i + 1)
				if w%4 == 3 {
					if _, err := db.Raw.Exec("UPDATE stocks SET n = n + 1 WHERE id = 2"); err == nil {
						mu.Lock()
						others++
						mu.Unlock()
					}
					continue
				}
				err := db.WithContext(t.Context()).Transaction(func(tx *gorm.DB) error {
					if err := tx.Create(&Order{ID: id, Name: fmt.Sprint("o", id)}).Error; err != nil {
						return err
					}
					if random.IntN(10) == 0 {
						_ = tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&Order{ID: id + 100_000, Name: "taken"}).Error })
					}
					if err := tx.Model(&Order{ID: id}).Update("n", i+1).Error; err != nil {
						return err
					}
					if random.IntN(10) < 3 {
						return errors.New("back")
					}
					return nil
				})
				if err == nil {
					mu.Lock()
					kept++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	counts := map[string]int{}
	for _, e := range oracle.Trail(t, db.Raw, db.Target.Dialect) {
		counts[by(e)+" "+e.Action+" "+e.Table]++
	}
	want := map[string]int{"plugin create orders": kept, "plugin update orders": kept, "trigger update stocks": others}
	if fmt.Sprint(counts) != fmt.Sprint(want) || kept == 0 || others == 0 {
		t.Errorf("recorded are %v, made were %v", counts, want)
	}
}

// A process that dies inside a statement leaves no mark.
func TestKilledInsideAStatement(t *testing.T) {
	testdb.Only(t, testdb.SQLite, func(t *testing.T, g testdb.Target) {
		db := shop(t, g)
		other, err := sql.Open("sqlite3", db.DSN)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := other.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{"BEGIN", "INSERT INTO auditplugin_quiet VALUES ('orders')", "INSERT INTO orders (id, name, n) VALUES (1, 'a', 0)"} {
			if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
				t.Fatal(err)
			}
		}
		_ = conn.Close()
		if err := other.Close(); err != nil { // what the system does with a dead process's files
			t.Fatal(err)
		}
		exec(t, db.Raw, "INSERT INTO orders (id, name, n) VALUES (1, 'a', 0)")
		expect(t, db, "trigger: create orders 1")
	})
}
