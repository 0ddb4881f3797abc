package integration

import (
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// User is the model that most tests write.
type User struct {
	ID        uint
	Name      string `gorm:"size:100"`
	Email     string `gorm:"size:100"`
	Age       int
	Active    bool
	Balance   float64
	Note      *string
	Born      *time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
	Cards     []Card
	Roles     []Role `gorm:"many2many:user_roles"`
}

// Card belongs to a user.
type Card struct {
	ID     uint
	UserID *uint
	Number string `gorm:"size:40"`
}

// Role is shared by users through a join table.
type Role struct {
	ID   uint
	Name string `gorm:"size:40"`
}

// Counter is a small table with a unique name, for upserts.
type Counter struct {
	ID   uint
	Name string `gorm:"size:40;uniqueIndex"`
	Hits int
	Note string `gorm:"size:40"`
}

// Place has a composite key.
type Place struct {
	Country string `gorm:"primaryKey;size:40"`
	Code    int    `gorm:"primaryKey;autoIncrement:false"`
	Name    string `gorm:"size:40"`
}

// Document has a key that the application makes.
type Document struct {
	ID    uuid.UUID `gorm:"primaryKey;type:char(36)"`
	Title string    `gorm:"size:40"`
}

// Setting has a text for a key.
type Setting struct {
	Name  string `gorm:"primaryKey;size:60"`
	Value string `gorm:"size:200"`
}

func users(names ...string) []User {
	all := make([]User, 0, len(names))
	for i, name := range names {
		all = append(all, User{Name: name, Email: name + "@example.com", Age: 20 + i, Active: true, Balance: 1.25})
	}
	return all
}

// seedUsers puts users there before the plugin looks.
func seedUsers(names ...string) func(*gorm.DB) error {
	return func(db *gorm.DB) error {
		all := users(names...)
		return db.Create(&all).Error
	}
}

// people are the tables of a user and what belongs to it.
func people() []any { return []any{&User{}, &Card{}, &Role{}} }

func ptr[T any](v T) *T { return &v }
