//go:build !race

// Under the race detector sync.Pool forgets at random, and allocations vary.

package auditplugin_test

import (
	"testing"

	"gorm.io/gorm"
)

// Reads pay nothing: not one allocation more than without the plugin.
func TestReadsAllocateNothingMore(t *testing.T) {
	plain, with := openDB(t), openDB(t)
	use(t, with)
	for _, db := range []*gorm.DB{plain, with} {
		must(t, db.Create([]user{{ID: 1, Name: "Ada"}, {ID: 2, Name: "Bob"}}))
	}
	for name, read := range map[string]func(db *gorm.DB) error{
		"First": func(db *gorm.DB) error { var u user; return db.First(&u, 1).Error },
		"Find":  func(db *gorm.DB) error { var u []user; return db.Where("age < ?", 99).Find(&u).Error },
		"Count": func(db *gorm.DB) error { var n int64; return db.Model(&user{}).Count(&n).Error },
		"Pluck": func(db *gorm.DB) error { var n []string; return db.Model(&user{}).Pluck("name", &n).Error },
		"Preload": func(db *gorm.DB) error {
			var u []user
			return db.Preload("Pets").Find(&u).Error
		},
	} {
		t.Run(name, func(t *testing.T) {
			measure := func(db *gorm.DB) float64 {
				return testing.AllocsPerRun(100, func() {
					if err := read(db); err != nil {
						t.Fatal(err)
					}
				})
			}
			if without, got := measure(plain), measure(with); got > without {
				t.Errorf("%.0f allocations with the plugin, %.0f without", got, without)
			}
		})
	}
}
