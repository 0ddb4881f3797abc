package history_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// quayDeed does something at random with rows whose unique values and parents change all
// the time; the database refuses some of it.
func quayDeed(r *rand.Rand, tx *gorm.DB) error {
	id, place := uint(r.IntN(5)+1), r.IntN(7)
	flag := []*string{nil, pointer("a"), pointer("b"), pointer("c")}[r.IntN(4)]
	about := []*uint{nil, noted(1), noted(2), noted(3), noted(4)}[r.IntN(5)]
	switch r.IntN(8) {
	case 0, 1:
		return tx.Create(&moor{ID: id, QuayID: 1, Place: place, Flag: flag}).Error
	case 2:
		return tx.Delete(&moor{ID: id}).Error
	case 3:
		return tx.Model(&moor{ID: id}).Update("place", place).Error
	case 4:
		return tx.Model(&moor{ID: id}).Update("flag", flag).Error
	case 5:
		return tx.Create(&aside{ID: id, QuayID: 1, AboutID: about}).Error
	case 6:
		return tx.Model(&aside{ID: id}).Update("about_id", about).Error
	}
	return tx.Delete(&aside{ID: id}).Error
}

// A row and its associations go back to any moment and forth again, whatever their rows
// have handed on to each other in between.
func TestRevertToWithAtRandom(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for seed := range seeds(g) {
			r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable
			db := g.Open(t, migrated(&quay{}, &moor{}, &aside{}))
			must(t, db.Create(&quay{ID: 1}).Error)
			u := &undoneWhole{T: t, db: db, tables: []string{"moors", "asides"}}
			var moments []history.Moment
			for range 30 {
				_ = db.Transaction(func(tx *gorm.DB) error { return quayDeed(r, tx) }) // or the database refuses it
				moments, u.states = append(moments, history.After(lastRecord(t, db.DB))), append(u.states, u.look())
			}
			for range 8 {
				n := r.IntN(len(moments))
				done, err := history.RevertTo(context.Background(), db.DB, &quay{ID: 1}, moments[n], history.With("Moors", "Notes"))
				must(t, err)
				if got := u.look(); got != u.states[n] {
					t.Fatalf("seed %d, moment %d: got\n%swas\n%s%q", seed, n, got, u.states[n], steps(done))
				}
			}
		}
	})
}
