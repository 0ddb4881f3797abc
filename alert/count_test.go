package alert_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
)

func deletions(n int) alert.Rule {
	return alert.When(alert.Action(audit.Delete), alert.Model("user"), alert.MoreThan(n).In(time.Minute).By(alert.ByActor)).
		Named("mass-deletion").To("inbox").Severity(alert.Critical)
}

func TestCount(t *testing.T) {
	s := newScene(t, []alert.Rule{deletions(5)})
	for i := 1; i <= 40; i++ {
		s.must(s.as("1", "Ada", "import").Create(&User{ID: uint(i)}))
	}
	remove := func(actor string, ids ...uint) {
		for _, id := range ids {
			s.must(s.as(actor, "Actor "+actor, "cleaning up").Delete(&User{}, id))
		}
	}
	// Five each are allowed.
	remove("1", 1, 2, 3, 4, 5)
	remove("2", 6, 7, 8, 9, 10)
	s.run(0)
	// The sixth by one of them is told, once, and says how many.
	remove("2", 11)
	m := s.run(1)[0]
	if !strings.HasPrefix(m.Text, "6 changes within a minute by Actor 2 (user 2); the rule allows 5. The last one told of: Actor 2 (user 2) deleted user 11; ") {
		t.Error(m.Text)
	}
	remove("2", 12, 13, 14)
	s.run(1)
	// Many in one transaction.
	remove("1", 15)
	s.run(2)
	err := s.as("3", "Cleo", "cleaning up").Transaction(func(tx *gorm.DB) error {
		return tx.Where("id >= 20").Delete(&User{}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	s.run(3)
}

// The window slides, and looks at both sides: records can come late.
func TestCountWindow(t *testing.T) {
	for _, c := range []struct {
		name    string
		seconds []int // when the records in the table were made
		at      int   // when the one that is told was made
		want    bool
	}{
		{"within", []int{0, 20, 40}, 59, true},
		{"too far apart", []int{0, 20, 40}, 60, false},
		{"late", []int{40, 60, 80}, 30, true},
		{"in the middle", []int{0, 10, 59}, 30, true},
		{"both sides, but of two windows", []int{0, 1, 119}, 60, false},
		{"half a window on each side", []int{1, 2, 60}, 30, true},
		{"exactly a window apart", []int{1, 2, 61}, 30, false},
		{"at the same moment", []int{30, 30, 30}, 30, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, []alert.Rule{deletions(3)})
			base := time.Now().UTC().Truncate(time.Hour)
			for i, second := range c.seconds {
				s.must(s.as("1", "Ada", "r").Create(&User{ID: uint(i + 1)}))
				s.must(s.as("1", "Ada", "r").Delete(&User{}, i+1))
				// The plugin uses the time of day; the test needs others.
				at := base.Add(time.Duration(second) * time.Second).Format("2006-01-02 15:04:05.000000+00:00")
				if err := s.Exec("UPDATE audit_logs SET occurred_at = ? WHERE seq = (SELECT MAX(seq) FROM audit_logs)", at).Error; err != nil {
					t.Fatal(err)
				}
			}
			r := record("told", audit.Delete)
			r.Time = base.Add(time.Duration(c.at) * time.Second)
			r.Actor = audit.Actor{ID: "1", Type: "user"}
			before := waiting(t, s.engine)
			if err := s.engine.Emit(t.Context(), []audit.Record{r}); err != nil {
				t.Fatal(err)
			}
			if got := waiting(t, s.engine) > before; got != c.want {
				t.Errorf("the rule applies: %v", got)
			}
		})
	}
}

// Conditions that the database cannot check are checked on what it gives, page by
// page.
func TestCountWithConditionsOnValues(t *testing.T) {
	s := newScene(t, []alert.Rule{
		alert.When(alert.Value("role", alert.Becomes("admin")), alert.MoreThan(2).In(time.Hour)).Named("admins").To("inbox"),
	})
	for i := 1; i <= 8; i++ {
		s.must(s.as("1", "Ada", "r").Create(&User{ID: uint(i), Role: "reader"}))
	}
	for i := 1; i <= 8; i++ {
		role := "editor"
		if i%3 == 0 || i == 8 {
			role = "admin"
		}
		s.must(s.as(fmt.Sprint(i), "", "r").Model(&User{ID: uint(i)}).Update("role", role))
	}
	m := s.run(1)[0]
	if !strings.HasPrefix(m.Text, "3 changes within an hour; the rule allows 2. The last one told of: User 8 changed the role of user 8: editor → admin") &&
		!strings.HasPrefix(m.Text, "3 changes within an hour; the rule allows 2. The last one told of: User 8 changed the role of user 8: reader → admin") {
		t.Error(m.Text)
	}
}

// Records of the same moment are read page by page too.
func TestCountOfOneMoment(t *testing.T) {
	s := newScene(t, []alert.Rule{
		alert.When(alert.Value("role", alert.Becomes("admin")), alert.MoreThan(2).In(time.Minute)).Named("admins").To("inbox"),
	})
	for i, role := range []string{"reader", "reader", "reader", "admin", "reader", "reader", "admin"} {
		s.must(s.as("1", "Ada", "r").Create(&User{ID: uint(i + 1), Role: role}))
	}
	engine, err := alert.New(s.DB, s.engine.Rules(), map[string]alert.Channel{"inbox": s.inbox}, alert.WithTable("other_alerts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, seconds := range []int{-10, 10} {
		base := time.Now().UTC().Truncate(time.Hour)
		at := base.Add(time.Duration(seconds) * time.Second).Format("2006-01-02 15:04:05.000000+00:00")
		if err := s.Exec("UPDATE audit_logs SET occurred_at = ?", at).Error; err != nil {
			t.Fatal(err)
		}
		r := record(fmt.Sprint("told", seconds), audit.Create)
		r.After, r.Time = map[string]any{"role": "admin"}, base
		if seconds > 0 {
			s.engine = engine // which has told of nothing
		}
		if err := s.engine.Emit(t.Context(), []audit.Record{r}); err != nil {
			t.Fatal(err)
		}
		if n := waiting(t, s.engine); n != 1 {
			t.Errorf("%d s: %d messages", seconds, n)
		}
	}
}
