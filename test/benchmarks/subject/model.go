package subject

import (
	"fmt"
	"time"
)

// Rows is how many rows the tables of Account and Note hold, with the keys 1 to
// Rows. BigRows is the same for Big.
const (
	Rows    = 2000
	BigRows = 100_000
)

// Account is the audited model: ten columns.
type Account struct {
	ID        uint
	Name      string `gorm:"size:100"`
	Email     string `gorm:"size:100"`
	Phone     string `gorm:"size:30"`
	City      string `gorm:"size:50"`
	Balance   int64
	Score     float64
	Active    bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Note has the same columns, and is not audited.
type Note Account

// Big has the same columns in a table of BigRows rows.
type Big Account

// NewAccount returns the i-th account, without a key.
func NewAccount(i int) Account {
	return Account{
		Name: "Ada Lovelace", Email: fmt.Sprint("ada", i, "@example.com"), Phone: "+19876543210",
		City: "London", Balance: 100, Score: 0.5, Active: true,
	}
}
