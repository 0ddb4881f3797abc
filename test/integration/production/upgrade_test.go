package production

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// A process that comes before its migration does not start; one that runs when the
// migration adds a column goes on, and is not started again.
func TestUpgrade(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := newScene(t, g)
		running := s.open(t, s.owner.DSN)
		install(t, running)
		starts := func(t *testing.T) error {
			return s.open(t, s.owner.DSN).Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.NoCreate()))))
		}
		s.run(t, "ALTER TABLE audit_logs ADD COLUMN of_a_later_version int")
		a := account{Phone: "1"}
		must(t, running.Create(&a).Error)
		must(t, running.Model(&a).Update("phone", "2").Error)
		var records int64
		must(t, running.Table("audit_logs").Count(&records).Error)
		if records != 2 {
			t.Errorf("%d records of a process that was running, not 2", records)
		}
		if err := starts(t); !errors.Is(err, emitter.ErrTableMismatch) || !strings.Contains(err.Error(), "with of_a_later_version") {
			t.Errorf("an older version starts: %v", err)
		}
		s.run(t, "ALTER TABLE audit_logs DROP COLUMN of_a_later_version")
		s.run(t, "ALTER TABLE audit_logs DROP COLUMN message")
		if err := starts(t); !errors.Is(err, emitter.ErrTableMismatch) || !strings.Contains(err.Error(), "without message") {
			t.Errorf("a newer version starts: %v", err)
		}
	})
}

// The question for writes without an actor is the one of the documentation.
func TestWhoIsMissing(t *testing.T) {
	text, err := os.ReadFile("../../../docs/production.md")
	must(t, err)
	_, question, found := strings.Cut(string(text), "```sql\n")
	question, _, ended := strings.Cut(question, ";\n```")
	if !found || !ended || !strings.Contains(question, "actor_id") {
		t.Fatalf("the first SQL of docs/production.md is not the question:\n%s", question)
	}
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := newScene(t, g)
		db := s.open(t, s.owner.DSN)
		install(t, db)
		must(t, db.Create(&account{Phone: "1"}).Error)
		rows, err := db.Raw(question).Rows()
		must(t, err)
		defer func() { must(t, rows.Close()) }()
		found := 0
		for ; rows.Next(); found++ {
			var table, action, source string
			var count int
			must(t, rows.Scan(&table, &action, &source, &count))
			if table != "accounts" || action != "create" || !strings.Contains(source, "upgrade_test.go") || count != 1 {
				t.Errorf("%s %s %s %d", table, action, source, count)
			}
		}
		must(t, rows.Err())
		if found != 1 {
			t.Errorf("%d answers, not 1", found)
		}
	})
}
