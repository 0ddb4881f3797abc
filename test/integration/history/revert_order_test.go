package history_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

type branch struct {
	ID       uint `gorm:"primaryKey;autoIncrement:false"`
	Name     string
	ParentID *uint
	Parent   *branch `gorm:"constraint:OnDelete:CASCADE"`
}

type plainTree struct {
	ID       uint `gorm:"primaryKey;autoIncrement:false"`
	ParentID *uint
	Parent   *plainTree
}

// team and player refer to each other.
type team struct {
	ID        uint `gorm:"primaryKey;autoIncrement:false"`
	CaptainID *uint
	Captain   *player
}

type player struct {
	ID     uint `gorm:"primaryKey;autoIncrement:false"`
	TeamID uint
}

func noted(n uint) *uint { return &n }

// undoneWhole undoes transactions one after the other, the last first, and demands that
// each leaves the tables as they were.
type undoneWhole struct {
	*testing.T
	db     *testdb.DB
	tables []string
	states []string
	ids    []string
}

func (u *undoneWhole) look() string {
	all := ""
	for _, name := range u.tables {
		all += name + rowsOf(u.T, u.db.Plain(u.T), name) + "\n"
	}
	return all
}

func (u *undoneWhole) do(f func(tx *gorm.DB) error) {
	u.Helper()
	u.states = append(u.states, u.look())
	must(u.T, u.db.Transaction(f))
	u.ids = append(u.ids, lastRecord(u.T, u.db.DB).TransactionID)
}

func (u *undoneWhole) undo() {
	u.Helper()
	u.states = append(u.states, u.look())
	for n := len(u.ids) - 1; n >= 0; n-- {
		done, err := history.RevertTransaction(context.Background(), u.db.DB, u.ids[n])
		if err != nil {
			u.Fatalf("undoing %d: %v", n, err)
		}
		if got := u.look(); got != u.states[n] {
			u.Fatalf("undoing %d: got\n%swas\n%s%+v", n, got, u.states[n], done.Steps)
		}
		// What was undone can be redone, and undone again.
		redo := lastRecord(u.T, u.db.DB).TransactionID
		if _, err := history.RevertTransaction(context.Background(), u.db.DB, redo); err != nil {
			u.Fatalf("redoing %d: %v", n, err)
		}
		if got := u.look(); got != u.states[n+1] {
			u.Fatalf("redoing %d: got\n%swas\n%s", n, got, u.states[n+1])
		}
		if _, err := history.RevertTransaction(context.Background(), u.db.DB, u.ids[n]); err != nil {
			u.Fatalf("undoing %d again: %v", n, err)
		}
	}
}

func TestRevertTrees(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&branch{}, &plainTree{}))
		u := &undoneWhole{T: t, db: db, tables: []string{"branches", "plain_trees"}}
		u.do(func(tx *gorm.DB) error {
			return tx.Create(&[]branch{{ID: 1}, {ID: 2, ParentID: noted(1)}, {ID: 3, ParentID: noted(2)}, {ID: 9}}).Error
		})
		u.do(func(tx *gorm.DB) error {
			return tx.Create(&[]plainTree{{ID: 5}, {ID: 4, ParentID: noted(5)}, {ID: 3, ParentID: noted(4)}, {ID: 2, ParentID: noted(2)}}).Error
		})
		u.do(func(tx *gorm.DB) error { return tx.Model(&plainTree{ID: 3}).Update("parent_id", 2).Error })
		// Turned over in one transaction.
		u.do(func(tx *gorm.DB) error {
			for _, move := range []struct{ id, to any }{{5, 2}, {2, nil}, {4, 3}, {3, 5}} {
				if err := tx.Model(&plainTree{}).Where("id = ?", move.id).Update("parent_id", move.to).Error; err != nil {
					return err
				}
			}
			return nil
		})
		u.do(func(tx *gorm.DB) error { return tx.Delete(&[]branch{{ID: 1}, {ID: 2}, {ID: 3}}).Error })
		u.do(func(tx *gorm.DB) error { return tx.Delete(&branch{ID: 9}).Error })
		u.do(func(tx *gorm.DB) error {
			for _, id := range []uint{4, 3, 5, 2} {
				if err := tx.Delete(&plainTree{ID: id}).Error; err != nil {
					return err
				}
			}
			return nil
		})
		u.undo()
	})
}

