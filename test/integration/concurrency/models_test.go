package concurrency

import (
	"testing"

	"gorm.io/gorm"
)

type account struct {
	ID      uint
	Name    string `gorm:"size:40"`
	Balance int64
	Entries int
	Lines   []line
}

type line struct {
	ID        uint
	AccountID uint
	Text      string `gorm:"size:40"`
}

type counter struct {
	Name string `gorm:"primaryKey;size:40"`
	Hits int
}

var tables = []string{"accounts", "lines", "counters"}

func migrate(db *gorm.DB) error { return db.AutoMigrate(&account{}, &line{}, &counter{}) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
