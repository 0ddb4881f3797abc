package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func counters(names ...string) []Counter {
	var all []Counter
	for i, name := range names {
		all = append(all, Counter{Name: name, Hits: 100 + i, Note: "upsert"})
	}
	return all
}

var onName = []clause.Column{{Name: "name"}}

func upserts() scene {
	return scene{models: []any{&Counter{}}, seed: seedCounters("a", "b", "c")}
}

func TestOnConflictDoNothing(t *testing.T) {
	upserts().capture(t, func(s *stage) {
		all := counters("a", "new", "b")
		s.ok(s.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&all))
		one := Counter{Name: "c"}
		s.ok(s.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&one))
		s.expect("1 create counters")
	})
}

func TestOnConflictUpdateAll(t *testing.T) {
	upserts().capture(t, func(s *stage) {
		all := []Counter{{ID: 2, Name: "b", Hits: 50, Note: "n"}, {ID: 9, Name: "new"}, {ID: 1, Name: "a", Hits: 1, Note: "seed"}}
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&all))
		s.expect("1 create counters", "1 update counters")
	})
}

func TestOnConflictUpdateAllByName(t *testing.T) {
	upserts().capture(t, func(s *stage) {
		all := counters("a", "new", "c")
		s.ok(s.db.Clauses(clause.OnConflict{Columns: onName, UpdateAll: true}).Create(&all))
		s.expect("1 create counters", "2 update counters")
	})
}

func TestOnConflictDoUpdates(t *testing.T) {
	upserts().capture(t, func(s *stage) {
		all := counters("a", "new", "c")
		s.ok(s.db.Clauses(clause.OnConflict{Columns: onName, DoUpdates: clause.AssignmentColumns([]string{"hits"})}).Create(&all))
		s.expect("1 create counters", "2 update counters")
	})
}

func TestOnConflictDoUpdatesUnchanged(t *testing.T) {
	upserts().capture(t, func(s *stage) {
		all := []Counter{{Name: "a", Hits: 1}, {Name: "b", Hits: 20}}
		s.ok(s.db.Clauses(clause.OnConflict{Columns: onName, DoUpdates: clause.AssignmentColumns([]string{"hits"})}).Create(&all))
		s.expect("1 update counters")
	})
}

func TestOnConflictAssignments(t *testing.T) {
	upserts().capture(t, func(s *stage) {
		all := counters("new", "b")
		s.ok(s.db.Clauses(clause.OnConflict{Columns: onName, DoUpdates: clause.Assignments(map[string]any{
			"hits": gorm.Expr("counters.hits + 10"), "note": "",
		})}).Create(&all))
		s.expect("1 create counters", "1 update counters")
	})
}

func TestOnConflictWhere(t *testing.T) {
	testWhere := func(s *stage) {
		all := counters("a", "c", "new")
		s.ok(s.db.Clauses(clause.OnConflict{
			Columns:   onName,
			Where:     clause.Where{Exprs: []clause.Expression{clause.Gt{Column: "counters.hits", Value: 2}}},
			DoUpdates: clause.AssignmentColumns([]string{"hits"}),
		}).Create(&all))
		s.expect("1 create counters", "1 update counters")
	}
	upserts().on(t, "sqlite", testWhere)
	upserts().on(t, "postgres", testWhere)
}

func TestOnConflictTargetWhere(t *testing.T) {
	partial := func(string) []string {
		return []string{"CREATE UNIQUE INDEX partial ON counters (note) WHERE hits > 90"}
	}
	on := func(s *stage) {
		s.ok(s.db.Create(&Counter{Name: "x", Hits: 95, Note: "unique"}))
		s.ok(s.db.Clauses(clause.OnConflict{
			Columns:     []clause.Column{{Name: "note"}},
			TargetWhere: clause.Where{Exprs: []clause.Expression{clause.Gt{Column: clause.Column{Name: "hits"}, Value: clause.Expr{SQL: "90"}}}},
			DoUpdates:   clause.AssignmentColumns([]string{"hits"}),
		}).Create(&Counter{Name: "y", Hits: 99, Note: "unique"}))
		s.expect("1 create counters", "1 update counters")
	}
	s := upserts()
	s.ddl = partial
	s.on(t, "sqlite", on)
	s.on(t, "postgres", on)
}

func TestOnConflictConstraint(t *testing.T) {
	upserts().on(t, "postgres", func(s *stage) {
		s.ok(s.db.Clauses(clause.OnConflict{
			OnConstraint: "counters_pkey", DoUpdates: clause.AssignmentColumns([]string{"hits"}),
		}).Create(&Counter{ID: 2, Name: "b", Hits: 5}))
		s.expect("1 update counters")
	})
}

func TestOnConflictSameRowTwice(t *testing.T) {
	scn := upserts()
	scn.oracle = []oracle.Option{oracle.Merge()}
	twice := func(s *stage) {
		all := counters("a", "new", "a", "new")
		s.ok(s.db.Clauses(clause.OnConflict{Columns: onName, DoUpdates: clause.AssignmentColumns([]string{"hits"})}).Create(&all))
		s.expect("1 create counters", "1 update counters")
	}
	scn.on(t, "sqlite", twice)
	scn.on(t, "mysql", twice)
}

func TestOnConflictMany(t *testing.T) {
	upserts().capture(t, func(s *stage) {
		var all []Counter
		for i := range 300 {
			all = append(all, Counter{ID: uint(i + 1), Name: "many-" + string(rune('a'+i%26)) + string(rune('a'+i/26)), Hits: i})
		}
		up := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"name", "hits"})}
		s.ok(s.db.Clauses(up).Create(&all))
		for i := range all {
			all[i].Hits++
		}
		s.ok(s.db.Clauses(up).Create(&all))
		s.expect("297 create counters", "303 update counters")
	})
}

func TestOnConflictSoftDeleted(t *testing.T) {
	scene{models: people(), seed: func(db *gorm.DB) error {
		if err := seedUsers("a", "b")(db); err != nil {
			return err
		}
		return db.Delete(&User{}, 1).Error
	}}.capture(t, func(s *stage) {
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&User{ID: 1, Name: "back"}))
		s.expect("1 restore users")
	})
}

func TestSaveCompositeUpsert(t *testing.T) {
	scene{models: []any{&Place{}}, seed: func(db *gorm.DB) error {
		return db.Create(&Place{Country: "NO", Code: 1, Name: "Oslo"}).Error
	}}.capture(t, func(s *stage) {
		s.ok(s.db.Save(&[]Place{{Country: "NO", Code: 1, Name: "Bergen"}, {Country: "NO", Code: 2, Name: "Moss"}}))
		s.expect("1 create places", "1 update places")
	})
}

func TestSaveUpsertNoRows(t *testing.T) {
	// Save of a composite key is an UPDATE that finds nothing, then an upsert.
	scene{models: []any{&Place{}}}.capture(t, func(s *stage) {
		s.ok(s.db.Save(&Place{Country: "NO", Code: 1, Name: "Oslo"}))
		s.ok(s.db.Save(&Place{Country: "NO", Code: 1, Name: "Oslo"}))
		s.ok(s.db.Save(&Place{Country: "NO", Code: 1, Name: "Bergen"}))
		s.expect("1 create places", "1 update places")
	})
}