func TestRevertCircles(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t)
		for _, statement := range []string{
			"CREATE TABLE teams (id bigint PRIMARY KEY, captain_id bigint NULL)",
			"CREATE TABLE players (id bigint PRIMARY KEY, team_id bigint NOT NULL, CONSTRAINT p FOREIGN KEY (team_id) REFERENCES teams (id))",
		} {
			if g.Dialect == testdb.SQLite {
				statement = strings.Replace(statement, "captain_id bigint NULL", "captain_id bigint REFERENCES players (id)", 1)
			}
			_, err := db.Raw.Exec(statement)
			must(t, err)
		}
		if g.Dialect != testdb.SQLite {
			_, err := db.Raw.Exec("ALTER TABLE teams ADD CONSTRAINT c FOREIGN KEY (captain_id) REFERENCES players (id)")
			must(t, err)
		}
		u := &undoneWhole{T: t, db: db, tables: []string{"teams", "players"}}
		u.do(func(tx *gorm.DB) error {
			if err := tx.Create(&[]team{{ID: 1}, {ID: 2}}).Error; err != nil {
				return err
			}
			if err := tx.Create(&[]player{{ID: 7, TeamID: 1}, {ID: 8, TeamID: 2}}).Error; err != nil {
				return err
			}
			return tx.Model(&team{ID: 1}).Update("captain_id", 7).Error
		})
		u.do(func(tx *gorm.DB) error { return tx.Model(&team{ID: 2}).Update("captain_id", 7).Error })
		u.do(func(tx *gorm.DB) error {
			if err := tx.Model(&team{}).Where("id > 0").Update("captain_id", nil).Error; err != nil {
				return err
			}
			if err := tx.Where("id > 0").Delete(&player{}).Error; err != nil {
				return err
			}
			return tx.Where("id > 0").Delete(&team{}).Error
		})
		u.undo()
		// The rows as the records of deletions alone have them: in a circle.
		must(t, db.Create(&[]team{{ID: 1}, {ID: 2}}).Error)
		must(t, db.Create(&[]player{{ID: 7, TeamID: 1}, {ID: 8, TeamID: 2}}).Error)
		must(t, db.Model(&team{}).Where("id = 1").Update("captain_id", 7).Error)
		was := u.look()
		off := map[string]string{testdb.SQLite: "PRAGMA foreign_keys = OFF", testdb.MySQL: "SET foreign_key_checks = 0", testdb.Postgres: "SET session_replication_role = replica"}[g.Dialect]
		on := map[string]string{testdb.SQLite: "PRAGMA foreign_keys = ON", testdb.MySQL: "SET foreign_key_checks = 1", testdb.Postgres: "SET session_replication_role = origin"}[g.Dialect]
		must(t, db.Connection(func(tx *gorm.DB) error {
			for _, f := range []func() error{
				func() error { return tx.Exec(off).Error },
				func() error {
					return tx.Transaction(func(tx *gorm.DB) error {
						if err := tx.Where("id > 0").Delete(&team{}).Error; err != nil {
							return err
						}
						return tx.Where("id > 0").Delete(&player{}).Error
					})
				},
				func() error { return tx.Exec(on).Error },
			} {
				if err := f(); err != nil {
					return err
				}
			}
			return nil
		}))
		last := lastRecord(t, db.DB)
		for last.Action != audit.Delete {
			var err error
			last, err = history.Search(db.DB).Action(audit.Delete).Newest().First(context.Background())
			must(t, err)
		}
		done, err := history.RevertTransaction(context.Background(), db.DB, last.TransactionID)
		must(t, err)
		if got := u.look(); got != was {
			t.Errorf("the circle:\n%swas\n%s%+v", got, was, done.Steps)
		}
	})
}

