package subject

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"
)

// each runs f on every kind of database that can be reached.
func each(t *testing.T, f func(t *testing.T, p *Place)) {
	t.Helper()
	for _, k := range Kinds() {
		t.Run(string(k), func(t *testing.T) {
			if env, ok := k.Server(); !ok {
				t.Skipf("%s is not set", env)
			}
			t.Parallel()
			p, err := NewPlace(k, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := p.Drop(); err != nil {
					t.Errorf("drop: %v", err)
				}
			})
			f(t, p)
		})
	}
}

func open(t *testing.T, p *Place, v Variant) *Subject {
	t.Helper()
	s, err := p.Open(v, Default, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// write creates, changes and deletes one account.
func write(t *testing.T, s *Subject) {
	t.Helper()
	a := NewAccount(1)
	for _, err := range []error{
		s.DB.Create(&a).Error,
		s.DB.Model(&a).Update("phone", "+441").Error,
		s.DB.Delete(&a).Error,
		s.DB.Model(&Note{ID: 1}).Update("phone", "+441").Error, // not audited
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func count(t *testing.T, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The triggers do what the plugin is compared with: a row for each change, with the
// whole row before and after.
func TestTriggersStoreFullRows(t *testing.T) {
	each(t, func(t *testing.T, p *Place) {
		s := open(t, p, Trigger)
		write(t, s)
		quote := map[Kind]string{MySQL: "`"}[p.Kind]
		if quote == "" {
			quote = `"`
		}
		rows, err := s.pool.Query(fmt.Sprintf("SELECT action, %[1]sbefore%[1]s, %[1]safter%[1]s, record_id, id FROM trigger_audit_logs ORDER BY seq", quote))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		var actions []string
		for rows.Next() {
			var action, key, id string
			var before, after *string
			if err := rows.Scan(&action, &before, &after, &key, &id); err != nil {
				t.Fatal(err)
			}
			actions = append(actions, action)
			image(t, before, action != "create", key)
			image(t, after, action != "delete", key)
			if len(id) < 32 {
				t.Errorf("id %q is not unique", id)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if want := []string{"create", "update", "delete"}; !slices.Equal(actions, want) {
			t.Errorf("actions are %v, want %v", actions, want)
		}
	})
}

// image checks that an image holds all columns, or is not there.
func image(t *testing.T, text *string, want bool, key string) {
	t.Helper()
	if text == nil {
		if want {
			t.Error("an image is missing")
		}
		return
	}
	var row map[string]any
	if err := json.Unmarshal([]byte(*text), &row); err != nil {
		t.Fatalf("%v in %s", err, *text)
	}
	if !want || len(row) != len(accountColumns()) || fmt.Sprint(row["id"]) != key {
		t.Errorf("image %s of row %s, want one: %t", *text, key, want)
	}
}

// The list of columns in the triggers is the model's.
func TestAccountColumns(t *testing.T) {
	if n := reflect.TypeFor[Account]().NumField(); n != 10 || n != len(accountColumns()) {
		t.Errorf("the model has %d fields, the triggers %d", n, len(accountColumns()))
	}
}

// Between rounds, everybody's tables are as they were.
func TestRestore(t *testing.T) {
	each(t, func(t *testing.T, p *Place) {
		for _, v := range Variants() {
			s := open(t, p, v)
			write(t, s)
			if err := s.Insert(5000, 3); err != nil {
				t.Fatal(err)
			}
			if audit := v.auditTable(); audit != "" && count(t, s.pool, audit) < 3 {
				t.Errorf("%s has %d records, want 3 or more", v, count(t, s.pool, audit))
			}
			if err := s.Restore(7); err != nil {
				t.Fatal(err)
			}
			for _, table := range s.tables() {
				if n := count(t, s.pool, table); n != Rows {
					t.Errorf("%s: %d rows, want %d", table, n, Rows)
				}
			}
			if audit := v.auditTable(); audit != "" && count(t, s.pool, audit) != 0 {
				t.Errorf("%s still has %d records", v, count(t, s.pool, audit))
			}
		}
	})
}

// A trail that grows does so alike for the plugin and the triggers, whatever happens
// between rounds.
func TestTrail(t *testing.T) {
	each(t, func(t *testing.T, p *Place) {
		p.Trail = Rows + 500
		records := map[Variant]int{}
		for _, v := range Variants() {
			s := open(t, p, v)
			write(t, s)
			if err := s.Insert(5000, 3); err != nil {
				t.Fatal(err)
			}
			if err := s.Restore(7); err != nil {
				t.Fatal(err)
			}
			for _, table := range s.tables() {
				if n := count(t, s.pool, table); n != Rows {
					t.Errorf("%s: %d rows, want %d", table, n, Rows)
				}
			}
			if audit := v.auditTable(); audit != "" {
				records[v] = count(t, s.pool, audit)
			}
		}
		if n := records[Plugin]; n < p.Trail+9 || n != records[Trigger] {
			t.Errorf("the trails have %v records", records)
		}
	})
}

// The plugin's table holds what it wrote, and nothing of what is not audited or was
// inserted past it.
func TestPluginAudits(t *testing.T) {
	each(t, func(t *testing.T, p *Place) {
		s := open(t, p, Plugin)
		if err := s.Insert(5000, 3); err != nil {
			t.Fatal(err)
		}
		write(t, s)
		if n := count(t, s.pool, "plugin_audit_logs"); n != 3 {
			t.Errorf("%d records, want 3", n)
		}
	})
}

// Modes are what they say: SQLite waits for the disk unless told not to.
func TestSQLiteSynchronous(t *testing.T) {
	p, err := NewPlace(SQLite, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for m, want := range map[Mode]string{Default: "2", NoSync: "1"} {
		s, err := p.Attach(Plain, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		for pragma, want := range map[string]string{"synchronous": want, "journal_mode": "wal"} {
			var got string
			if err := s.pool.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s is %q, want %q (%v)", m, pragma, got, want, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := p.Drop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(p.DSN); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}
