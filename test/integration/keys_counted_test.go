package integration

import (
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Keys of several columns of which the database counts one up: partitioned tables have them.

// Metered is such a row: it is partitioned by its day.
type Metered struct {
	ID   uint `gorm:"primaryKey;autoIncrement"`
	Day  int  `gorm:"primaryKey;autoIncrement:false"`
	Name string
}

func TestKeyWithACountedColumn(t *testing.T) {
	tables := map[string][]string{
		testdb.Postgres: {
			"CREATE TABLE metereds (id bigserial, day int, name text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
			"CREATE TABLE metereds_low PARTITION OF metereds FOR VALUES FROM (0) TO (100) PARTITION BY LIST (day)",
			"CREATE TABLE metereds_lowest PARTITION OF metereds_low DEFAULT",
			"CREATE TABLE metereds_high PARTITION OF metereds FOR VALUES FROM (100) TO (200)",
		},
		testdb.MySQL: {
			"CREATE TABLE metereds (id bigint unsigned NOT NULL AUTO_INCREMENT, day int, name varchar(20), PRIMARY KEY (id, day)) " +
				"PARTITION BY RANGE (day) (PARTITION low VALUES LESS THAN (100), PARTITION high VALUES LESS THAN MAXVALUE)",
		},
	}
	for dialect, ddl := range tables {
		sc := scene{ddl: func(string) []string { return ddl }, tables: []string{"metereds"}, oracle: []oracle.Option{oracle.Merge()}}
		sc.on(t, dialect, func(s *stage) {
			if dialect == testdb.Postgres {
				s.oracle = nil // its triggers see a row that moves leave one partition and come into another
			}
			one, all := Metered{Day: 1, Name: "a"}, []Metered{{Day: 2, Name: "b"}, {Day: 150, Name: "c"}}
			s.ok(s.db.Create(&one))
			s.ok(s.db.Create(&all))
			s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Metered{{ID: one.ID, Day: 1, Name: "A"}, {ID: 77, Day: 7, Name: "d"}}))
			s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Metered{{Day: 8, Name: "e"}, {Day: 9, Name: "f"}}))
			s.ok(s.db.Model(&Metered{}).Where("day < ?", 3).Update("day", gorm.Expr("day + ?", 120)))
			s.ok(s.db.Where("day = ?", 7).Delete(&Metered{}))
			want := []string{"1 delete metereds", "3 update metereds", "6 create metereds"}
			if got := tally(s.trail()); !slices.Equal(got, want) {
				s.Errorf("recorded are %v, want %v", got, want)
			}
			for _, e := range s.trail() {
				if e.Metadata["auditplugin"] != nil || strings.HasPrefix(e.RecordID, `["",`) {
					s.Errorf("the record of %s says %v", e.RecordID, e.Metadata)
				}
			}
		})
	}
}

// Under NO_AUTO_VALUE_ON_ZERO 0 is a key like others: such a row was looked for under the
// one that the server had made for it otherwise.
func TestZeroIsAKey(t *testing.T) {
	sc := scene{models: []any{&Counter{}}, options: []testdb.Option{testdb.WithMaxOpen(1)}}
	sc.on(t, testdb.MySQL, func(s *stage) {
		s.ok(s.db.Exec("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')"))
		s.ok(s.db.Create(&[]Counter{{ID: 10, Name: "ten"}, {Name: "zero"}}))
		s.ok(s.db.Where("id = 0").Delete(&Counter{}))
		s.ok(s.db.Table("counters").Create([]map[string]any{{"id": 0, "name": "null"}, {"id": 7, "name": "seven"}}))
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Counter{{ID: 11, Name: "eleven"}, {Name: "nought"}}))
		s.expect("5 create counters", "1 delete counters", "1 update counters")
	})
}
