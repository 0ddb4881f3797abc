package work

import (
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

const many = 1000

func createMany() Work {
	return Work{Name: "create1000", Title: "create 1,000 rows in one call", Writes: many, Do: func(db *gorm.DB, i int) error {
		accounts := make([]subject.Account, many)
		for j := range accounts {
			accounts[j] = subject.NewAccount(i + j)
		}
		return db.Create(&accounts).Error
	}}
}

func updateMany() Work {
	return Work{Name: "update1000", Title: "update 1,000 rows in one statement", Writes: many, Do: func(db *gorm.DB, i int) error {
		return updated(db.Model(&subject.Account{}).Where("id BETWEEN ? AND ?", subject.Rows-many+1, subject.Rows).
			Update("city", fmt.Sprint("city ", i)), many)
	}}
}

func updateBig() Work {
	return Work{Name: "update100000", Title: "update 100,000 rows in one statement", Writes: subject.BigRows, Big: true, Do: func(db *gorm.DB, i int) error {
		return updated(db.Model(&subject.Big{}).Where("id <= ?", subject.BigRows).Update("city", fmt.Sprint("city ", i)), subject.BigRows)
	}}
}

func upsert() Work {
	return Work{Name: "upsert1000", Title: "upsert 1,000 rows, half conflicting", Writes: many, Do: func(db *gorm.DB, i int) error {
		accounts := make([]subject.Account, many)
		for j := range accounts {
			accounts[j] = subject.NewAccount(j)
			accounts[j].ID = uint(j + 1)
			if j >= many/2 {
				accounts[j].ID = uint(addedKeys + i*many + j)
			}
			accounts[j].City = fmt.Sprint("city ", i)
		}
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&accounts).Error
	}}
}

// updated says so when a statement changed other rows than the ones it is measured for.
func updated(db *gorm.DB, rows int64) error {
	if db.Error == nil && db.RowsAffected != rows {
		return fmt.Errorf("auditplugin: %d rows updated, not %d", db.RowsAffected, rows)
	}
	return db.Error
}
