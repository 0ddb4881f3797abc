package integration

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// MariaDB adds the end of a row's time to each unique key of a system-versioned table: it was
// a part of each record's id, and rows were looked for by what nobody sends.
func TestSystemVersionedTable(t *testing.T) {
	sc := scene{
		tables: []string{"counters"}, oracle: []oracle.Option{oracle.Key("counters", "id")},
		ddl: func(string) []string {
			return []string{"CREATE TABLE counters (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(20) UNIQUE, hits bigint, note text, " +
				"since TIMESTAMP(6) GENERATED ALWAYS AS ROW START, until TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE, " +
				"PERIOD FOR SYSTEM_TIME(since, until)) WITH SYSTEM VERSIONING"}
		},
	}
	testdb.On(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		if !g.Open(t, testdb.WithoutPlugin()).MariaDB(t) {
			t.Skip("MySQL has no such tables")
		}
		sc.run(t, g, func(s *stage) {
			s.ok(s.db.Create(&Counter{Name: "a", Hits: 1}))
			s.ok(s.db.Create(&[]Counter{{Name: "b"}, {Name: "c"}}))
			s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Counter{{ID: 1, Name: "a", Hits: 5}, {ID: 9, Name: "d"}}))
			s.ok(s.db.Model(&Counter{}).Where("hits < ?", 9).Update("hits", gorm.Expr("hits + 1")))
			s.ok(s.db.Model(&Counter{ID: 2}).Update("id", 22))
			s.expect("4 create counters", "6 update counters")
			s.judge()
			// Triggers see a row that is deleted end now.
			s.oracle = nil
			s.ok(s.db.Where("id > ?", 2).Delete(&Counter{}))
			s.atLeast("3 delete counters")
		})
	})
}
