package history_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/plugin/optimisticlock"
)

// permitted has columns that GORM may not write, or only in some statements.
type permitted struct {
	ID       uint
	Name     string `gorm:"size:40"`
	Approver string `gorm:"<-:update;size:40"`
	Origin   string `gorm:"<-:create;size:40"`
	Internal string `gorm:"->;size:40;default:none"`
}

func TestRevertOfColumnsThatGORMMayNotWrite(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&permitted{}))
		ctx := context.Background()
		plain := db.Plain(t)
		must(t, db.Create(&[]permitted{{ID: 1, Name: "a", Origin: "x"}, {ID: 2, Name: "b", Origin: "y"}}).Error)
		must(t, db.Model(&permitted{}).Where("id > 0").Update("approver", "Grace").Error)
		must(t, db.Table("permitteds").Where("id = 1").Updates(map[string]any{"internal": "seen"}).Error)
		was := rowsOf(t, plain, "permitteds")
		must(t, db.Where("id > 0").Delete(&permitted{}).Error)
		done, err := history.RevertTransaction(ctx, db.DB, lastRecord(t, db.DB).TransactionID)
		must(t, err)
		if got := rowsOf(t, plain, "permitteds"); got != was {
			t.Errorf("inserted again: %s, was %s", got, was)
		}
		for _, s := range done.Steps {
			if len(s.Differs) > 0 || len(s.Left) > 0 || len(s.Changes) != 5 {
				t.Errorf("step %+v", s)
			}
		}
		must(t, db.Table("permitteds").Where("id = 1").Updates(map[string]any{"origin": "z", "internal": "other"}).Error)
		_, err = history.Revert(ctx, db.DB, lastRecord(t, db.DB))
		must(t, err)
		if got := rowsOf(t, plain, "permitteds"); got != was {
			t.Errorf("updated back: %s, was %s", got, was)
		}
	})
}

type docket struct {
	ID    uint
	Name  string `gorm:"size:40"`
	Stamp string `gorm:"size:40"`
}

// What a trigger makes of the values is in the result.
func TestRevertSaysWhatATriggerDid(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&docket{}))
		ctx := context.Background()
		must(t, db.Create(&docket{ID: 1, Name: "a", Stamp: "first"}).Error)
		must(t, db.Model(&docket{ID: 1}).Updates(docket{Name: "b", Stamp: "second"}).Error)
		updated := lastRecord(t, db.DB)
		must(t, db.Delete(&docket{ID: 1}).Error)
		removed := lastRecord(t, db.DB)
		trigger := map[string][]string{
			testdb.SQLite: {
				"CREATE TRIGGER stamps AFTER INSERT ON dockets BEGIN UPDATE dockets SET stamp = 'theirs' WHERE id = NEW.id; END",
				"CREATE TRIGGER stampu AFTER UPDATE OF name ON dockets BEGIN UPDATE dockets SET stamp = 'theirs' WHERE id = NEW.id; END",
			},
			testdb.Postgres: {
				"CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.stamp := 'theirs'; RETURN NEW; END $$",
				"CREATE TRIGGER stamps BEFORE INSERT OR UPDATE ON dockets FOR EACH ROW EXECUTE FUNCTION stamp()",
			},
			testdb.MySQL: {
				"CREATE TRIGGER stamps BEFORE INSERT ON dockets FOR EACH ROW SET NEW.stamp = 'theirs'",
				"CREATE TRIGGER stampu BEFORE UPDATE ON dockets FOR EACH ROW SET NEW.stamp = 'theirs'",
			},
		}
		for _, statement := range trigger[g.Dialect] {
			_, err := db.Raw.Exec(statement)
			must(t, err)
		}
		step := func(r audit.Record, changes int, opts ...history.Option) {
			t.Helper()
			done, err := history.Revert(ctx, db.DB, r, opts...)
			must(t, err)
			s := done.Steps[0]
			if !slices.Equal(s.Differs, []string{"stamp"}) || len(s.Changes) != changes {
				t.Errorf("the trigger had its way, and the result says %+v", s)
			}
			for _, c := range s.Changes {
				if c.Path == "stamp" && c.To != "theirs" {
					t.Errorf("not what is stored: %+v", c)
				}
			}
		}
		step(removed, 3)
		step(updated, 1, history.Force())
	})
}

