package main

import (
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Account is a model of ten columns.
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

// work is something an application does; its time is divided by per.
type work struct {
	name string
	per  int
	do   func(db *gorm.DB, round int) error
}

const repeat = 20

func works() []work {
	return []work{
		{"create one row", repeat, func(db *gorm.DB, _ int) error {
			return times(repeat, func(i int) error { a := account(i); return db.Create(&a).Error })
		}},
		{"update one row by key", repeat, func(db *gorm.DB, round int) error {
			return times(repeat, func(i int) error {
				return db.Model(&Account{ID: 1}).Updates(map[string]any{"phone": fmt.Sprint(round, i), "city": "Oslo"}).Error
			})
		}},
		{"delete one row by key", repeat, func(db *gorm.DB, _ int) error {
			var ids []uint
			if err := db.Model(&Account{}).Order("id DESC").Limit(repeat).Pluck("id", &ids).Error; err != nil {
				return err
			}
			return times(len(ids), func(i int) error { return db.Delete(&Account{}, ids[i]).Error })
		}},
		{"100 updates in one transaction", 1, func(db *gorm.DB, round int) error {
			return db.Transaction(func(tx *gorm.DB) error {
				return times(100, func(i int) error {
					return tx.Model(&Account{ID: 1}).Update("phone", fmt.Sprint(round, "-", i)).Error
				})
			})
		}},
		{"create 1,000 rows in one call", 1, func(db *gorm.DB, _ int) error {
			all := make([]Account, 1000)
			for i := range all {
				all[i] = account(i)
			}
			return db.Create(&all).Error
		}},
		{"update 1,000 rows in one statement", 1, func(db *gorm.DB, round int) error {
			return db.Model(&Account{}).Where("id IN (?)", db.Model(&Account{}).Select("id").Where("id <= ?", 2000)).
				Where("id > 1000").UpdateColumn("city", fmt.Sprint("city ", round)).Error
		}},
		{"read one row", repeat, func(db *gorm.DB, _ int) error {
			return times(repeat, func(int) error { var a Account; return db.First(&a, 1).Error })
		}},
	}
}

func account(i int) Account {
	return Account{Name: "Ada Lovelace", Email: fmt.Sprint("ada", i, "@example.com"), Phone: "+19876543210", City: "London", Balance: 100, Score: 0.5, Active: true}
}

func times(n int, f func(i int) error) error {
	for i := range n {
		if err := f(i); err != nil {
			return err
		}
	}
	return nil
}
