package integration

import (
	"testing"

	"gorm.io/gorm"
)

func TestDeleteByValue(t *testing.T) {
	scene{models: []any{&Setting{}}, seed: seedSettings("a", "b", "c")}.capture(t, func(s *stage) {
		s.ok(s.db.Delete(&Setting{Name: "a"}))
		s.ok(s.db.Where("value = ?", "v-b").Delete(Setting{}))
		s.expect("2 delete settings")
	})
}

func TestDeleteByKey(t *testing.T) {
	scene{models: []any{&Counter{}}, seed: seedCounters("a", "b", "c", "d")}.capture(t, func(s *stage) {
		s.ok(s.db.Delete(&Counter{}, 1))
		s.ok(s.db.Delete(&Counter{}, []int{2, 3}))
		s.ok(s.db.Delete(&Counter{}, "id = ?", 4))
		s.expect("4 delete counters")
	})
}

func TestDeleteBySlice(t *testing.T) {
	scene{models: []any{&Counter{}}, seed: seedCounters("a", "b", "c")}.capture(t, func(s *stage) {
		s.ok(s.db.Delete(&[]Counter{{ID: 1}, {ID: 3}}))
		s.ok(s.db.Delete([]Counter{{ID: 2}, {ID: 99}}))
		s.expect("3 delete counters")
	})
}

func TestDeleteByCondition(t *testing.T) {
	scene{models: []any{&Counter{}}, seed: seedCounters("a", "b", "c")}.capture(t, func(s *stage) {
		s.ok(s.db.Where("name <> ?", "b").Delete(&Counter{}))
		s.expect("2 delete counters")
	})
}

func TestDeleteModelAndValue(t *testing.T) {
	scene{models: []any{&Counter{}}, seed: seedCounters("a", "b", "c")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&Counter{ID: 2}).Delete(&Counter{}))
		s.expect("1 delete counters")
	})
}

func TestSoftDelete(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c", "d")}.capture(t, func(s *stage) {
		s.ok(s.db.Delete(&User{ID: 1}))
		s.ok(s.db.Delete(&User{}, []uint{2, 3}))
		s.ok(s.db.Delete(&User{}, 3)) // is deleted already
		s.expect("3 soft_delete users")
	})
}

func TestUnscoped(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c")}.capture(t, func(s *stage) {
		s.ok(s.db.Delete(&User{ID: 1}))
		s.ok(s.db.Model(&User{}).Where("id > 0").Update("age", 60))
		s.ok(s.db.Unscoped().Model(&User{}).Where("id > 0").Update("age", 61))
		s.ok(s.db.Unscoped().Delete(&User{ID: 1}))
		s.expect("1 soft_delete users", "5 update users", "1 delete users")
	})
}

func TestRestore(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b")}.capture(t, func(s *stage) {
		s.ok(s.db.Delete(&User{}, []uint{1, 2}))
		s.ok(s.db.Unscoped().Model(&User{ID: 1}).Update("deleted_at", nil))
		s.ok(s.db.Unscoped().Model(&User{}).Where("name = ?", "b").Updates(map[string]any{"deleted_at": nil, "name": "back"}))
		s.expect("2 soft_delete users", "2 restore users")
	})
}

// MariaDB answers a DELETE … RETURNING whose condition can not hold without a
// result set.
func TestImpossibleCondition(t *testing.T) {
	scene{models: people(), seed: seedUsers("a")}.capture(t, func(s *stage) {
		s.ok(s.db.Unscoped().Where("1 = 0").Delete(&User{}))
		s.ok(s.db.Unscoped().Where("id IN ?", []int{}).Delete(&User{}))
		s.ok(s.db.Unscoped().Where("name = 'a' AND name = 'b'").Delete(&User{}))
		s.ok(s.db.Where("1 = 0").Delete(&User{}))
		s.ok(s.db.Model(&User{}).Where("1 = 0").Update("age", 3))
		s.expect()
	})
}

func seedSettings(names ...string) func(*gorm.DB) error {
	return func(db *gorm.DB) error {
		for _, name := range names {
			if err := db.Create(&Setting{Name: name, Value: "v-" + name}).Error; err != nil {
				return err
			}
		}
		return nil
	}
}

func seedCounters(names ...string) func(*gorm.DB) error {
	return func(db *gorm.DB) error {
		for i, name := range names {
			if err := db.Create(&Counter{Name: name, Hits: i + 1, Note: "seed"}).Error; err != nil {
				return err
			}
		}
		return nil
	}
}
