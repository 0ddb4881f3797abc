package integration

import (
	"testing"

	"github.com/google/uuid"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func TestTableNoModel(t *testing.T) {
	scene{models: []any{&Counter{}}, seed: seedCounters("a", "b", "c")}.capture(t, func(s *stage) {
		s.ok(s.db.Table("counters").Where("name = ?", "a").Updates(map[string]any{"hits": 50, "note": "x"}))
		s.ok(s.db.Table("counters").Where("hits = ?", 2).Update("hits", 3))
		// Without RETURNING, nothing on PostgreSQL tells the key that a sequence gave.
		s.ok(s.db.Table("counters").Create(map[string]any{"id": 14, "name": "d", "hits": 1, "note": "map"}))
		s.ok(s.db.Table("counters").Create(&[]map[string]any{{"id": 15, "name": "e", "hits": 1}, {"id": 16, "name": "f", "hits": 2}}))
		s.ok(s.db.Table("counters").Where("name = ?", "c").Delete(nil))
		s.expect("3 create counters", "2 update counters", "1 delete counters")
	})
}

func TestTableNoModelGeneratedKey(t *testing.T) {
	scene{models: []any{&Counter{}}, seed: seedCounters("a")}.natively(t, func(s *stage) {
		s.ok(s.db.Table("counters").Create(map[string]any{"name": "d", "hits": 1, "note": "map"}))
		s.ok(s.db.Table("counters").Create(&[]map[string]any{{"name": "e", "hits": 1}, {"name": "f", "hits": 2}}))
		s.expect("3 create counters")
	})
}

func TestTableWithModel(t *testing.T) {
	scene{
		models: []any{&Counter{}},
		ddl: func(string) []string {
			return []string{"CREATE TABLE archive (id BIGINT PRIMARY KEY, name VARCHAR(40), hits BIGINT, note VARCHAR(40))"}
		},
		tables: []string{"archive"},
	}.capture(t, func(s *stage) {
		s.ok(s.db.Table("archive").Create(&Counter{ID: 5, Name: "a", Hits: 1}))
		s.ok(s.db.Table("archive").Model(&Counter{ID: 5}).Update("hits", 2))
		s.ok(s.db.Table("archive").Delete(&Counter{ID: 5}))
		s.expect("1 create archive", "1 update archive", "1 delete archive")
	})
}

func TestCompositeKey(t *testing.T) {
	scene{models: []any{&Place{}}}.capture(t, func(s *stage) {
		all := []Place{{"NO", 1, "Oslo"}, {"NO", 2, "Moss"}, {"SE", 1, "Lund"}, {`a","b`, 3, "quotes"}}
		s.ok(s.db.Create(&all))
		s.ok(s.db.Model(&Place{Country: "NO", Code: 2}).Update("name", "Bergen"))
		s.ok(s.db.Model(&Place{}).Where("country = ?", "NO").Update("name", "all"))
		s.ok(s.db.Delete(&Place{Country: "SE", Code: 1}))
		s.ok(s.db.Delete(&[]Place{{Country: "NO", Code: 1}, {Country: `a","b`, Code: 3}}))
		s.expect("4 create places", "3 update places", "3 delete places")
	})
}

func TestUUIDKey(t *testing.T) {
	scene{models: []any{&Document{}}}.capture(t, func(s *stage) {
		d := Document{ID: uuid.New(), Title: "one"}
		s.ok(s.db.Create(&d))
		s.ok(s.db.Model(&d).Update("title", "two"))
		s.ok(s.db.Delete(&d))
		s.expect("1 create documents", "1 update documents", "1 delete documents")
		for _, e := range s.trail() {
			if e.RecordID != d.ID.String() {
				s.Errorf("record_id is %q, want %s", e.RecordID, d.ID)
			}
		}
	})
}

func TestNativeUUIDKey(t *testing.T) {
	type Paper struct {
		ID    uuid.UUID `gorm:"primaryKey;type:uuid;default:gen_random_uuid()"`
		Title string
	}
	scene{models: []any{&Paper{}}}.on(t, "postgres", func(s *stage) {
		all := []Paper{{Title: "a"}, {Title: "b"}}
		s.ok(s.db.Create(&all))
		s.ok(s.db.Model(&all[1]).Update("title", "c"))
		s.ok(s.db.Delete(&all))
		s.expect("2 create papers", "1 update papers", "2 delete papers")
	})
}

func TestStringKey(t *testing.T) {
	scene{models: []any{&Setting{}}}.capture(t, func(s *stage) {
		s.ok(s.db.Create(&Setting{Name: "theme/öl 'x'", Value: "dark"}))
		s.ok(s.db.Save(&Setting{Name: "theme/öl 'x'", Value: "light"}))
		s.ok(s.db.Delete(&Setting{Name: "theme/öl 'x'"}))
		s.expect("1 create settings", "1 update settings", "1 delete settings")
	})
}

// Visit has no key.
type Visit struct {
	Page  string `gorm:"size:40"`
	Count int
}

func TestTableWithoutKey(t *testing.T) {
	scene{models: []any{&Visit{}}}.capture(t, func(s *stage) {
		s.ok(s.db.Create(&[]Visit{{"a", 1}, {"a", 1}, {"b", 2}}))
		s.ok(s.db.Model(&Visit{}).Where("page = ?", "b").Update("count", 3))
		s.ok(s.db.Where("page = ?", "a").Delete(&Visit{}))
		s.expect("3 create visits", "1 update visits", "2 delete visits")
	})
}

func TestTableWithoutKeyManyRows(t *testing.T) {
	scene{models: []any{&Visit{}}, seed: func(db *gorm.DB) error {
		return db.Create(&[]Visit{{"a", 1}, {"b", 2}, {"c", 3}}).Error
	}}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&Visit{}).Where("count > ?", 1).Update("count", gorm.Expr("count + 10")))
		s.expect("2 update visits")
	})
}