type numbered struct {
	ID   uint `gorm:"primaryKey"`
	Note string
}

// Identity columns, and ones that the database computes.
func TestRevertOfIdentityAndGeneratedColumns(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t)
		ctx := context.Background()
		_, err := db.Raw.Exec(map[string]string{
			testdb.SQLite:   "CREATE TABLE numbereds (id integer PRIMARY KEY AUTOINCREMENT, note text, long text AS (note || '!') STORED)",
			testdb.Postgres: "CREATE TABLE numbereds (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text, long text GENERATED ALWAYS AS (note || '!') STORED)",
			testdb.MySQL:    "CREATE TABLE numbereds (id bigint AUTO_INCREMENT PRIMARY KEY, note varchar(20), `long` varchar(30) AS (CONCAT(note, '!')) STORED)",
		}[g.Dialect])
		must(t, err)
		must(t, db.Create(&[]numbered{{Note: "a"}, {Note: "b"}, {Note: "c"}}).Error)
		was := rowsOf(t, db.Plain(t), "numbereds")
		must(t, db.Where("id > 1").Delete(&numbered{}).Error)
		done, err := history.RevertTransaction(ctx, db.DB, lastRecord(t, db.DB).TransactionID)
		must(t, err)
		if got := rowsOf(t, db.Plain(t), "numbereds"); got != was {
			t.Errorf("%s, was %s", got, was)
		}
		for _, s := range done.Steps {
			if len(s.Differs) > 0 {
				t.Errorf("%+v", s)
			}
		}
	})
}

type wallet struct {
	ID, Sum uint
	Owner   string `gorm:"size:20"`
	Version optimisticlock.Version
}

// A form that was opened before a revert loses against it, whatever was undone.
func TestRevertCountsVersionsOn(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&wallet{}))
		ctx := context.Background()
		plain := db.Plain(t)
		w := wallet{ID: 1, Sum: 1, Owner: "a"}
		must(t, db.Create(&w).Error)
		created := lastRecord(t, db.DB)
		must(t, db.Model(&w).Update("sum", 2).Error)
		mistake := lastRecord(t, db.DB)
		load := func() (form wallet) {
			t.Helper()
			must(t, plain.First(&form, 1).Error)
			return form
		}
		submit := func(what string, form wallet) {
			t.Helper()
			now := load()
			if now.Version.Int64 <= form.Version.Int64 {
				t.Errorf("%s: version %d, the form has %d", what, now.Version.Int64, form.Version.Int64)
			}
			if res := db.Model(&form).Select("*").Updates(form); res.Error != nil || res.RowsAffected != 0 {
				t.Errorf("%s: the stale form was stored (%v)", what, res.Error)
			}
		}
		form := load()
		_, err := history.Revert(ctx, db.DB, mistake)
		must(t, err)
		if now := load(); now.Sum != 1 || now.Owner != "a" {
			t.Errorf("undone: %+v", now)
		}
		submit("an update undone", form)

		// Another update in between counted as well, and is no conflict.
		form = load()
		must(t, db.Model(&form).Update("sum", 7).Error)
		mistake = lastRecord(t, db.DB)
		other := load()
		must(t, db.Model(&other).Update("owner", "b").Error)
		form = load()
		_, err = history.Revert(ctx, db.DB, mistake)
		must(t, err)
		if now := load(); now.Sum != 1 || now.Owner != "b" {
			t.Errorf("undone: %+v", now)
		}
		submit("an earlier update undone", form)

		form = load()
		_, err = history.RevertTo(ctx, db.DB, &wallet{ID: 1}, history.After(created))
		must(t, err)
		submit("set back", form)
		form = load()
		must(t, db.Unscoped().Delete(&wallet{}, "id = 1").Error)
		removed := lastRecord(t, db.DB)
		_, err = history.Revert(ctx, db.DB, removed)
		must(t, err)
		submit("a deletion undone", form)
		form = load()
		must(t, db.Unscoped().Delete(&wallet{}, "id = 1").Error)
		_, err = history.RevertTo(ctx, db.DB, &wallet{ID: 1}, history.After(created))
		must(t, err)
		submit("set back from its deletion", form)

		// Nothing to undo counts nothing.
		before := load()
		done, err := history.Revert(ctx, db.DB, mistake)
		must(t, err)
		if now := load(); now != before || done.Steps[0].Action != "" {
			t.Errorf("nothing was to be done: %+v", done)
		}
	})
}

