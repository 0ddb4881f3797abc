package integration

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Person is a view over the table people_data.
type Person struct {
	ID   uint
	Name string
}

func TestPostgresView(t *testing.T) {
	scene{
		ddl: func(string) []string {
			return []string{
				"CREATE TABLE people_data (id BIGSERIAL PRIMARY KEY, name TEXT)",
				"INSERT INTO people_data (name) VALUES ('a'), ('b'), ('c')",
				"CREATE VIEW people AS SELECT id, name FROM people_data WHERE id > 0",
				`CREATE FUNCTION people_write() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
					IF TG_OP = 'INSERT' THEN INSERT INTO people_data (name) VALUES (NEW.name) RETURNING id INTO NEW.id; RETURN NEW; END IF;
					IF TG_OP = 'UPDATE' THEN UPDATE people_data SET name = NEW.name WHERE id = OLD.id; RETURN NEW; END IF;
					DELETE FROM people_data WHERE id = OLD.id; RETURN OLD; END $f$`,
				"CREATE TRIGGER people_write INSTEAD OF INSERT OR UPDATE OR DELETE ON people FOR EACH ROW EXECUTE FUNCTION people_write()",
			}
		},
	}.on(t, testdb.Postgres, func(s *stage) {
		p := Person{Name: "d"}
		s.ok(s.db.Create(&p))
		s.ok(s.db.Model(&Person{ID: 1}).Update("name", "changed"))
		s.ok(s.db.Delete(&Person{ID: 2}))
		s.oracle = nil // triggers on a view replace the write; the trail is looked at below
		got := []string{}
		for _, e := range s.trail() {
			got = append(got, fmt.Sprint(e.Action, " ", e.Table, " ", e.RecordID, " ", e.Before["name"], " ", e.After["name"]))
		}
		want := "create people 4 <nil> d; update people 1 a changed; delete people 2 b <nil>"
		if strings.Join(got, "; ") != want {
			s.Errorf("the trail is %q, want %q", got, want)
		}
	})
}

// A view that the database can write through by itself.
func TestPostgresSimpleView(t *testing.T) {
	scene{
		ddl: func(string) []string {
			return []string{
				"CREATE TABLE people_data (id BIGSERIAL PRIMARY KEY, name TEXT)",
				"INSERT INTO people_data (name) VALUES ('a'), ('b'), ('c')",
				"CREATE VIEW people AS SELECT id, name FROM people_data",
			}
		},
	}.on(t, testdb.Postgres, func(s *stage) {
		s.ok(s.db.Create(&Person{Name: "d"}))
		s.ok(s.db.Model(&Person{}).Where("id < ?", 3).Update("name", "changed"))
		s.ok(s.db.Delete(&Person{ID: 3}))
		s.oracle = nil
		if got := tally(s.trail()); strings.Join(got, "; ") != "1 create people; 1 delete people; 2 update people" {
			s.Errorf("the trail is %v", got)
		}
	})
}

// A role that may do what the application needs, and no more, writes as before.
func TestPostgresRestrictedRole(t *testing.T) {
	testdb.SkipPooled(t, "it knows no role that is made while it runs")
	testdb.On(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		owner := settings().open(t, g)
		role := "role_" + searchPath(t, owner.db.DSN)
		schema := searchPath(t, owner.db.DSN)
		for _, statement := range []string{
			"CREATE ROLE " + role + " LOGIN",
			"GRANT USAGE ON SCHEMA " + schema + " TO " + role,
			"GRANT SELECT, INSERT, DELETE ON settings TO " + role,
			"GRANT UPDATE (value) ON settings TO " + role,
			"GRANT INSERT, SELECT ON audit_logs TO " + role,
			"GRANT USAGE ON ALL SEQUENCES IN SCHEMA " + schema + " TO " + role,
		} {
			if _, err := owner.db.Raw.Exec(statement); err != nil {
				t.Fatalf("%v in %s", err, statement)
			}
		}
		t.Cleanup(func() {
			for _, statement := range []string{"DROP OWNED BY " + role, "DROP ROLE " + role} {
				if _, err := owner.db.Raw.Exec(statement); err != nil {
					t.Errorf("%v in %s", err, statement)
				}
			}
		})
		dsn, err := url.Parse(owner.db.DSN)
		if err != nil {
			t.Fatal(err)
		}
		dsn.User = url.User(role)
		d := g.Open(t, testdb.In(dsn.String()))
		s := &stage{T: t, db: d, oracle: owner.oracle}
		s.try(put(d.DB, "x"))
		s.ok(d.Model(&Setting{Name: "a"}).Update("value", "changed"))
		s.ok(d.Where("name IN ?", []string{"b", "c"}).Delete(&Setting{}))
		if d.Model(&Setting{Name: "a"}).Update("name", "forbidden").Error == nil {
			s.Error("the role changed a column that it may not change")
		}
		s.expect("1 create settings", "1 update settings", "2 delete settings")
		s.judge()
	})
}

// DELETE on PostgreSQL needs no right to lock.
func TestPostgresDeleteOnly(t *testing.T) {
	testdb.SkipPooled(t, "it knows no role that is made while it runs")
	testdb.On(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
		s := settings().open(t, g)
		role := "del_" + searchPath(t, s.db.DSN)
		for _, statement := range []string{
			"CREATE ROLE " + role, "GRANT USAGE ON SCHEMA " + searchPath(t, s.db.DSN) + " TO " + role,
			"GRANT SELECT, DELETE ON settings TO " + role, "GRANT INSERT ON audit_logs TO " + role,
			"GRANT USAGE ON ALL SEQUENCES IN SCHEMA " + searchPath(t, s.db.DSN) + " TO " + role,
		} {
			if _, err := s.db.Raw.Exec(statement); err != nil {
				t.Fatalf("%v in %s", err, statement)
			}
		}
		t.Cleanup(func() {
			_, _ = s.db.Raw.Exec("DROP OWNED BY " + role)
			if _, err := s.db.Raw.Exec("DROP ROLE " + role); err != nil {
				t.Error(err)
			}
		})
		tx := s.db.Begin()
		s.ok(tx.Exec("SET LOCAL ROLE " + role))
		s.ok(tx.Delete(&Setting{Name: "a"}))
		s.ok(tx.Commit())
		s.expect("1 delete settings")
		s.judge()
	})
}

func searchPath(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("search_path")
}