func TestKeyChange(t *testing.T) {
	scene{models: []any{&Setting{}, &Place{}}, seed: func(db *gorm.DB) error {
		if err := seedSettings("a", "b")(db); err != nil {
			return err
		}
		return db.Create(&Place{Country: "NO", Code: 1, Name: "Oslo"}).Error
	}}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&Setting{}).Where("name = ?", "a").Updates(map[string]any{"name": "moved", "value": "new"}))
		s.ok(s.db.Model(&Place{Country: "NO", Code: 1}).Update("code", 5))
		s.ok(s.db.Model(&Place{Country: "NO", Code: 5}).Update("name", "Moss"))
		s.expect("1 update settings", "2 update places")
	})
}

func TestKeyChangeManyRows(t *testing.T) {
	scene{models: []any{&Counter{}}, seed: seedCounters("a", "b", "c")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&Counter{}).Where("id > ?", 0).Update("id", gorm.Expr("id + 100")))
		s.expect("3 update counters")
	})
}

// Branch has a key that the database does not know to be unique.
type Branch struct {
	ID     int `gorm:"primaryKey"`
	Tenant int
	Name   string `gorm:"size:40"`
}

func TestModelKeyIsNotTheDatabaseKey(t *testing.T) {
	ddl := func(string) []string {
		return []string{
			"DROP TABLE branches",
			"CREATE TABLE branches (id BIGINT NOT NULL, tenant BIGINT NOT NULL, name VARCHAR(40), PRIMARY KEY (tenant, id))",
			"INSERT INTO branches VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 2, 'c')",
		}
	}
	testTenants := func(s *stage) {
		s.ok(s.db.Model(&Branch{ID: 1}).Where("tenant = ?", 2).Update("name", "changed"))
		var names []string
		s.ok(s.other().Model(&Branch{}).Order("tenant, id").Pluck("name", &names))
		if len(names) != 3 || names[0] != "a" || names[1] != "changed" || names[2] != "c" {
			s.Errorf("the rows are %v", names)
		}
		entries := s.trail()
		if len(entries) != 1 || entries[0].Before["name"] != "b" || entries[0].After["name"] != "changed" {
			s.Errorf("the trail is %+v", entries)
		}
	}
	// The trail names the row by the model's key, which two rows share, so the
	// oracle cannot follow them; the test looks itself.
	sc := scene{ddl: ddl, models: []any{&Branch{}}, oracle: []oracle.Option{oracle.Key("branches"), oracle.Snapshot("branches")}}
	sc.capture(t, func(s *stage) {
		testTenants(s)
		s.oracle = nil
	})
}

func TestReservedNames(t *testing.T) {
	type Order struct {
		ID     uint
		Group  string `gorm:"size:40"`
		Select int    `gorm:"column:select"`
		Spaced string `gorm:"column:with space;size:40"`
	}
	scene{models: []any{&Order{}}}.capture(t, func(s *stage) {
		o := Order{Group: "g", Select: 3, Spaced: "s"}
		s.ok(s.db.Create(&o))
		s.ok(s.db.Model(&o).Updates(Order{Group: "h", Spaced: "t"}))
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Order{ID: o.ID, Group: "i"}))
		s.ok(s.db.Delete(&o))
		s.expect("1 create orders", "2 update orders", "1 delete orders")
	})
}