type gauge struct {
	ID       uint
	Name     string `gorm:"size:20"`
	Unit     string `gorm:"size:20"`
	Modified time.Time
	Seen     time.Time `gorm:"->"`
}

// Times that the database sets on each update are in nobody's way.
func TestRevertBesideTimesOfTheDatabase(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t)
		ctx := context.Background()
		for _, statement := range map[string][]string{
			testdb.SQLite: {
				"CREATE TABLE gauges (id integer PRIMARY KEY, name text, unit text, modified datetime, seen datetime)",
				"CREATE TRIGGER modified AFTER UPDATE OF name, unit ON gauges BEGIN UPDATE gauges SET modified = strftime('%Y-%m-%d %H:%M:%f', 'now'), seen = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id; END",
			},
			testdb.Postgres: {
				"CREATE TABLE gauges (id bigint PRIMARY KEY, name text, unit text, modified timestamptz, seen timestamptz)",
				"CREATE FUNCTION modify() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.modified := clock_timestamp(); NEW.seen := clock_timestamp(); RETURN NEW; END $$",
				"CREATE TRIGGER modified BEFORE UPDATE ON gauges FOR EACH ROW EXECUTE FUNCTION modify()",
			},
			testdb.MySQL: {
				"CREATE TABLE gauges (id bigint PRIMARY KEY, name varchar(20), unit varchar(20), modified datetime(6) NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP(6), seen datetime(6))",
				"CREATE TRIGGER modified BEFORE UPDATE ON gauges FOR EACH ROW SET NEW.seen = NOW(6)",
			},
		}[g.Dialect] {
			_, err := db.Raw.Exec(statement)
			must(t, err)
		}
		must(t, db.Omit("Modified").Create(&gauge{ID: 1, Name: "a", Unit: "m"}).Error)
		created := lastRecord(t, db.DB)
		time.Sleep(5 * time.Millisecond)
		must(t, db.Model(&gauge{ID: 1}).Update("name", "b").Error)
		mistake := lastRecord(t, db.DB)
		time.Sleep(5 * time.Millisecond)
		must(t, db.Model(&gauge{ID: 1}).Update("unit", "km").Error)
		_, err := history.Revert(ctx, db.DB, mistake)
		must(t, err)
		if got := rowsOf(t, db.Plain(t), "gauges"); !strings.Contains(got, "name:a") || !strings.Contains(got, "unit:km") {
			t.Errorf("undone: %s", got)
		}
		_, err = history.Revert(ctx, db.DB, mistake)
		must(t, err)
		done, err := history.Revert(ctx, db.DB, created, history.DryRun(), history.Force())
		must(t, err)
		if len(done.Steps) != 1 || done.Steps[0].Action != audit.Delete {
			t.Errorf("%+v", done)
		}
		// A column that people changed is still one.
		must(t, db.Model(&gauge{ID: 1}).Update("name", "c").Error)
		wrong := lastRecord(t, db.DB)
		must(t, db.Model(&gauge{ID: 1}).Updates(map[string]any{"name": "d"}).Error)
		if _, err := history.Revert(ctx, db.DB, wrong); err == nil || !strings.Contains(err.Error(), "name") || strings.Contains(err.Error(), "modified") {
			t.Errorf("a conflict: %v", err)
		}
	})
}
