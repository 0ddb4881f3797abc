package host

import (
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// deployed writes in every way that reads images, and reports the first failure.
func deployed(db *gorm.DB, round int) error {
	name := fmt.Sprint("c", round)
	return errors.Join(
		db.Create(&Counter{Name: name, Hits: round}).Error,
		db.Model(&Counter{Name: name}).Update("hits", round+100).Error,
		db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Counter{Name: name, Hits: round + 200}).Error,
		db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&Counter{}).Where("name = ?", name).Update("hits", gorm.Expr("hits + 1")).Error; err != nil {
				return err
			}
			return tx.Delete(&Counter{Name: name}).Error
		}),
	)
}

// deployedRecords is what one round of deployed leaves.
var deployedRecords = map[string]int{"create": 1, "update": 3, "delete": 1}

// TestColumnAddedDuringDeploy: another process changes the table while this one
// runs. A column more is no reason for any write to fail, with and without
// prepared statements.
func TestColumnAddedDuringDeploy(t *testing.T) {
	for _, prepare := range []bool{false, true} {
		t.Run(fmt.Sprintf("prepare %t", prepare), func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, g testdb.Target) {
				d := g.Open(t, testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = prepare }))
				must(t, d.AutoMigrate(&Counter{}))
				must(t, deployed(d.DB, 1))
				run(t, d, "ALTER TABLE counters ADD COLUMN extra varchar(20) DEFAULT 'x'")
				must(t, deployed(d.DB, 2))
				run(t, d, "ALTER TABLE counters ADD COLUMN more int NOT NULL DEFAULT 1")
				must(t, d.Transaction(func(tx *gorm.DB) error { return deployed(tx, 3) }))
				for action, n := range deployedRecords {
					if got := records(t, d, "counters", action); got != 3*n {
						t.Errorf("%d records of %s, want %d", got, action, 3*n)
					}
				}
			})
		})
	}
}

// TestColumnDroppedDuringDeploy: a column that the model does not know goes away.
// What the plugin knows of the table is out of date then. SQLite and MySQL let it
// look again within the statement; on PostgreSQL the one write fails that meets
// the difference first, leaves nothing half done, and the next one works.
func TestColumnDroppedDuringDeploy(t *testing.T) {
	for _, prepare := range []bool{false, true} {
		t.Run(fmt.Sprintf("prepare %t", prepare), func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, g testdb.Target) {
				d := g.Open(t, testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = prepare }))
				must(t, d.AutoMigrate(&Counter{}))
				run(t, d, "ALTER TABLE counters ADD COLUMN extra varchar(20) DEFAULT 'x'", "INSERT INTO counters (name, hits) VALUES ('kept', 1)")
				must(t, deployed(d.DB, 1))
				run(t, d, "ALTER TABLE counters DROP COLUMN extra")

				kept := d.Model(&Counter{}).Where("name = ?", "kept").Update("hits", 2)
				hits := count(t, d, "SELECT hits FROM counters WHERE name = 'kept'")
				if kept.Error == nil && hits != 2 || kept.Error != nil && hits != 1 {
					t.Errorf("%d hits after %v", hits, kept.Error)
				}
				// Only the columns that it can change were read: it met nothing.
				must(t, kept.Error)
				first := d.Create(&Counter{Name: "first", Hits: 1})
				if n := count(t, d, "SELECT count(*) FROM counters WHERE name = 'first'"); (first.Error == nil) != (n == 1) {
					t.Errorf("%d rows after %v", n, first.Error)
				}
				if g.Dialect != testdb.Postgres {
					must(t, first.Error)
				}
				must(t, deployed(d.DB, 2))
				must(t, d.Transaction(func(tx *gorm.DB) error { return deployed(tx, 3) }))
				if got, want := records(t, d, "counters", "update"), 3*deployedRecords["update"]+1; got != want {
					t.Errorf("%d records of updates, want %d", got, want)
				}
				want := 3 * deployedRecords["create"]
				if first.Error == nil {
					want++
				}
				if got := records(t, d, "counters", "create"); got != want {
					t.Errorf("%d records of creates, want %d", got, want)
				}
			})
		})
	}
}
