package host

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// inRole does the work as a role with the given rights on the table counters, and
// with nothing but INSERT on the audit table.
func inRole(t *testing.T, g testdb.Target, grants string, work func(d *testdb.DB) []string) {
	t.Helper()
	plain, audited := both(t, g, func(t *testing.T, owner *testdb.DB) []string {
		must(t, owner.AutoMigrate(&Counter{}))
		for i := range 4 {
			run(t, owner, fmt.Sprintf("INSERT INTO counters (name, hits) VALUES ('old%d', 1)", i))
		}
		var schema string
		must(t, owner.Raw.QueryRow("SELECT current_schema()").Scan(&schema))
		role := fmt.Sprintf("audit_host_%d_%s", os.Getpid(), schema[len(schema)-12:])
		run(t, owner, "CREATE ROLE "+role, "GRANT USAGE ON SCHEMA "+schema+" TO "+role, "GRANT "+grants+" ON counters TO "+role)
		t.Cleanup(func() { run(t, owner, "DROP OWNED BY "+role, "DROP ROLE "+role) })
		options := []testdb.Option{testdb.In(withParameter(t, owner.DSN, "role", role))}
		if owner.Plugin == nil {
			options = append(options, testdb.WithoutPlugin())
		} else {
			run(t, owner, "GRANT INSERT ON audit_logs TO "+role)
		}
		notes := work(g.Open(t, options...))
		return append(notes, rows(t, owner.DB, "SELECT name, hits FROM counters ORDER BY name"))
	})
	same(t, plain, audited)
}

func withParameter(t *testing.T, dsn, name, value string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// announced checks what the plugin of an audited run told.
func announced(t *testing.T, d *testdb.DB, want map[audit.Action]int) {
	t.Helper()
	if d.Plugin == nil {
		return
	}
	got := map[audit.Action]int{}
	for _, r := range d.Announced.Records() {
		got[r.Action]++
	}
	for action, n := range want {
		if got[action] != n {
			t.Errorf("%d records of %s, want %d", got[action], action, n)
		}
	}
}

// TestPostgresRoleWithoutUpdate: whoever may DELETE but not UPDATE must not be
// asked for a row lock, which takes the right to UPDATE.
func TestPostgresRoleWithoutUpdate(t *testing.T) {
	testdb.On(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		inRole(t, g, "SELECT, DELETE", func(d *testdb.DB) (notes []string) {
			notes = append(notes, told(d.Delete(&Counter{Name: "old0"}).Error))
			deleted := d.Where("hits = ?", 1).Where("name <> ?", "old3").Delete(&Counter{})
			notes = append(notes, fmt.Sprint(told(deleted.Error), deleted.RowsAffected))
			notes = append(notes, told(d.Model(&Counter{Name: "old3"}).Update("hits", 9).Error))
			notes = append(notes, told(d.Create(&Counter{Name: "new"}).Error))
			announced(t, d, map[audit.Action]int{audit.Delete: 3, audit.Update: 0, audit.Create: 0})
			return notes
		})
	})
}

// TestPostgresRoleColumns: a role that may read and update some columns only.
func TestPostgresRoleColumns(t *testing.T) {
	testdb.On(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		inRole(t, g, "SELECT (name), UPDATE (hits)", func(d *testdb.DB) (notes []string) {
			updated := d.Model(&Counter{}).Where("name = ?", "old1").Update("hits", 7)
			notes = append(notes, fmt.Sprint(told(updated.Error), updated.RowsAffected))
			notes = append(notes, told(d.Model(&Counter{}).Where("name = ?", "old1").Update("name", "x").Error))
			notes = append(notes, told(d.Delete(&Counter{Name: "old0"}).Error))
			return notes
		})
	})
}

// TestPostgresRoleInsertOnly: INSERT without SELECT; neither the table nor the
// audit table may be read.
func TestPostgresRoleInsertOnly(t *testing.T) {
	testdb.On(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		inRole(t, g, "INSERT", func(d *testdb.DB) (notes []string) {
			notes = append(notes, told(d.Create(&Counter{Name: "new1", Hits: 3}).Error))
			created := d.Create([]Counter{{Name: "new2"}, {Name: "new3"}})
			notes = append(notes, fmt.Sprint(told(created.Error), created.RowsAffected))
			notes = append(notes, told(d.Create(&Counter{Name: "new1"}).Error))
			quiet := d.Clauses(clause.OnConflict{DoNothing: true}).Create(&Counter{Name: "old0"})
			notes = append(notes, fmt.Sprint(told(quiet.Error), quiet.RowsAffected))
			notes = append(notes, told(d.Where("name = ?", "old0").Delete(&Counter{}).Error))
			announced(t, d, map[audit.Action]int{audit.Create: 3, audit.Delete: 0})
			return notes
		})
	})
}

