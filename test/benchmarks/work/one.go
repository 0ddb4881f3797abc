package work

import (
	"strconv"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

// Keys of rows that a work adds; subject.Restore removes all beyond subject.Rows.
const addedKeys = 1_000_000

// key spreads operations over the first half of the rows.
func key(i int) uint { return uint(i%(subject.Rows/2) + 1) }

// phone is another one for every operation.
func phone(i int) string { return "+1" + strconv.Itoa(1_000_000_000+i) }

func create() Work {
	return Work{Name: "create", Title: "create one row", Writes: 1, Do: func(db *gorm.DB, i int) error {
		a := subject.NewAccount(i)
		return db.Create(&a).Error
	}}
}

func update() Work {
	return Work{Name: "update", Title: "update one row by key", Writes: 1, Do: func(db *gorm.DB, i int) error {
		return db.Model(&subject.Account{ID: key(i)}).Update("phone", phone(i)).Error
	}}
}

func remove() Work {
	return Work{
		Name: "delete", Title: "delete one row by key", Writes: 1,
		Before: func(s *subject.Subject, i, n int) error { return s.Insert(addedKeys+i, n) },
		Do: func(db *gorm.DB, i int) error {
			return db.Delete(&subject.Account{}, addedKeys+i).Error
		},
	}
}

func transaction() Work {
	const n = 100
	return Work{Name: "transaction", Title: "100 updates in one transaction", Writes: n, Do: func(db *gorm.DB, i int) error {
		return db.Transaction(func(tx *gorm.DB) error {
			for j := range n {
				if err := tx.Model(&subject.Account{ID: key(i*n + j)}).Update("phone", phone(i*n+j)).Error; err != nil {
					return err
				}
			}
			return nil
		})
	}}
}

func read() Work {
	return Work{Name: "read", Title: "read one row", Do: func(db *gorm.DB, i int) error {
		var a subject.Account
		return db.First(&a, key(i)).Error
	}}
}

func unaudited() Work {
	return Work{Name: "unaudited", Title: "update a model that is not audited", Writes: 1, Do: func(db *gorm.DB, i int) error {
		return db.Model(&subject.Note{ID: key(i)}).Update("phone", phone(i)).Error
	}}
}
