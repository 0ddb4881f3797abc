package crash

import (
	"time"

	"gorm.io/gorm"
)

type account struct {
	ID        uint
	Name      string `gorm:"size:40;uniqueIndex"`
	Balance   int64
	UpdatedAt time.Time
	Entries   []entry `gorm:"constraint:OnDelete:CASCADE"`
}

// entry goes with its account.
type entry struct {
	ID        uint
	AccountID uint
	Text      string `gorm:"size:40"`
}

type counter struct {
	Name string `gorm:"primaryKey;size:40"`
	Hits int
}

type note struct {
	ID        uint `gorm:"primaryKey;autoIncrement:false"`
	Text      string
	DeletedAt gorm.DeletedAt
}

var tables = []string{"accounts", "entries", "counters", "notes"}

func migrate(db *gorm.DB) error {
	return db.AutoMigrate(&account{}, &entry{}, &counter{}, &note{})
}