// A circle of columns that may not be NULL takes constraints that can wait.
func TestRevertCirclesWithoutNull(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		if g.Dialect == testdb.MySQL {
			t.Skip("MySQL checks at once")
		}
		db := g.Open(t)
		deferrable := " DEFERRABLE INITIALLY IMMEDIATE"
		statements := []string{
			"CREATE TABLE teams (id bigint PRIMARY KEY, captain_id bigint NOT NULL)",
			"CREATE TABLE players (id bigint PRIMARY KEY, team_id bigint NOT NULL, CONSTRAINT p FOREIGN KEY (team_id) REFERENCES teams (id)" + deferrable + ")",
			"ALTER TABLE teams ADD CONSTRAINT c FOREIGN KEY (captain_id) REFERENCES players (id)" + deferrable,
		}
		deferAll := "SET CONSTRAINTS ALL DEFERRED"
		if g.Dialect == testdb.SQLite {
			statements = []string{strings.Replace(statements[0], "NOT NULL", "NOT NULL REFERENCES players (id)", 1), statements[1]}
			deferAll = "PRAGMA defer_foreign_keys = ON"
		}
		for _, s := range statements {
			_, err := db.Raw.Exec(s)
			must(t, err)
		}
		u := &undoneWhole{T: t, db: db, tables: []string{"teams", "players"}}
		u.do(func(tx *gorm.DB) error {
			if err := tx.Exec(deferAll).Error; err != nil {
				return err
			}
			if err := tx.Create(&team{ID: 1, CaptainID: noted(7)}).Error; err != nil {
				return err
			}
			return tx.Create(&player{ID: 7, TeamID: 1}).Error
		})
		u.do(func(tx *gorm.DB) error {
			if err := tx.Exec(deferAll).Error; err != nil {
				return err
			}
			if err := tx.Delete(&team{ID: 1}).Error; err != nil {
				return err
			}
			return tx.Delete(&player{ID: 7}).Error
		})
		u.undo()
	})
}

// A unique value that went from one row to another goes back.
func TestRevertOfUniqueValues(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&depot{}))
		u := &undoneWhole{T: t, db: db, tables: []string{"depots"}}
		u.do(func(tx *gorm.DB) error { return tx.Create(&[]depot{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}}).Error })
		u.do(func(tx *gorm.DB) error {
			for _, f := range []func() error{
				func() error { return tx.Model(&depot{ID: 1}).Update("name", "x").Error },
				func() error { return tx.Model(&depot{ID: 2}).Update("name", "a").Error },
				func() error { return tx.Model(&depot{ID: 1}).Update("name", "b").Error },
			} {
				if err := f(); err != nil {
					return err
				}
			}
			return nil
		})
		u.do(func(tx *gorm.DB) error {
			if err := tx.Delete(&depot{ID: 1}).Error; err != nil {
				return err
			}
			return tx.Create(&depot{ID: 3, Name: "b"}).Error
		})
		u.undo()
		if _, err := history.RevertTransaction(context.Background(), db.DB, "none"); !errors.Is(err, history.ErrNotFound) {
			t.Errorf("no transaction: %v", err)
		}
	})
}

// berth has a key and a unique value that move from row to row.
type berth struct {
	Pier string `gorm:"primaryKey;size:20"`
	Name string `gorm:"size:20;unique"`
	Note string `gorm:"size:20"`
}

// What rows hand on to each other is handed back in turn, whichever columns change along
// with it.
func TestRevertOfWhatIsHandedOn(t *testing.T) {
	change := func(from string, to map[string]any) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Model(&berth{}).Where("pier = ?", from).Updates(to).Error }
	}
	for name, steps := range map[string][]func(tx *gorm.DB) error{
		"keys that are swapped": {
			change("a", map[string]any{"pier": "x"}), change("b", map[string]any{"pier": "a"}), change("x", map[string]any{"pier": "b"}),
		},
		"keys that go round": {
			change("c", map[string]any{"pier": "x"}), change("b", map[string]any{"pier": "c"}), change("a", map[string]any{"pier": "b"}), change("x", map[string]any{"pier": "a"}),
		},
		"keys that move up":    {change("c", map[string]any{"pier": "d"}), change("b", map[string]any{"pier": "c"}), change("a", map[string]any{"pier": "b"})},
		"a key that goes on":   {change("a", map[string]any{"pier": "x"}), change("x", map[string]any{"pier": "y"})},
		"unique values":        {change("a", map[string]any{"name": "x"}), change("b", map[string]any{"name": "1", "note": "too"}), change("c", map[string]any{"name": "2"})},
		"unique values, mixed": {change("a", map[string]any{"name": "x", "note": "too"}), change("b", map[string]any{"name": "1"}), change("c", map[string]any{"name": "2", "note": "too"})},
	} {
		t.Run(name, func(t *testing.T) {
			testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
				u := &undoneWhole{T: t, db: g.Open(t, migrated(&berth{})), tables: []string{"berths"}}
				u.do(func(tx *gorm.DB) error {
					return tx.Create(&[]berth{{Pier: "a", Name: "1"}, {Pier: "b", Name: "2"}, {Pier: "c", Name: "3"}}).Error
				})
				u.do(func(tx *gorm.DB) error {
					for _, f := range steps {
						if err := f(tx); err != nil {
							return err
						}
					}
					return nil
				})
				u.undo()
			})
		})
	}
}

