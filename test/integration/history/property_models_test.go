package history_test

import (
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/plugin/optimisticlock"
)

// cargo has a column of each kind that rows are put together from.
type cargo struct {
	ID        uint `gorm:"primaryKey;autoIncrement:false"`
	Name      string
	Qty       int
	Wide      uint64
	Price     float64
	Small     float32
	Active    bool
	Note      *string `gorm:"size:80"`
	Bin       []byte
	Tags      []string       `gorm:"serializer:json;type:json"`
	Extra     map[string]any `gorm:"serializer:json"`
	Mark      uuid.UUID      `gorm:"type:char(36)"`
	Due       *time.Time
	Day       time.Time `gorm:"type:date"`
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
}

// pairing has a composite key, which histories change.
type pairing struct {
	A   string `gorm:"primaryKey;size:20"`
	B   int    `gorm:"primaryKey;autoIncrement:false"`
	Val string `gorm:"size:40"`
	N   int
}

// boss has a key that foreign keys follow, and rows that go with it.
type boss struct {
	Code    string   `gorm:"primaryKey;size:20"`
	Title   string   `gorm:"size:40"`
	Workers []worker `gorm:"foreignKey:BossCode;references:Code;constraint:OnUpdate:CASCADE,OnDelete:CASCADE"`
}

type worker struct {
	ID       uint    `gorm:"primaryKey;autoIncrement:false"`
	BossCode *string `gorm:"size:20"`
	Name     string  `gorm:"size:40"`
}

// shelf is in a tree, counts its versions, and has a column that GORM may not create.
type shelf struct {
	ID       uint   `gorm:"primaryKey;autoIncrement:false"`
	Name     string `gorm:"size:40"`
	ParentID *uint
	Parent   *shelf
	Checked  string `gorm:"size:40;<-:update"`
	Version  optimisticlock.Version
}

func storyModels() []any { return []any{&cargo{}, &pairing{}, &boss{}, &worker{}, &shelf{}} }

func storyTables() []string { return []string{"cargos", "pairings", "bosses", "workers", "shelves"} }
