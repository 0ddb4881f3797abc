package plugin_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
)

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

func (c connector) Driver() driver.Driver { return c.driver }

// openStrange opens a database with the plugin on a driver of its own.
func openStrange(t *testing.T, wrap func(driver.Conn) driver.Conn) (*gorm.DB, *emitter.MemoryEmitter) {
	t.Helper()
	usual, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer usual.Close()
	pool := sql.OpenDB(strange{connector{usual.Driver(), dsn(t)}, wrap})
	db, memory := openOn(t, sqlite.New(sqlite.Config{Conn: pool})), emitter.Memory()
	use(t, db, auditplugin.WithEmitter(emitter.Table(), memory))
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

func (keptConn) IsValid() bool { return true }

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
