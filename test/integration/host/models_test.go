package host

import (
	"time"

	"gorm.io/gorm"
)

// Account is the parent row whose counter everybody bumps.
type Account struct {
	ID      uint
	Name    string `gorm:"size:40"`
	Entries int
	Lines   []Line `gorm:"constraint:OnDelete:CASCADE"`
}

// Line is its child.
type Line struct {
	ID        uint
	AccountID uint   `gorm:"index"`
	Text      string `gorm:"size:40"`
}

// Counter is upserted by name.
type Counter struct {
	Name string `gorm:"primaryKey;size:40"`
	Hits int
}

// Person has what GORM fills in by itself, and hooks.
type Person struct {
	ID        uint
	Name      string   `gorm:"size:40;not null"`
	Email     *string  `gorm:"size:40;uniqueIndex"`
	Age       int      `gorm:"default:18"`
	Tags      []string `gorm:"serializer:json"`
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
	Pets      []Pet
	Groups    []Group `gorm:"many2many:person_groups"`
}

// Pet belongs to a person.
type Pet struct {
	ID       uint
	PersonID *uint
	Name     string `gorm:"size:40"`
}

// Group is joined to persons.
type Group struct {
	ID   uint
	Name string `gorm:"size:40"`
}

func accounts(n int) []Account {
	list := make([]Account, n)
	for i := range list {
		list[i] = Account{ID: uint(i + 1), Name: "account"}
	}
	return list
}
