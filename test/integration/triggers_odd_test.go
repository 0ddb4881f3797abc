package integration

import (
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Triggers and rules that make of a row another thing than the statement says.

// renumber is a trigger that gives a row another key.
func renumber(dialect string) []string {
	if dialect == testdb.MySQL {
		return []string{"CREATE TRIGGER renumber BEFORE UPDATE ON seats FOR EACH ROW SET NEW.id = IF(NEW.n = 7, NEW.id + 100, NEW.id)"}
	}
	return []string{
		"CREATE FUNCTION renumber() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := CASE NEW.n WHEN 7 THEN NEW.id + 100 ELSE NEW.id END; RETURN NEW; END $$",
		"CREATE TRIGGER renumber BEFORE UPDATE ON seats FOR EACH ROW EXECUTE FUNCTION renumber()",
	}
}

// A row that a trigger moved was taken for one that it deleted.
func TestTriggerThatChangesKeys(t *testing.T) {
	for _, dialect := range []string{testdb.MySQL, testdb.Postgres} {
		seats(plainSeats, renumber(dialect)...).on(t, dialect, func(s *stage) {
			s.ok(s.db.Model(&Seat{}).Where("id < ?", 3).Update("n", 5))
			err := s.db.Model(&Seat{}).Where("id = ?", 3).Update("n", 7).Error
			if dialect == testdb.Postgres && !s.db.Target.Portable { // it returns the row
				s.try(err)
				s.expect("3 update seats")
				return
			}
			s.fails(err, auditplugin.ErrAuditFailed)
			s.expect("2 update seats")
		})
	}
}

// Rows that are marked instead of deleted had no record.
func TestDeleteThatIsAnUpdate(t *testing.T) {
	mark := "CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE seats SET n = -1 WHERE id = OLD.id AND n <> 3; RETURN NULL; END $$"
	for name, of := range map[string]struct {
		dialect string
		ddl     []string
	}{
		"trigger": {testdb.Postgres, []string{mark, "CREATE TRIGGER mark BEFORE DELETE ON seats FOR EACH ROW WHEN (OLD.id > 1) EXECUTE FUNCTION mark()"}},
		"rule":    {testdb.Postgres, []string{"CREATE RULE mark AS ON DELETE TO seats WHERE OLD.id > 1 DO INSTEAD UPDATE seats SET n = -1 WHERE id = OLD.id AND n <> 3"}},
		"SQLite": {testdb.SQLite, []string{
			"CREATE TRIGGER mark BEFORE DELETE ON seats WHEN OLD.id > 1 BEGIN UPDATE seats SET n = -1 WHERE id = OLD.id AND n <> 3; SELECT RAISE(IGNORE); END",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			seats(plainSeats, of.ddl...).on(t, of.dialect, func(s *stage) {
				s.ok(s.db.Where("id > 0").Delete(&Seat{}))
				s.expect("1 delete seats", "1 update seats")
				for _, e := range s.trail() {
					if e.Action == "update" && fmt.Sprint(e.Before, e.After) != "map[n:2] map[n:-1]" {
						s.Errorf("recorded is %v, was %v", e.After, e.Before)
					}
				}
			})
		})
	}
}
