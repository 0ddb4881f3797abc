package history_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

type farOrder struct {
	ID    uint
	Name  string    `gorm:"size:40"`
	Lines []farLine `gorm:"foreignKey:OrderID"`
}

type farLine struct {
	ID      uint
	OrderID uint
	Name    string `gorm:"size:40"`
}

// openFar has the same tables here and in another schema; there, lines go with their order.
func openFar(t *testing.T, g testdb.Target) (s scene, other string) {
	t.Helper()
	s = scene{T: t, DB: g.Open(t, testdb.WithPlugin(auditplugin.WithTenantOfSchema(func(schema string) string { return schema })), migrated(&farOrder{}, &farLine{})), ctx: t.Context()}
	other = fmt.Sprintf("%s_far", lastWord(s.DB.DSN, g.Dialect))
	exec := func(statement string) {
		t.Helper()
		_, err := s.DB.Raw.Exec(statement)
		s.ok(err)
	}
	exec("CREATE SCHEMA " + other)
	t.Cleanup(func() { exec("DROP SCHEMA " + other + map[string]string{testdb.Postgres: " CASCADE"}[g.Dialect]) })
	exec("CREATE TABLE " + other + ".far_orders (id bigint PRIMARY KEY, name varchar(40))")
	exec("CREATE TABLE " + other + ".far_lines (id bigint PRIMARY KEY, order_id bigint, name varchar(40), FOREIGN KEY (order_id) REFERENCES " + other + ".far_orders (id) ON DELETE CASCADE)")
	return s, other
}

// What refers to a row is looked for in the schema of the table that does.
func TestChildrenOfAnotherSchema(t *testing.T) {
	eachServer(t, func(t *testing.T, g testdb.Target) {
		s, other := openFar(t, g)
		there := func(table string) *gorm.DB { return s.DB.Table(other + "." + table) }
		s.ok(there("far_orders").Create(&map[string]any{"id": 1, "name": "there"}).Error)
		made := lastRecord(t, s.DB.DB)
		s.ok(there("far_lines").Create(&map[string]any{"id": 1, "order_id": 1}).Error)
		model := history.ModelOf("far_orders", &farOrder{})
		_, err := history.Revert(s.ctx, there("far_orders"), made, model)
		if !errors.Is(err, history.ErrConflict) {
			t.Errorf("with a line there: %v", err)
		}
		s.ok(there("far_lines").Where("id = 1").Delete(&farLine{}).Error)
		s.ok(s.DB.Create(&farOrder{ID: 1, Name: "here", Lines: []farLine{{ID: 9}}}).Error)
		_, err = history.Revert(s.ctx, there("far_orders"), made, model)
		s.ok(err)
		if got := rowsOf(t, s.DB.DB, other+".far_orders"); got != "[]" {
			t.Errorf("undone: %s", got)
		}
	})
}

// Tenants whose rows share a trail do not lend each other what belonged.
func TestWithTenants(t *testing.T) {
	eachServer(t, func(t *testing.T, g testdb.Target) {
		s, other := openFar(t, g)
		there := func(table string) *gorm.DB { return s.DB.Table(other + "." + table) }
		here := lastWord(s.DB.DSN, g.Dialect)
		s.ok(there("far_orders").Create(&map[string]any{"id": 1, "name": "there"}).Error)
		s.ok(there("far_lines").Create(&map[string]any{"id": 5, "order_id": 1, "name": "their line"}).Error)
		s.do("here", func(db *gorm.DB) error { return db.Create(&[]farOrder{{ID: 1}, {ID: 2}}).Error })
		s.do("line", func(db *gorm.DB) error { return db.Create(&farLine{ID: 5, OrderID: 2}).Error })
		s.do("renamed", func(db *gorm.DB) error { return db.Model(&farLine{ID: 5}).Update("name", "ours").Error })
		s.ok(there("far_lines").Where("id = 5").Update("name", "theirs").Error)
		q := history.Of(s.DB.DB, &farOrder{ID: 1}).With("Lines").Tenant(here)
		s.tells("one without lines", q, ": create far_order 1 (here)")
		narrowed := history.Asking(func(q history.Query) history.Query { return q.Tenant(here) })
		s.ok(s.DB.Delete(&farLine{ID: 5}).Error)
		s.ok(there("far_lines").Where("id = 5").Update("name", "last of theirs").Error)
		names, err := history.NameFrom(s.DB.DB, &farLine{}, "Name", narrowed)(s.ctx, []string{"5"})
		if err != nil || names["5"] != "ours" {
			t.Errorf("names %v, %v", names, err)
		}
		_, err = history.Prune(s.ctx, s.DB.DB, history.PruneOptions{OlderThan: time.Now(), DryRun: true}, narrowed)
		if !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("pruning one tenant's records: %v", err)
		}
		_, err = history.Erase(s.ctx, s.DB.DB, history.EraseOptions{Values: []string{"theirs"}}, narrowed)
		if !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("erasing one tenant's records: %v", err)
		}
	})
}

// Of rows that share a trail, a pruning keeps the last together: what it took of one tenant's
// is not told by that tenant's records.
func TestKeepLastOfTenants(t *testing.T) {
	eachServer(t, func(t *testing.T, g testdb.Target) {
		s, other := openFar(t, g)
		there := func() *gorm.DB { return s.DB.Table(other + ".far_orders") }
		s.ok(s.DB.Create(&farOrder{ID: 1, Name: "0"}).Error)
		was := history.After(lastRecord(t, s.DB.DB))
		s.ok(there().Create(&map[string]any{"id": 1, "name": "0"}).Error)
		for i := range 5 {
			s.ok(s.DB.Model(&farOrder{ID: 1}).Update("name", fmt.Sprint("ours ", i)).Error)
		}
		for i := range 5 {
			s.ok(there().Where("id = 1").Update("name", fmt.Sprint("theirs ", i)).Error)
		}
		_, err := history.Prune(s.ctx, s.DB.DB, history.PruneOptions{KeepLast: 3, Tables: []string{"far_orders"}})
		s.ok(err)
		row := farOrder{ID: 1}
		here := lastWord(s.DB.DSN, g.Dialect)
		err = history.AsOf(s.ctx, s.DB.DB, &row, was, history.Asking(func(q history.Query) history.Query { return q.Tenant(here) }))
		if !errors.Is(err, history.ErrPruned) {
			t.Errorf("as of then: %+v, %v", row, err)
		}
	})
}
