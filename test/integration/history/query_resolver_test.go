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
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		empty := g.Open(t, testdb.WithoutPlugin(), testdb.OwnDatabase())
		s := open(t, g, testdb.OwnDatabase(), testdb.After(func(db *gorm.DB) error {
			return db.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{testdb.Dialector(g.Dialect, empty.DSN)}}))
		}))
		row := placed{Region: "north", Number: 7}
		s.write(said(s.ctx, "created"), func(db *gorm.DB) *gorm.DB { return db.Create(&row) })
		// On MySQL the audit table is named with its database, which a replica has by the
		// same name, unless the handle says where it leads.
		if _, err := history.Of(s.DB.DB, &row).Find(s.ctx); err == nil && g.Dialect != testdb.MySQL {
			t.Error("the replica was not asked: it has no audit table")
		}
		if _, err := history.Of(s.DB.Clauses(dbresolver.Read), &row).Find(s.ctx); err == nil {
			t.Error("the replica that the handle says was not asked")
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
