package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
)

// workers is how many goroutines write at once.
const workers = 6

// bufferLimit makes the larger transactions write the audit table early.
const bufferLimit = 8

// load writes to a database from many goroutines until it is told to stop.
type load struct {
	db *gorm.DB
	// name makes the reasons of this load its own.
	name string
	seed uint64
	// done hears of each operation once it is over.
	done func(op string, err error)
}

var errBack = errors.New("rolled back on purpose")

// run writes until ctx is done and returns when every worker has.
func (l *load) run(ctx context.Context) {
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(l.seed, uint64(w)))
			for n := 0; ctx.Err() == nil; n++ {
				k := kinds[r.IntN(len(kinds))]
				op := fmt.Sprintf("%s %s %d/%d", k.name, l.name, w, n)
				db := l.db.WithContext(audit.WithReason(context.Background(), op))
				l.done(op, k.write(db, r))
			}
		})
	}
	wg.Wait()
}

type kind struct {
	name  string
	write func(db *gorm.DB, r *rand.Rand) error
}

// kinds are the operations of the load. Rows are drawn from few, so that writers
// meet and the tables stay small.
var kinds = []kind{
	{"several", several},
	{"several", several},
	{"rollback", func(db *gorm.DB, r *rand.Rand) error {
		return db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(several(tx, r), errBack)
		})
	}},
	{"savepoint", savepoint},
	{"bulk", func(db *gorm.DB, r *rand.Rand) error {
		return db.Model(&account{}).Where("id % 5 = ?", r.IntN(5)).Update("balance", gorm.Expr("balance + 1")).Error
	}},
	{"upsert", upsert},
	{"delete", func(db *gorm.DB, r *rand.Rand) error {
		return db.Where("name = ?", name(r)).Delete(&account{}).Error
	}},
	{"large", large},
	{"large back", func(db *gorm.DB, r *rand.Rand) error {
		return db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(large(tx, r), errBack)
		})
	}},
	{"bare", bare},
	{"connection", func(db *gorm.DB, r *rand.Rand) error {
		return db.Connection(func(tx *gorm.DB) error {
			if err := bare(tx, r); err != nil {
				return err
			}
			return tx.Transaction(func(tx *gorm.DB) error { return bare(tx, r) })
		})
	}},
	{"save", func(db *gorm.DB, r *rand.Rand) error {
		return db.Save(&note{ID: noteID(r), Text: fmt.Sprint("saved ", r.IntN(100))}).Error
	}},
	{"soft delete", func(db *gorm.DB, r *rand.Rand) error { return db.Delete(&note{ID: noteID(r)}).Error }},
	{"by hand", func(db *gorm.DB, r *rand.Rand) error {
		tx := db.Begin()
		if tx.Error != nil {
			return tx.Error
		}
		if err := several(tx, r); err != nil {
			tx.Rollback()
			return err
		}
		return tx.Commit().Error
	}},
}

func name(r *rand.Rand) string { return fmt.Sprintf("a%02d", r.IntN(40)) }

func noteID(r *rand.Rand) uint { return uint(1 + r.IntN(300)) }

// several changes rows of several tables in one transaction.
func several(db *gorm.DB, r *rand.Rand) error {
	return db.Transaction(func(tx *gorm.DB) error {
		a := account{Name: name(r), Balance: int64(r.IntN(1000)), Entries: []entry{{Text: "one"}, {Text: "two"}}}
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Omit("Entries").Create(&a).Error; err != nil {
			return err
		}
		if err := tx.Where("name = ?", a.Name).Take(&a).Error; err != nil {
			return err
		}
		if err := tx.Model(&a).Association("Entries").Append([]entry{{Text: "three"}, {Text: "four"}}); err != nil {
			return err
		}
		if err := tx.Model(&account{}).Where("name = ?", name(r)).Updates(map[string]any{"balance": r.IntN(1000)}).Error; err != nil {
			return err
		}
		return tx.Where("account_id = ? AND text = ?", a.ID, "three").Delete(&entry{}).Error
	})
}

// savepoint rolls a part of its transaction back.
func savepoint(db *gorm.DB, r *rand.Rand) error {
	return db.Transaction(func(tx *gorm.DB) error {
		if err := upsert(tx, r); err != nil {
			return err
		}
		err := tx.Transaction(func(tx *gorm.DB) error {
			return errors.Join(several(tx, r), errBack)
		})
		if err != nil && !isOnly(err, errBack) {
			return err
		}
		return tx.Model(&counter{}).Where("name = ?", name(r)).Update("hits", gorm.Expr("hits * 2")).Error
	})
}

func upsert(db *gorm.DB, r *rand.Rand) error {
	rows := []counter{{Name: name(r), Hits: 1}, {Name: "new " + name(r), Hits: 1}}
	return db.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "name"}},
		DoUpdates: clause.Assignments(map[string]any{"hits": r.IntN(1000)}),
	}).Create(&rows).Error
}

// large changes more rows than the plugin buffers.
func large(db *gorm.DB, r *rand.Rand) error {
	return db.Transaction(func(tx *gorm.DB) error {
		first := noteID(r)
		var rows []note
		for i := range uint(3 * bufferLimit) {
			rows = append(rows, note{ID: first + i, Text: fmt.Sprint("large ", r.IntN(100))})
		}
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&rows).Error; err != nil {
			return err
		}
		if err := tx.Model(&note{}).Where("id BETWEEN ? AND ?", first, first+bufferLimit).Update("text", "changed").Error; err != nil {
			return err
		}
		return tx.Unscoped().Where("id BETWEEN ? AND ?", first+4, first+bufferLimit+8).Delete(&note{}).Error
	})
}

// bare writes without GORM's own transaction: each statement is one.
func bare(db *gorm.DB, r *rand.Rand) error {
	db = db.Session(&gorm.Session{SkipDefaultTransaction: true})
	id := noteID(r)
	if err := db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&note{ID: id, Text: "bare"}).Error; err != nil {
		return err
	}
	if err := db.Model(&note{ID: id}).Update("text", "changed").Error; err != nil {
		return err
	}
	return db.Model(&account{}).Where("name = ?", name(r)).UpdateColumn("balance", gorm.Expr("balance - 1")).Error
}

// isOnly reports whether every error joined in err is the wanted one.
func isOnly(err, want error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if !isOnly(e, want) {
				return false
			}
		}
		return true
	}
	return err == want
}
