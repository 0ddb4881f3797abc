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

// farRow is in a database of its own, and so is its trail.
type farRow struct {
	ID   uint
	Name string `gorm:"size:40"`
}

// A handle that uses another database asks its trail there, also where the resolver leads
// all other tables somewhere else.
func TestQueryUsesResolver(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		there := g.Open(t, testdb.WithoutPlugin(), testdb.OwnDatabase())
		replica := g.Open(t, testdb.OwnDatabase()) // with an empty trail
		if err := there.AutoMigrate(&farRow{}); err != nil {
			t.Fatal(err)
		}
		s := open(t, g, testdb.OwnDatabase(), testdb.After(func(db *gorm.DB) error {
			return db.Use(dbresolver.Register(dbresolver.Config{Sources: []gorm.Dialector{testdb.Dialector(g.Dialect, there.DSN)}}, &farRow{}).
				Register(dbresolver.Config{Sources: []gorm.Dialector{testdb.Dialector(g.Dialect, replica.DSN)}}))
		}))
		row := farRow{ID: 1, Name: "then"}
		s.write(said(s.ctx, "created"), func(db *gorm.DB) *gorm.DB { return db.Create(&row) })
		s.write(said(s.ctx, "renamed"), func(db *gorm.DB) *gorm.DB { return db.Model(&row).Update("name", "now") })
		use := func() *gorm.DB { return s.DB.Clauses(dbresolver.Use("far_rows"), dbresolver.Write) }
		s.matches("there", history.Of(use(), &row), "created", "renamed")
		created, err := history.Of(use(), &row).First(s.ctx)
		s.ok(err)
		then := farRow{ID: 1}
		s.ok(history.AsOf(s.ctx, use(), &then, history.After(created)))
		if then.Name != "then" {
			t.Errorf("as of then: %+v", then)
		}
		_, err = history.RevertTo(s.ctx, use(), &row, history.After(created))
		s.ok(err)
	})
}
