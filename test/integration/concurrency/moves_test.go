package concurrency

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// move is one step of a transaction; it says what came of it.
type move struct {
	name string
	do   func(tx *gorm.DB) (seen string, err error)
}

// drawMove draws a step that reads or writes rows which both transactions use.
func drawMove(r *rand.Rand) move {
	id, name, n := uint(1+r.IntN(3)), fmt.Sprint("c", r.IntN(3)), r.IntN(100)
	write := func(name string, do func(tx *gorm.DB) *gorm.DB) move {
		return move{name, func(tx *gorm.DB) (string, error) {
			res := do(tx)
			return fmt.Sprint(res.RowsAffected), res.Error
		}}
	}
	read := func(name string, do func(tx *gorm.DB, into *[]string) error) move {
		return move{name, func(tx *gorm.DB) (string, error) {
			var seen []string
			err := do(tx, &seen)
			return strings.Join(seen, ","), err
		}}
	}
	switch r.IntN(11) {
	case 0:
		return read(fmt.Sprint("read account ", id), func(tx *gorm.DB, into *[]string) error {
			return tx.Model(&account{}).Where("id = ?", id).Pluck("balance", into).Error
		})
	case 1:
		return read("read counters", func(tx *gorm.DB, into *[]string) error {
			return tx.Model(&counter{}).Order("name").Pluck("hits", into).Error
		})
	case 2:
		return read("sum", func(tx *gorm.DB, into *[]string) error {
			return tx.Model(&account{}).Pluck("sum(balance)", into).Error
		})
	case 3, 4:
		return write(fmt.Sprint("update account ", id), func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&account{ID: id}).Update("balance", gorm.Expr("balance + ?", n))
		})
	case 5:
		return write(fmt.Sprint("update accounts from ", n), func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&account{}).Where("balance >= ?", n).Update("name", fmt.Sprint("n", n))
		})
	case 6:
		return write("upsert "+name, func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&counter{Name: name, Hits: n})
		})
	case 7:
		return write("insert "+name, func(tx *gorm.DB) *gorm.DB { return tx.Create(&counter{Name: name, Hits: n}) })
	case 8:
		return write("delete "+name, func(tx *gorm.DB) *gorm.DB { return tx.Delete(&counter{Name: name}) })
	case 9:
		return write(fmt.Sprint("child of ", id), func(tx *gorm.DB) *gorm.DB { return tx.Create(&line{AccountID: id, Text: "x"}) })
	default:
		return write("update "+name, func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&counter{Name: name}).Update("hits", gorm.Expr("hits + 1"))
		})
	}
}
