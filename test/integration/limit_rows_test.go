package integration

import (
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Statements that change some of the rows that they find, and those that seem to.

// The server may choose other rows for an UPDATE than for the SELECT before it, by another
// index: those that were read have to be those that change.
func TestLimitedRows(t *testing.T) {
	seats("CREATE TABLE seats (id int PRIMARY KEY, name varchar(20), n int, pad char(200), INDEX by_n (n))",
		"INSERT INTO seats SELECT s.id + 3 + 3 * u.id + 9 * v.id, s.name, 0, 'x' FROM seats s, seats u, seats v",
		"UPDATE seats SET n = 1000 - id",
	).on(t, testdb.MySQL, func(s *stage) {
		s.ok(s.db.Model(&Seat{}).Where("id > 0").Limit(1).Update("n", 7))
		s.ok(s.db.Model(&Seat{}).Where("id > 0").Limit(3).Update("n", gorm.Expr("n + 5000")))
		s.ok(s.db.Model(&Seat{}).Where("n > 0").Order("pad").Limit(2).Update("name", "z"))
		s.ok(s.db.Model(&Seat{}).Where("id > 0").Limit(1).Updates(map[string]any{"id": 500, "n": 8}))
		if deleted := s.ok(s.db.Where("id > 0").Limit(2).Delete(&Seat{})); deleted.RowsAffected != 2 {
			s.Errorf("%d rows were deleted", deleted.RowsAffected)
		}
		s.expect("7 update seats", "2 delete seats")
	})
}

// GORM leaves ORDER BY and LIMIT out of writes to these databases: all rows change.
func TestLimitThatIsLeftOut(t *testing.T) {
	for _, dialect := range []string{testdb.SQLite, testdb.Postgres} {
		seats(plainSeats).on(t, dialect, func(s *stage) {
			s.ok(s.db.Model(&Seat{}).Where("n > 0").Order("nothing").Limit(1).Update("n", 9))
			s.ok(s.db.Where("n = 9").Order("nothing").Limit(1).Delete(&Seat{}))
			s.expect("3 update seats", "3 delete seats")
		})
	}
}

// Chance is chance wherever it stands among what chooses the rows.
func TestConditionOfChanceElsewhere(t *testing.T) {
	chance := map[string]string{testdb.SQLite: "random() < 0", testdb.MySQL: "RAND() < 0.5"}
	for dialect, chance := range chance {
		seats(plainSeats, "CREATE TABLE others (whereabouts int)").on(t, dialect, func(s *stage) {
			for _, then := range []string{"n >= (SELECT COUNT(*) FROM others WHERE whereabouts = 7)", "name <> 'where'"} {
				for range 5 {
					s.fails(s.db.Model(&Seat{}).Where(chance+" AND "+then).Update("n", 9).Error, auditplugin.ErrAuditFailed)
				}
			}
			if dialect == testdb.MySQL {
				all := s.db.Session(&gorm.Session{AllowGlobalUpdate: true})
				s.fails(all.Model(&Seat{}).Order("RAND()").Limit(1).Update("n", 9).Error, auditplugin.ErrAuditFailed)
			}
			s.expect()
		})
	}
}
