package history_test

import (
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"
)

// With dbresolver, questions go where the handle says: to a replica, which here is
// an empty database, to the source, or to the transaction's.
func TestQueryResolver(t *testing.T) {
	testdb.Only(t, testdb.SQLite, func(t *testing.T, g testdb.Target) {
		empty := g.Open(t, testdb.WithoutPlugin())
		s := open(t, g, testdb.After(func(db *gorm.DB) error {
			return db.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{testdb.Dialector(g.Dialect, empty.DSN)}}))
		}))
		row := placed{Region: "north", Number: 7}
		s.write(said(s.ctx, "created"), func(db *gorm.DB) *gorm.DB { return db.Create(&row) })
		if _, err := history.Of(s.DB.DB, &row).Find(s.ctx); err == nil {
			t.Error("the replica was not asked: it has no audit table")
		}
		s.matches("source", history.Of(s.DB.Clauses(dbresolver.Write), &row), "created")
		s.matches("source, by a scope", history.Of(s.DB.DB, &row).Scopes(func(db *gorm.DB) *gorm.DB {
			return db.Clauses(dbresolver.Write)
		}), "created")
		s.ok(s.DB.Transaction(func(tx *gorm.DB) error {
			scene{t, &testdb.DB{DB: tx}, s.ctx}.matches("transaction", history.Of(tx, &row), "created")
			return nil
		}))
	})
}
