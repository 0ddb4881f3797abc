package companion

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// beside puts text around the verb of a statement, as plugins for hints and comments do.
type beside struct{ before, after string }

func (b beside) ModifyStatement(s *gorm.Statement) {
	for _, name := range []string{"INSERT", "UPDATE", "DELETE"} {
		c := s.Clauses[name]
		if b.before != "" {
			c.BeforeExpression = clause.Expr{SQL: b.before}
		}
		if b.after != "" {
			c.AfterNameExpression = clause.Expr{SQL: b.after}
		}
		s.Clauses[name] = c
	}
}

func (beside) Build(clause.Builder) {}

// What others put into the text leaves the mark what it is.
func TestHintsAndCommentsOfOthers(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		for _, b := range []beside{
			{before: "/* traced */"},
			{after: "/* a comment */"},
			{after: "/*+ MAX_EXECUTION_TIME(100000) */"},
			{before: "/* traced */", after: "/*+ SET_VAR(sort_buffer_size=262144) NO_SUCH_HINT( */"},
		} {
			db := shop(t, g)
			ok(t, db.Clauses(b).Create(&Order{ID: 1, Name: "a"}))
			ok(t, db.Clauses(b).Model(&Order{ID: 1}).Update("n", 1))
			ok(t, db.Clauses(b, clause.OnConflict{UpdateAll: true}).Create(&[]Order{{ID: 1, Name: "a", N: 2}, {ID: 2, Name: "b"}}))
			ok(t, db.Clauses(b).Delete(&Order{ID: 2}))
			expect(t, db, "plugin: create orders 1", "plugin: update orders 1", "plugin: update orders 1", "plugin: create orders 2", "plugin: delete orders 2")
			forget(t, db)
			exec(t, db.Raw, "UPDATE orders SET n = n + 1 WHERE id = 1")
			expect(t, db, "trigger: update orders 1")
		}
	})
}
