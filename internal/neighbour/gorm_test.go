package neighbour_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

type item struct {
	ID   uint
	Name string `gorm:"unique"`
}

func open(t *testing.T, config gorm.Config) *gorm.DB {
	t.Helper()
	config.Logger = logger.Discard
	db, err := gorm.Open(sqlite.Open(t.TempDir()+"/n.db?_busy_timeout=1"), &config)
	if err != nil {
		t.Fatal(err)
	}
	sqlDB, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sqlDB.Close() })
	if err := db.AutoMigrate(&item{}); err != nil {
		t.Fatal(err)
	}
	return db
}

// GORM's callbacks have the names that ours stand beside, however it is configured.
func TestStepsOfGORM(t *testing.T) {
	for name, config := range map[string]gorm.Config{
		"as it comes":            {},
		"no default transaction": {SkipDefaultTransaction: true},
		"prepared":               {PrepareStmt: true},
	} {
		if err := neighbour.CheckSteps(open(t, config)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMissingSteps(t *testing.T) {
	for missing, change := range map[string]func(*gorm.DB) error{
		"gorm:create": func(db *gorm.DB) error { return db.Callback().Create().Remove("gorm:create") },
		"gorm:update": func(db *gorm.DB) error {
			if err := db.Callback().Update().Remove("gorm:update"); err != nil {
				return err
			}
			return db.Callback().Update().Register("app:update", func(*gorm.DB) {})
		},
		"gorm:delete": func(db *gorm.DB) error { return db.Callback().Delete().Remove("gorm:delete") },
		"gorm:query":  func(db *gorm.DB) error { return db.Callback().Query().Remove("gorm:query") },
		"gorm:row":    func(db *gorm.DB) error { return db.Callback().Row().Remove("gorm:row") },
		"gorm:raw":    func(db *gorm.DB) error { return db.Callback().Raw().Remove("gorm:raw") },
	} {
		db := open(t, gorm.Config{})
		if err := change(db); err != nil {
			t.Fatal(err)
		}
		err := neighbour.CheckSteps(db)
		if !errors.Is(err, fault.ErrInvalidOption) || !strings.Contains(err.Error(), missing) {
			t.Errorf("%s: the error is %v", missing, err)
		}
	}
	db := open(t, gorm.Config{})
	if err := db.Callback().Create().Replace("gorm:create", func(*gorm.DB) {}); err != nil {
		t.Fatal(err)
	}
	if err := db.Callback().Create().Remove("gorm:save_before_associations"); err != nil {
		t.Fatal(err)
	}
	if err := neighbour.CheckSteps(db); err != nil {
		t.Errorf("a step that was replaced under its name is refused: %v", err)
	}
}

// While GORM runs a write in a transaction of its own, it says so.
func TestStartedTransaction(t *testing.T) {
	for skip, want := range map[bool]bool{false: true, true: false} {
		db := open(t, gorm.Config{SkipDefaultTransaction: skip})
		got := !want
		err := db.Callback().Create().Before("gorm:create").Register("test:look", func(tx *gorm.DB) { got = neighbour.StartedTransaction(tx) })
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Create(&item{Name: "a"}).Error; err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("SkipDefaultTransaction %v: started is %v", skip, got)
		}
	}
}

// Row and Rows run the same callbacks.
func TestWantsMany(t *testing.T) {
	db := open(t, gorm.Config{})
	var got bool
	if err := db.Callback().Row().Before("gorm:row").Register("test:look", func(tx *gorm.DB) { got = neighbour.WantsMany(tx) }); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Model(&item{}).Rows()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	if !got {
		t.Error("Rows is taken for Row")
	}
	if err := db.Raw("SELECT 1").Row().Err(); err != nil {
		t.Fatal(err)
	}
	if got {
		t.Error("Row is taken for Rows")
	}
}

type standIn struct{ gorm.ConnPool }

func (s standIn) Original() gorm.ConnPool { return s.ConnPool }

// Behind GORM's prepared statements and stand-ins of ours is the same transaction.
func TestTransactionBehind(t *testing.T) {
	for _, prepared := range []bool{false, true} {
		db := open(t, gorm.Config{PrepareStmt: prepared})
		if neighbour.Transaction(db.Statement.ConnPool) != nil {
			t.Error("a pool is taken for a transaction")
		}
		if _, ok := neighbour.Pool(db.ConnPool).(*sql.DB); !ok {
			t.Errorf("the pool is %T", neighbour.Pool(db.ConnPool))
		}
		tx := db.Begin()
		cp := tx.Statement.ConnPool
		inner, ok := neighbour.Transaction(cp).(*sql.Tx)
		if !ok {
			t.Fatalf("prepared %v: the transaction is %T", prepared, neighbour.Transaction(cp))
		}
		if again := tx.Session(&gorm.Session{PrepareStmt: true}).Statement.ConnPool; neighbour.Transaction(again) != gorm.Tx(inner) {
			t.Errorf("prepared %v: in a session that prepares the transaction is %T", prepared, neighbour.Transaction(again))
		}
		if neighbour.Transaction(standIn{cp}) != gorm.Tx(inner) {
			t.Error("a stand-in hides its transaction")
		}
		other := neighbour.WithTransaction(cp, inner)
		if neighbour.Transaction(other) != gorm.Tx(inner) {
			t.Errorf("prepared %v: the transaction that was put in its place is not found again", prepared)
		}
		if _, still := other.(*gorm.PreparedStmtTX); still != prepared {
			t.Errorf("prepared %v: statements would run on %T", prepared, other)
		}
		if _, still := neighbour.Begun(db.ConnPool, inner).(*gorm.PreparedStmtTX); still != prepared {
			t.Errorf("prepared %v: GORM would go on with %T", prepared, neighbour.Begun(db.ConnPool, inner))
		}
		if err := tx.Rollback().Error; err != nil {
			t.Fatal(err)
		}
	}
}

// database/sql tells of a transaction that is over without asking the database.
func TestIsDone(t *testing.T) {
	db := open(t, gorm.Config{})
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	for name, end := range map[string]func(*sql.Tx) error{
		"commit": (*sql.Tx).Commit, "rollback": (*sql.Tx).Rollback,
	} {
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if neighbour.IsDone(tx) {
			t.Errorf("%s: done before", name)
		}
		if _, err := tx.Exec("INSERT INTO items (name) VALUES (?)", name); err != nil {
			t.Errorf("%s: asking has hurt the transaction: %v", name, err)
		}
		if err := end(tx); err != nil {
			t.Fatal(err)
		}
		if !neighbour.IsDone(tx) {
			t.Errorf("%s: not done after", name)
		}
	}
	cancel()
}

// Raw calls f with what the driver gave, and not at all once the connection is closed.
func TestRaw(t *testing.T) {
	pool, err := open(t, gorm.Config{}).DB()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	neighbour.Raw(conn, func(dc any) {
		calls++
		if dc == nil {
			t.Error("no connection")
		}
	})
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	neighbour.Raw(conn, func(any) { calls++ })
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}

// SQLite's own words, as its driver passes them on.
func TestSQLiteTexts(t *testing.T) {
	db := open(t, gorm.Config{})
	for _, query := range []string{"SELECT gone FROM items", "SELECT 1 FROM gone", "INSERT INTO items (gone) VALUES (1)", "UPDATE items SET gone = 1"} {
		if err := db.Exec(query).Error; !neighbour.SQLiteStale(err) || neighbour.SQLiteBusy(err) {
			t.Errorf("%s: %v", query, err)
		}
	}
	if err := db.Exec("SELEC 1").Error; err == nil || neighbour.SQLiteStale(err) || neighbour.SQLiteBusy(err) {
		t.Errorf("a syntax error is %v", err)
	}
	tx := db.Begin()
	if err := tx.Create(&item{Name: "a"}).Error; err != nil {
		t.Fatal(err)
	}
	err := db.Exec("INSERT INTO items (name) VALUES ('b')").Error
	if err == nil || !neighbour.SQLiteBusy(err) || !neighbour.SQLiteBusy(fault.Quiet("ours", err)) {
		t.Errorf("beside another writer: %v", err)
	}
	if err := tx.Rollback().Error; err != nil {
		t.Fatal(err)
	}
}