// TestPostgresViewInsteadOf: a view that triggers make writable has no rows to
// lock and no key; writing to it works as it did.
func TestPostgresViewInsteadOf(t *testing.T) {
	testdb.On(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) (notes []string) {
			run(
				t, d,
				"CREATE TABLE stored (name text PRIMARY KEY, hits int, kept bool DEFAULT false)",
				"INSERT INTO stored VALUES ('a', 1, false), ('b', 1, false), ('c', 1, false), ('k', 1, true)",
				"CREATE VIEW counters AS SELECT name, sum(hits)::int AS hits FROM stored GROUP BY name",
				`CREATE FUNCTION counters_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
					IF TG_OP = 'INSERT' THEN INSERT INTO stored (name, hits) VALUES (NEW.name, NEW.hits); RETURN NEW; END IF;
					IF TG_OP = 'UPDATE' THEN UPDATE stored SET hits = NEW.hits WHERE name = OLD.name; RETURN NEW; END IF;
					DELETE FROM stored WHERE name = OLD.name AND NOT kept;
					IF FOUND THEN RETURN OLD; END IF;
					RETURN NULL;
				END $$`,
				"CREATE TRIGGER counters_write INSTEAD OF INSERT OR UPDATE OR DELETE ON counters FOR EACH ROW EXECUTE FUNCTION counters_write()",
			)
			created := d.Create(&Counter{Name: "new", Hits: 5})
			notes = append(notes, fmt.Sprint(told(created.Error), created.RowsAffected))
			updated := d.Model(&Counter{}).Where("hits = ?", 1).Update("hits", 2)
			notes = append(notes, fmt.Sprint(told(updated.Error), updated.RowsAffected))
			deleted := d.Where("name IN ?", []string{"b", "k"}).Delete(&Counter{})
			notes = append(notes, fmt.Sprint(told(deleted.Error), deleted.RowsAffected))
			notes = append(notes, told(d.Create(&Counter{Name: "new"}).Error))
			announced(t, d, map[audit.Action]int{audit.Create: 1, audit.Update: 4, audit.Delete: 1})
			return append(notes, rows(t, d.DB, "SELECT * FROM stored ORDER BY name"))
		})
		same(t, plain, audited)
	})
}

// TestPostgresRoleUnreadable: what changes rows that nobody may read can not be
// recorded, and so is refused rather than let through.
func TestPostgresRoleUnreadable(t *testing.T) {
	testdb.On(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		owner := g.Open(t)
		must(t, owner.AutoMigrate(&Counter{}))
		run(t, owner, "INSERT INTO counters VALUES ('a', 1), ('b', 1)")
		var schema string
		must(t, owner.Raw.QueryRow("SELECT current_schema()").Scan(&schema))
		role := fmt.Sprintf("audit_unreadable_%d_%s", os.Getpid(), schema[len(schema)-12:])
		run(t, owner, "CREATE ROLE "+role, "GRANT USAGE ON SCHEMA "+schema+" TO "+role,
			"GRANT INSERT, DELETE ON counters TO "+role, "GRANT INSERT ON audit_logs TO "+role)
		t.Cleanup(func() { run(t, owner, "DROP OWNED BY "+role, "DROP ROLE "+role) })
		d := g.Open(t, testdb.In(withParameter(t, owner.DSN, "role", role)))
		all := d.Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(&Counter{})
		if !errors.Is(all.Error, auditplugin.ErrAuditFailed) {
			t.Errorf("delete of every row: %v", all.Error)
		}
		some := d.Clauses(clause.OnConflict{DoNothing: true}).Create([]Counter{{Name: "a"}, {Name: "c"}})
		if !errors.Is(some.Error, auditplugin.ErrAuditFailed) {
			t.Errorf("insert of some rows: %v", some.Error)
		}
		if n := count(t, owner, "SELECT count(*) FROM counters"); n != 2 {
			t.Errorf("%d rows, want the 2 there were", n)
		}
	})
}
