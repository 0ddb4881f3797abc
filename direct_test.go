package auditplugin_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
)

// idle waits until no connection of the pool is in use.
func idle(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if pool.Stats().InUse == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d connections are still in use", pool.Stats().InUse)
}

func TestContextEndReturnsTheConnection(t *testing.T) {
	db, _, memory := audited(t)
	must(t, db.Create(&user{Name: "Ada"}))
	pool, _ := db.DB()
	pool.SetMaxOpenConns(1)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		tx := db.WithContext(ctx).Begin()
		must(t, tx)
		must(t, tx.Model(&user{ID: 1}).Update("name", "Grace"))
		cancel() // and no Rollback
		idle(t, db)
	}
	must(t, db.Model(&user{ID: 1}).Update("name", "Joan"))
	wantTrail(t, db, memory, "create user 1", "update user 1")
}

// A context may end at any moment. Nothing of ours may then run outside the
// transaction that database/sql has rolled back.
func TestNothingRunsAfterTheContextEnds(t *testing.T) {
	db, _ := openStrange(t, func(c driver.Conn) driver.Conn { return keptConn{fullConn{Conn: c}} })
	must(t, db.Create(&user{Name: "Ada"}))
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(rand.IntN(1500))*time.Microsecond, cancel)
		tx := db.WithContext(ctx).Begin()
		for range 3 {
			// The statements' own context goes on.
			tx.WithContext(t.Context()).Model(&user{ID: 1}).Update("age", gorm.Expr("age + 1"))
		}
		if rand.IntN(2) == 0 {
			tx.Rollback()
		} else {
			tx.Commit()
		}
		timer.Stop()
		cancel()
	}
	idle(t, db)
	var ada user
	must(t, db.First(&ada, 1))
	changes := 0
	for _, r := range trail(t, db) {
		if r.Action == "update" {
			changes++
		}
	}
	if changes != ada.Age {
		t.Errorf("%d changes are recorded of %d", changes, ada.Age)
	}
	if ada.Age == 0 {
		t.Error("no transaction was quick enough: nothing was tested")
	}
}

func TestSQLTxThatIsEndedElsewhere(t *testing.T) {
	db, _, memory := audited(t)
	must(t, db.Create(&user{Name: "Ada"}))
	pool, _ := db.DB()
	pool.SetMaxOpenConns(1)
	tx := db.Begin()
	must(t, tx)
	must(t, tx.Model(&user{ID: 1}).Update("name", "Grace"))
	sqlTx, err := auditplugin.SQLTx(tx)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlTx.Rollback(); err != nil {
		t.Fatal(err)
	}
	idle(t, db)
	must(t, db.Model(&user{ID: 1}).Update("name", "Joan"))
	wantTrail(t, db, memory, "create user 1", "update user 1")
}

// strange is a driver that lacks or refuses something.
type strange struct {
	driver.Connector
	wrap func(driver.Conn) driver.Conn
}

func (s strange) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return s.wrap(c), nil
}

type connector struct {
	driver driver.Driver
	dsn    string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return c.driver }

// openStrange opens a database with the plugin on a driver of its own.
func openStrange(t *testing.T, wrap func(driver.Conn) driver.Conn, opts ...auditplugin.Option) (*gorm.DB, *emitter.MemoryEmitter) {
	t.Helper()
	usual, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer usual.Close()
	dsn := t.TempDir() + "/test.db?_journal_mode=WAL&_busy_timeout=5000"
	pool := sql.OpenDB(strange{connector{usual.Driver(), dsn}, wrap})
	t.Cleanup(func() { _ = pool.Close() })
	db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.AutoMigrate(&user{}, &pet{}); err != nil {
		t.Fatal(err)
	}
	memory := emitter.Memory()
	use(t, db, append(opts, auditplugin.WithEmitter(emitter.Table(), memory), auditplugin.WithLogger(slog.New(slog.DiscardHandler)))...)
	return db, memory
}

// bareConn has only the methods that every connection must have.
type bareConn struct{ driver.Conn }

func TestDriverWithoutContexts(t *testing.T) {
	db, memory := openStrange(t, func(c driver.Conn) driver.Conn { return bareConn{c} })
	must(t, db.Create(&user{Name: "Ada"}))
	must(t, db.Model(&user{ID: 1}).Update("name", "Grace"))
	must(t, db.Delete(&user{}, 1))
	wantTrail(t, db, memory, "create user 1", "update user 1", "soft_delete user 1")
}

// fullConn is a connection of SQLite's driver that a test changes one method of.
type fullConn struct {
	driver.Conn
	begin func() error
	query func(string)
}

func (c fullConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if c.begin != nil {
		if err := c.begin(); err != nil {
			return nil, err
		}
	}
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
}

func (c fullConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c fullConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.query != nil {
		c.query(query)
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

// keptConn stays in the pool after a rollback that nobody asked for.
type keptConn struct{ fullConn }

func (keptConn) ResetSession(context.Context) error { return nil }
func (keptConn) IsValid() bool                      { return true }

// database/sql begins on another connection when one turns out to be bad.
func TestBadConnectionAtBegin(t *testing.T) {
	var bad atomic.Int32
	db, memory := openStrange(t, func(c driver.Conn) driver.Conn {
		return fullConn{Conn: c, begin: func() error {
			if bad.Add(-1) >= 0 {
				return driver.ErrBadConn
			}
			return nil
		}}
	})
	for i := range int32(3) {
		bad.Store(i)
		must(t, db.Create(&user{Name: "Ada"}))
	}
	idle(t, db)
	wantTrail(t, db, memory, "create user 1", "create user 2", "create user 3")
	refused := errors.New("no transaction today")
	db, _ = openStrange(t, func(c driver.Conn) driver.Conn {
		return fullConn{Conn: c, begin: func() error {
			if bad.Load() > 0 {
				return refused
			}
			return nil
		}}
	})
	bad.Store(1)
	if err := db.Create(&user{Name: "Ada"}).Error; !errors.Is(err, refused) {
		t.Errorf("error is %v", err)
	}
	idle(t, db)
}

// A panic in the driver reaches the application, and nothing stays locked.
func TestDriverPanics(t *testing.T) {
	var armed atomic.Bool
	db, memory := openStrange(t, func(c driver.Conn) driver.Conn {
		return fullConn{Conn: c, query: func(query string) {
			if armed.Load() && strings.Contains(query, "users") {
				panic("the driver is broken")
			}
		}}
	})
	must(t, db.Create(&user{Name: "Ada"}))
	armed.Store(true)
	func() {
		defer func() {
			if r := recover(); fmt.Sprint(r) != "the driver is broken" {
				t.Errorf("recovered %v", r)
			}
		}()
		_ = db.Transaction(func(tx *gorm.DB) error { return tx.Model(&user{ID: 1}).Update("name", "Grace").Error })
		t.Error("no panic")
	}()
	armed.Store(false)
	idle(t, db)
	must(t, db.Model(&user{ID: 1}).Update("name", "Joan"))
	wantTrail(t, db, memory, "create user 1", "update user 1")
}

// Arguments that no driver takes are refused in the words of database/sql.
func TestArgumentsThatAreRefused(t *testing.T) {
	plain := openDB(t)
	db, _, _ := audited(t)
	do := func(db *gorm.DB) error {
		return db.Table("users").Where("id = ?", 1).Update("name", make(chan int)).Error
	}
	want, got := do(plain), do(db)
	if want == nil || got == nil || got.Error() != want.Error() {
		t.Errorf("error is %v, without the plugin %v", got, want)
	}
}
