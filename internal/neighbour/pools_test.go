package neighbour_test

import (
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// A session that prepares, of a database that does, has prepared statements over prepared
// statements; below them is one pool.
func TestPoolsBelowPreparedStatements(t *testing.T) {
	db, err := gorm.Open(sqlite.Open(t.TempDir()+"/x.db"), &gorm.Config{PrepareStmt: true})
	if err != nil {
		t.Fatal(err)
	}
	own, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	twice := db.Session(&gorm.Session{PrepareStmt: true})
	outer, ok := twice.ConnPool.(*gorm.PreparedStmtDB)
	if !ok {
		t.Fatalf("the session's pool is a %T", twice.ConnPool)
	}
	if _, ok := outer.ConnPool.(*gorm.PreparedStmtDB); !ok {
		t.Fatalf("below the session's prepared statements is a %T", outer.ConnPool)
	}
	if neighbour.Pool(twice.ConnPool) != gorm.ConnPool(own) || neighbour.DB(twice.ConnPool) != own {
		t.Error("the pool below was not found")
	}
	tx := twice.Begin()
	defer tx.Rollback()
	if got := neighbour.DB(tx.Statement.ConnPool); got != own {
		t.Errorf("the transaction's pool is %v", got)
	}
}
