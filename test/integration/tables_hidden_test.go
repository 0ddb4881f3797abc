package integration

import (
	"fmt"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// A temporary table hides another of its name, on its connection and for its time. What was
// remembered of it was taken for the other's: rows that foreign keys deleted had no record.
func TestTemporaryTableHidesAnother(t *testing.T) {
	for dialect, end := range map[string]string{testdb.SQLite: "", testdb.Postgres: " ON COMMIT DROP"} {
		sc := seats(plainSeats,
			"CREATE TABLE kids (id int PRIMARY KEY, seat_id int, FOREIGN KEY (seat_id) REFERENCES seats (id) ON DELETE CASCADE)",
			"INSERT INTO kids VALUES (1, 1), (2, 2), (3, 3)")
		sc.on(t, dialect, func(s *stage) {
			s.oracle = nil // it watches the table that is hidden
			s.try(s.db.Connection(func(one *gorm.DB) error {
				one = one.Session(&gorm.Session{})
				s.try(one.Transaction(func(tx *gorm.DB) error {
					s.ok(tx.Exec("CREATE TEMPORARY TABLE seats (id int PRIMARY KEY, name varchar(20), n int)" + end))
					s.ok(tx.Create(&Seat{ID: 1}))
					return tx.Delete(&Seat{ID: 1}).Error
				}))
				s.ok(s.db.Delete(&Seat{ID: 1})) // on another connection
				if end != "" {
					s.ok(one.Delete(&Seat{ID: 2})) // the temporary table is gone
					return nil
				}
				s.ok(one.Create(&Seat{ID: 2}))
				s.ok(one.Delete(&Seat{ID: 2})) // which nothing refers to
				s.ok(one.Exec("DROP TABLE temp.seats"))
				return one.Delete(&Seat{ID: 2}).Error
			}))
			want := "[1 create seats 2 delete kids 3 delete seats]"
			if end == "" {
				want = "[2 create seats 2 delete kids 4 delete seats]"
			}
			if got := fmt.Sprint(tally(s.trail())); got != want && got != "[2 raw  "+want[1:] {
				s.Errorf("recorded are %s, want %s", got, want)
			}
		})
	}
}
