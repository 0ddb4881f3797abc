package integration

import (
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Ticket has GORM's soft delete without NULL, as unique keys over it need.
type Ticket struct {
	ID   uint
	Name string         `gorm:"size:40;uniqueIndex:ticket"`
	Gone gorm.DeletedAt `gorm:"not null;default:1970-01-01 00:00:01;zeroValue:1970-01-01 00:00:01;uniqueIndex:ticket"`
}

// State deletes rows by a word, as types of applications do.
type State string

// QueryClauses implements schema.QueryClausesInterface.
func (State) QueryClauses(f *schema.Field) []clause.Interface { return []clause.Interface{stateIs{f}} }

// DeleteClauses implements schema.DeleteClausesInterface.
func (State) DeleteClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{stateDelete{stateIs{f}}}
}

type stateIs struct{ field *schema.Field }

func (stateIs) Name() string               { return "" }
func (stateIs) Build(clause.Builder)       {}
func (stateIs) MergeClause(*clause.Clause) {}

func (s stateIs) ModifyStatement(stmt *gorm.Statement) {
	if !stmt.Unscoped {
		stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: s.field.DBName}, Value: "live"}}})
	}
}

type stateDelete struct{ stateIs }

func (s stateDelete) ModifyStatement(stmt *gorm.Statement) {
	if stmt.Unscoped || stmt.SQL.Len() > 0 {
		return
	}
	stmt.AddClause(clause.Set{{Column: clause.Column{Name: s.field.DBName}, Value: "removed"}})
	s.stateIs.ModifyStatement(stmt)
	stmt.AddClauseIfNotExists(clause.Update{})
	stmt.Build(stmt.DB.Callback().Update().Clauses...)
}

// Booking is one that such a word deletes.
type Booking struct {
	ID    uint
	Name  string
	State State `gorm:"size:20;default:live"`
}

// What a row that is not deleted has in its column, the column's own conditions say. Such soft
// deletes were recorded as updates, and no row was taken to have been there.
func TestSoftDeleteByAWord(t *testing.T) {
	seed := func(db *gorm.DB) error { return db.Create(&[]Booking{{Name: "a"}, {Name: "b"}}).Error }
	scene{models: []any{&Booking{}}, seed: seed}.capture(t, func(s *stage) {
		s.ok(s.db.Where("id = ?", 1).Delete(&Booking{}))
		s.ok(s.db.Unscoped().Model(&Booking{ID: 1}).Update("state", "live"))
		s.ok(s.db.Where("id = ?", 2).Delete(&Booking{}))
		s.ok(s.db.Unscoped().Model(&Booking{ID: 2}).Update("name", "c"))
		s.expect("2 soft_delete bookings", "1 restore bookings", "1 update bookings")
		there(s, func(b Booking) string { return b.Name }, "a")
	})
}

func TestSoftDeleteWithoutNull(t *testing.T) {
	seed := func(db *gorm.DB) error { return db.Create(&[]Ticket{{Name: "a"}, {Name: "b"}}).Error }
	scene{models: []any{&Ticket{}}, seed: seed}.capture(t, func(s *stage) {
		if s.db.Target.Dialect == testdb.SQLite {
			s.Skip("GORM's text of the time is not the one that is stored: its conditions find no row")
		}
		s.ok(s.db.Model(&Ticket{ID: 1}).Update("name", "A"))
		s.ok(s.db.Where("name = ?", "b").Delete(&Ticket{}))
		s.ok(s.db.Create(&Ticket{Name: "b"}))
		s.ok(s.db.Delete(&Ticket{ID: 1}))
		s.ok(s.db.Unscoped().Model(&Ticket{ID: 1}).Update("gone", time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC)))
		s.expect("1 create tickets", "1 update tickets", "2 soft_delete tickets", "1 restore tickets")
		there(s, func(t Ticket) string { return t.Name }, "A", "b")
	})
}

// there demands the rows that the past has, the present included.
func there[T any](s *stage, name func(T) string, want ...string) {
	s.Helper()
	var got []string
	for row, err := range history.AsOfAll[T](s.Context(), s.db.DB, history.At(time.Now().Add(time.Hour))) {
		s.try(err)
		got = append(got, name(row))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		s.Errorf("there are %q, want %q", got, want)
	}
}