// Rows of a tree that are inserted with different columns, since some values are erased,
// are still inserted parents first.
func TestRevertOfTreesWithErasedValues(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&bough{}))
		ctx := context.Background()
		one, two := uint(1), uint(2)
		must(t, db.Create(&[]bough{{ID: 1, Name: "one"}, {ID: 2, Name: "secret", ParentID: &one}, {ID: 3, Name: "three", ParentID: &two}}).Error)
		must(t, db.Transaction(func(tx *gorm.DB) error {
			for id := uint(3); id > 0; id-- {
				if err := tx.Delete(&bough{ID: id}).Error; err != nil {
					return err
				}
			}
			return nil
		}))
		deleted := lastRecord(t, db.DB).TransactionID
		_, err := history.Erase(ctx, db.DB, history.EraseOptions{Values: []string{"secret"}})
		must(t, err)
		_, err = history.RevertTransaction(ctx, db.DB, deleted, history.SkipUnknown())
		must(t, err)
		var rows []bough
		must(t, db.Order("id").Find(&rows).Error)
		if len(rows) != 3 || rows[0].Name != "one" || rows[1].Name != "" || rows[2].Name != "three" || *rows[2].ParentID != 2 {
			t.Errorf("restored %+v", rows)
		}
	})
}

type bough struct {
	ID       uint   `gorm:"primaryKey;autoIncrement:false"`
	Name     string `gorm:"size:20"`
	ParentID *uint
	Parent   *bough
}

type crew struct {
	ID    uint     `gorm:"primaryKey;autoIncrement:false"`
	Name  string   `gorm:"size:20"`
	Ships []vessel `gorm:"many2many:crew_vessels;constraint:OnUpdate:CASCADE"`
}

type vessel struct {
	ID   uint
	Name string `gorm:"size:20"`
}

// A key that follows what it refers to goes back with it.
func TestRevertOfKeysThatFollow(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&crew{}, &vessel{}))
		ctx := context.Background()
		must(t, db.Create(&crew{ID: 1, Name: "a", Ships: []vessel{{Name: "s"}, {Name: "t"}}}).Error)
		plain := db.Plain(t)
		state := func() string { return rowsOf(t, plain, "crews") + rowsOf(t, plain, "crew_vessels") }
		was := state()
		must(t, db.Model(&crew{}).Where("id = 1").UpdateColumn("id", 7).Error)
		moved := state()
		transaction := lastRecord(t, db.DB).TransactionID
		_, err := history.RevertTransaction(ctx, db.DB, transaction)
		must(t, err)
		if got := state(); got != was {
			t.Errorf("undone:\n%s, was\n%s", got, was)
		}
		_, err = history.RevertTransaction(ctx, db.DB, lastRecord(t, db.DB).TransactionID)
		must(t, err)
		if got := state(); got != moved {
			t.Errorf("and that undone:\n%s, was\n%s", got, moved)
		}
		// One that has gone is a conflict as ever.
		must(t, db.Table("crew_vessels").Where("vessel_id = 1").Delete(map[string]any{}).Error)
		if _, err := history.RevertTransaction(ctx, db.DB, transaction); !errors.Is(err, history.ErrConflict) {
			t.Errorf("a row is gone: %v", err)
		}
	})
}
