package history_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

type hull struct {
	ID    uint    `gorm:"primaryKey;autoIncrement:false"`
	Name  string  `gorm:"size:20"`
	Owner *string `gorm:"size:20"`
}

// A key that two rows had one after the other: each record is of its own row.
func TestTwoLives(t *testing.T) {
	type want struct{ asOf, revert, revertTo string }
	first := []want{{"first of ann", "conflict", "first of ann"}, {"second of ann", "conflict", "second of ann"}, {"none", "conflict", "none"}}
	for name, c := range map[string]struct {
		steps int
		want  []want
	}{
		"there":   {4, append(slices.Clone(first), want{"third", "none", "third"})},
		"changed": {5, append(slices.Clone(first), want{"third", "conflict", "third"}, want{"fourth", "third", "fourth"})},
		"gone": {6, []want{
			{"first of ann", "none", "first of ann"},
			{"second of ann", "conflict", "second of ann"},
			{"none", "second of ann", "not found"},
			{"third", "none", "third"},
			{"fourth", "conflict", "fourth"},
			{"none", "fourth", "not found"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
				db := g.Open(t, migrated(&hull{}))
				ctx := context.Background()
				for _, step := range []func() error{
					func() error { return db.Create(&hull{ID: 1, Name: "first", Owner: pointer("ann")}).Error },
					func() error { return db.Model(&hull{ID: 1}).Update("name", "second").Error },
					func() error { return db.Delete(&hull{ID: 1}).Error },
					func() error { return db.Create(&hull{ID: 1, Name: "third"}).Error },
					func() error { return db.Model(&hull{ID: 1}).Update("name", "fourth").Error },
					func() error { return db.Delete(&hull{ID: 1}).Error },
				}[:c.steps] {
					must(t, step())
				}
				records, err := history.Search(db.DB).Find(ctx)
				must(t, err)
				// tried does something, says what the row is then, and takes it back.
				tried := func(f func(tx *gorm.DB) error) (is string) {
					undo := errors.New("undo")
					_ = db.Transaction(func(tx *gorm.DB) error {
						var rows []hull
						switch err := f(tx); {
						case errors.Is(err, history.ErrConflict):
							is = "conflict"
						case errors.Is(err, history.ErrNotFound):
							is = "not found"
						case err != nil:
							is = err.Error()
						default:
							must(t, tx.Find(&rows).Error)
							is = hullText(rows)
						}
						return undo
					})
					return is
				}
				for n, r := range records {
					then := hull{ID: 1}
					got := want{asOf: "none"}
					if err := history.AsOf(ctx, db.DB, &then, history.After(r)); !errors.Is(err, history.ErrNotFound) {
						must(t, err)
						got.asOf = hullText([]hull{then})
					}
					got.revert = tried(func(tx *gorm.DB) error { _, err := history.Revert(ctx, tx, r); return err })
					whole := tried(func(tx *gorm.DB) error { _, err := history.RevertTransaction(ctx, tx, r.TransactionID); return err })
					got.revertTo = tried(func(tx *gorm.DB) error {
						_, err := history.RevertTo(ctx, tx, &hull{ID: 1}, history.After(r))
						return err
					})
					if got != c.want[n] || whole != got.revert {
						t.Errorf("%s %d: %+v, and its transaction %q; want %+v", r.Action, n, got, whole, c.want[n])
					}
				}
				n := 0
				for v, err := range history.Versions(ctx, db.DB, &hull{ID: 1}) {
					must(t, err)
					is := "none"
					if v.Row != nil {
						is = hullText([]hull{*v.Row})
					}
					if is != c.want[n].asOf {
						t.Errorf("version %d: %s", n, is)
					}
					n++
				}
				lines, err := history.Blame(ctx, db.DB, &hull{ID: 1})
				must(t, err)
				for _, l := range lines { // of the second row only
					if at := map[bool]int{true: 4, false: 3}[l.Column == "name" && c.steps > 4]; l.Record == nil || l.Record.ID != records[at].ID {
						t.Errorf("blame of %s: %+v", l.Column, l.Record)
					}
				}
			})
		})
	}
}

func hullText(rows []hull) string {
	if len(rows) == 0 {
		return "none"
	}
	if rows[0].Owner == nil {
		return rows[0].Name
	}
	return rows[0].Name + " of " + *rows[0].Owner
}

type strongbox struct {
	ID   uint   `gorm:"primaryKey;autoIncrement:false"`
	Name string `gorm:"size:20"`
	Pin  string `gorm:"size:20" audit:"mask"`
	Iban string `gorm:"size:20" audit:"hash"`
}

// Another row under the same key, with the same values but for what the records hide, is
// not the one that was created.
func TestTwoLivesOfSecrets(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&strongbox{}), testdb.WithPlugin(auditplugin.WithHashKey([]byte("0123456789abcdef0123456789abcdef"))))
		ctx := context.Background()
		must(t, db.Create(&strongbox{1, "a", "1234", "x"}).Error)
		first := lastRecord(t, db.DB)
		must(t, db.Delete(&strongbox{ID: 1}).Error)
		for _, c := range []struct {
			iban         string
			columns, not []string
		}{{"x", []string{"pin"}, []string{"pin"}}, {"y", []string{"iban", "pin"}, []string{"pin"}}} {
			must(t, db.Create(&strongbox{1, "a", "5678", c.iban}).Error)
			_, err := history.Revert(ctx, db.DB, first)
			var conflict *history.ConflictError
			if !errors.As(err, &conflict) || !slices.Equal(conflict.Columns, c.columns) || !slices.Equal(conflict.Unsure, c.not) {
				t.Errorf("undoing the first creation: %v %+v", err, conflict)
			}
			must(t, db.Delete(&strongbox{ID: 1}).Error)
		}
	})
}
