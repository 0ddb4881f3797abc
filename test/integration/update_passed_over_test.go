package integration

import (
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Writes that remove rows which are in their way, or leave some of their own as they are.

// Seat has a key that moves.
type Seat struct {
	ID   int    `gorm:"primaryKey;autoIncrement:false"`
	Name string `gorm:"size:20"`
	N    int
}

func seats(create string, more ...string) scene {
	return scene{tables: []string{"seats"}, ddl: func(string) []string {
		return append([]string{create, "INSERT INTO seats (id, name, n) VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)"}, more...)
	}}
}

const plainSeats = "CREATE TABLE seats (id int PRIMARY KEY, name varchar(20) UNIQUE, n int)"

func TestConstraintThatReplaces(t *testing.T) {
	seats("CREATE TABLE seats (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, name text UNIQUE ON CONFLICT REPLACE, n int)").on(t, testdb.SQLite, func(s *stage) {
		s.ok(s.db.Create(&Seat{ID: 1, Name: "z"}))
		s.ok(s.db.Create(&[]Seat{{ID: 4, Name: "b"}, {ID: 5, Name: "new"}}))
		s.ok(s.db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true}).Create(&Seat{ID: 5, Name: "zz"}))
		s.ok(s.db.Model(&Seat{ID: 3}).Update("name", "free"))
		s.fails(s.db.Model(&Seat{ID: 3}).Update("name", "b").Error, auditplugin.ErrAuditFailed)
		s.fails(s.db.Model(&Seat{ID: 3}).Update("id", 4).Error, auditplugin.ErrAuditFailed)
		s.ok(s.db.Model(&Seat{ID: 3}).Update("n", 30))
		// Triggers do not see the rows that SQLite replaces.
		s.oracle = nil
		if got := fmt.Sprint(tally(s.trail())); got != "[1 delete seats 2 create seats 4 update seats]" {
			s.Errorf("recorded are %v", got)
		}
	})
}

func TestUpdateOrReplace(t *testing.T) {
	seats(plainSeats).on(t, testdb.SQLite, func(s *stage) {
		replacing := func() *gorm.DB { return s.db.Clauses(clause.Update{Modifier: "OR REPLACE"}) }
		s.fails(replacing().Model(&Seat{ID: 1}).Update("name", "b").Error, auditplugin.ErrAuditFailed)
		s.fails(replacing().Model(&Seat{ID: 1}).Update("id", 3).Error, auditplugin.ErrAuditFailed)
		s.ok(replacing().Model(&Seat{ID: 1}).Update("name", "free"))
		s.ok(replacing().Model(&Seat{ID: 1}).Update("id", 9))
		s.expect("2 update seats")
	})
}

// A row that was passed over is not one that is found where it was to go.
func TestUpdateThatPassesKeysOver(t *testing.T) {
	up := map[string]any{"id": gorm.Expr("id + 1")}
	for dialect, modifier := range map[string]string{testdb.SQLite: "OR IGNORE", testdb.MySQL: "IGNORE"} {
		seats(plainSeats).on(t, dialect, func(s *stage) {
			passing := func() *gorm.DB { return s.db.Clauses(clause.Update{Modifier: modifier}).Model(&Seat{}) }
			s.ok(passing().Where("id < 3").Updates(up))
			s.ok(passing().Where("id = 3").Updates(up))
			s.fails(passing().Where("id < 9").Order("id").Updates(up).Error, auditplugin.ErrAuditFailed)
			s.oracle = nil // MariaDB fires triggers for rows that are passed over
			if got := fmt.Sprint(tally(s.trail())); got != "[1 update seats]" {
				s.Errorf("recorded are %v", got)
			}
		})
	}
}

func TestTriggerThatPassesKeysOver(t *testing.T) {
	seats(plainSeats,
		"CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF OLD.id < 3 THEN RETURN NULL; END IF; RETURN NEW; END'",
		"CREATE TRIGGER stay BEFORE UPDATE ON seats FOR EACH ROW EXECUTE FUNCTION stay()",
	).on(t, testdb.Postgres, func(s *stage) {
		up := map[string]any{"id": gorm.Expr("id + 1")}
		s.ok(s.db.Model(&Seat{}).Where("id < 3").Updates(up))
		s.ok(s.db.Model(&Seat{}).Where("id = 3").Updates(up))
		if err := s.db.Model(&Seat{}).Where("id < 9").Updates(up).Error; s.db.Target.Portable {
			s.fails(err, auditplugin.ErrAuditFailed)
			s.expect("1 update seats")
		} else if err != nil {
			s.Error(err) // the statement itself tells which rows it changed
		}
	})
}

// A driver may be made to count the rows that were found, and not those that changed.
func TestUpdateThatPassesOverCountedRows(t *testing.T) {
	testdb.On(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		sc := seats(plainSeats)
		found := strings.Replace(g.Open(t, testdb.WithoutPlugin()).DSN, "?", "?clientFoundRows=true&", 1)
		sc.options = []testdb.Option{testdb.In(found)}
		sc.run(t, g, func(s *stage) {
			up := map[string]any{"id": gorm.Expr("id + 1")}
			passing := func() *gorm.DB { return s.db.Clauses(clause.Update{Modifier: "IGNORE"}).Model(&Seat{}) }
			s.ok(passing().Where("id < 3").Updates(up))
			s.ok(passing().Where("id = 3").Updates(up))
			s.fails(passing().Where("id < 9").Order("id").Updates(up).Error, auditplugin.ErrAuditFailed)
			s.ok(passing().Where("id < 9").Order("id DESC").Updates(up))
			s.oracle = nil // MariaDB fires triggers for rows that are passed over
			if got := fmt.Sprint(tally(s.trail())); got != "[4 update seats]" {
				s.Errorf("recorded are %v", got)
			}
		})
	})
}
