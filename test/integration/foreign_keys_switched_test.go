package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// Foreign keys are switched on and off by the connection: what a delete carries along is
// recorded when they are on, whatever held when the table was first met.
func TestForeignKeysSwitched(t *testing.T) {
	sc := scene{
		ddl: func(string) []string {
			return []string{
				"CREATE TABLE trees (id INT PRIMARY KEY)",
				"CREATE TABLE leaves (tree_id INT, FOREIGN KEY (tree_id) REFERENCES trees (id) ON DELETE CASCADE)",
			}
		},
		options: []testdb.Option{testdb.WithMaxOpen(1)},
	}
	type Tree struct{ ID int }
	for dialect, toggle := range map[string][2]string{
		testdb.SQLite: {"PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON"},
		testdb.MySQL:  {"SET FOREIGN_KEY_CHECKS = 0", "SET FOREIGN_KEY_CHECKS = 1"},
	} {
		testdb.On(t, dialect, func(t *testing.T, g testdb.Target) {
			s := sc.open(t, g)
			grow := func(id int) {
				for _, table := range []string{"INSERT INTO trees VALUES (?)", "INSERT INTO leaves VALUES (?)"} {
					s.ok(s.other().Exec(table, id))
				}
			}
			fell := func(id int) { s.ok(s.db.Delete(&Tree{ID: id})) }
			grow(1)
			grow(2)
			grow(3)
			s.ok(s.db.Exec(toggle[0]))
			fell(1)
			s.ok(s.db.Exec(toggle[1]))
			fell(2)
			want := []string{"1 delete leaves", "2 delete trees"}
			if dialect == testdb.MySQL {
				s.try(s.db.Transaction(func(tx *gorm.DB) error {
					s.ok(tx.Exec(toggle[0]))
					s.ok(tx.Delete(&Tree{ID: 3}))
					return tx.Exec(toggle[1]).Error
				}))
				want[1] = "3 delete trees"
			}
			s.want = want
			s.tallied(s.trail())
		})
	}
}
