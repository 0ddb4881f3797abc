package neighbour_test

import (
	"database/sql"
	"testing"

	_ "gorm.io/driver/sqlite" // registers the "sqlite3" driver

	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

func TestDatabase(t *testing.T) {
	seen := map[uintptr]bool{0: true}
	for range 2 {
		db, err := sql.Open("sqlite3", ":memory:")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		tx, err := conn.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		id := neighbour.Database(db)
		if seen[id] || neighbour.Database(conn) != id || neighbour.Database(tx) != id {
			t.Errorf("%x, of a connection %x, of a transaction %x", id, neighbour.Database(conn), neighbour.Database(tx))
		}
		seen[id] = true
	}
	if neighbour.Database((*sql.Tx)(nil)) != 0 || neighbour.Database(nil) != 0 || neighbour.Database(t) != 0 {
		t.Error("something else is a database")
	}
}
