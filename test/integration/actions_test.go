package integration

import (
	"fmt"
	"slices"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Memo is deleted softly.
type Memo struct {
	ID        uint
	Title     string `gorm:"size:40"`
	DeletedAt gorm.DeletedAt
}

// limited writes in every way that WithActions has to tell apart.
func limited() scene {
	sc := league()
	sc.models = append(sc.models, &Counter{}, &Memo{})
	seed := sc.seed
	sc.seed = func(db *gorm.DB) error {
		for _, f := range []func(*gorm.DB) error{seed, seedCounters("a", "b", "c"), func(db *gorm.DB) error {
			return db.Create(&[]Memo{{Title: "one"}, {Title: "two"}, {Title: "three"}}).Error
		}} {
			if err := f(db); err != nil {
				return err
			}
		}
		return nil
	}
	return sc
}

func writeLimited(s *stage) {
	s.Helper()
	s.ok(s.db.Create(&[]Memo{{Title: "four"}, {Title: "five"}}))
	s.ok(s.db.Model(&Memo{}).Where("id < 3").Update("title", "changed"))
	s.ok(s.db.Delete(&Memo{}, []int{1, 2}))
	s.ok(s.db.Unscoped().Model(&Memo{}).Where("id = 1").Update("deleted_at", nil))
	s.ok(s.db.Unscoped().Delete(&Memo{}, 3))
	s.ok(s.db.Save(&Memo{ID: 4, Title: "saved"}))
	s.ok(s.db.Save(&Memo{ID: 40, Title: "saved, new"}))
	all := counters("a", "new", "c")
	s.ok(s.db.Clauses(clause.OnConflict{Columns: onName, UpdateAll: true}).Create(&all))
	s.ok(s.db.Create(&Counter{Name: "d"}))
	s.ok(s.db.Model(&Team{ID: 2}).Update("name", "renamed"))
	s.ok(s.db.Where("1 = 1").Delete(&Team{}))
}

// What is recorded with a limit is what is recorded without one, which the oracle judges,
// without what the limit leaves out. Causes skip what is not there.
func TestActionsAreThoseOfTheWholeTrail(t *testing.T) {
	type limit map[string][]audit.Action // by table; "" is every other
	limits := map[string]limit{
		"deletions only":         {"": {audit.Delete}},
		"creations only":         {"": {audit.Create}},
		"no creations":           {"": {audit.Update, audit.Delete, audit.SoftDelete, audit.Restore}},
		"soft deletions only":    {"": {audit.SoftDelete}},
		"not the cascade's head": {"teams": {audit.Create}},
		"not its middle":         {"players": {audit.Update}},
		"memos' restorations":    {"memos": {audit.Restore, audit.Create}},
		"a table against all":    {"": {audit.Update}, "trophies": {audit.Delete}, "counters": {audit.Create}},
	}
	kept := func(l limit, e oracle.Entry) bool {
		actions, own := l[e.Table]
		if !own {
			var all bool
			if actions, all = l[""]; !all {
				return true
			}
		}
		return slices.Contains(actions, audit.Action(e.Action))
	}
	sc := limited()
	sc.capture(t, func(s *stage) {
		writeLimited(s)
		whole := s.trail()
		for name, l := range limits {
			s.Run(name, func(t *testing.T) {
				var options []auditplugin.Option
				for table, actions := range l {
					if table == "" {
						options = append(options, auditplugin.WithActions(actions))
					} else {
						options = append(options, auditplugin.WithActions(actions, table))
					}
				}
				less := sc.open(t, s.db.Target, testdb.WithPlugin(options...))
				writeLimited(less)
				want := briefly(whole, func(e oracle.Entry) bool { return kept(l, e) })
				got := briefly(less.trail(), func(oracle.Entry) bool { return true })
				if !slices.Equal(got, want) {
					t.Errorf("the trail is\n%s\nwant\n%s", lines(got), lines(want))
				}
			})
		}
	})
}

// briefly are the entries that are kept, as lines in which a cause is the place of the nearest
// kept entry that it leads to.
func briefly(trail []oracle.Entry, kept func(oracle.Entry) bool) []string {
	at, causes := map[string]int{}, map[string]string{}
	n := 0
	for _, e := range trail {
		causes[e.ID] = e.Cause
		if kept(e) {
			n++
			at[e.ID] = n
		}
	}
	var out []string
	for _, e := range trail {
		if at[e.ID] == 0 {
			continue
		}
		cause := e.Cause
		for cause != "" && at[cause] == 0 {
			next, there := causes[cause]
			if !there {
				cause = "no record"
				break
			}
			cause = next
		}
		out = append(out, fmt.Sprintf("%s %s %s of %d %s: %v", e.Action, e.Table, e.RecordID, at[cause], map[bool]string{true: cause}[cause == "no record"], e.Changed))
	}
	return out
}

func lines(all []string) (text string) {
	for _, l := range all {
		text += l + "\n"
	}
	return text
}
