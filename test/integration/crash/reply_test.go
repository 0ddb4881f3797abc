package crash

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// TestLostReply: the connection breaks around COMMIT, before the server hears of
// it or after it committed. The application gets the driver's error, as without the
// plugin; the table shares the fate of the rows; and nothing is announced that is
// not known to have been committed.
func TestLostReply(t *testing.T) {
	writes := map[string]func(db *gorm.DB, id uint) error{
		"one statement": func(db *gorm.DB, id uint) error { return db.Create(&note{ID: id, Text: "x"}).Error },
		"bare": func(db *gorm.DB, id uint) error {
			return db.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&note{ID: id, Text: "x"}).Error
		},
		"transaction": func(db *gorm.DB, id uint) error {
			return db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Create(&note{ID: id, Text: "x"}).Error, tx.Model(&note{ID: id}).Update("text", "y").Error)
			})
		},
		"written early": func(db *gorm.DB, id uint) error {
			return db.Transaction(func(tx *gorm.DB) error {
				var rows []note
				for i := range uint(2 * bufferLimit) {
					rows = append(rows, note{ID: id + i})
				}
				return tx.Create(&rows).Error
			})
		},
		"connection": func(db *gorm.DB, id uint) error {
			return db.Connection(func(tx *gorm.DB) error {
				return tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&note{ID: id, Text: "x"}).Error })
			})
		},
	}
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		if g.Dialect == testdb.SQLite {
			return // there is no connection to break
		}
		d := g.Open(t, testdb.Before(migrate))
		p, dsn := throughProxy(t, d)
		audited := g.Open(t, testdb.In(dsn), testdb.WithPlugin(auditplugin.WithBufferLimit(bufferLimit)))
		plain := audited.Plain(t)
		judge := oracle.Watch(t, d.Raw, g.Dialect, tables)
		for name, write := range writes {
			for _, c := range []cut{cutReply, cutRequest} {
				t.Run(fmt.Sprintf("%s/%d", name, c), func(t *testing.T) {
					p.next.Store(int32(c))
					want := write(plain, 1)
					if cut(p.next.Swap(int32(cutNothing))) != cutNothing && name != "bare" {
						t.Fatal("plain GORM sent no COMMIT")
					}
					_, err := d.Raw.Exec("DELETE FROM notes")
					if err != nil {
						t.Fatal(err)
					}
					judge.Reset(t)
					audited.Announced.Reset()
					p.next.Store(int32(c))
					got := write(audited.DB, 1)
					// Plain GORM sends no COMMIT for a bare statement.
					if got == nil || kindOf(got) != kindOf(want) && name != "bare" {
						t.Errorf("returned %v, without the plugin %v", got, want)
					}
					trail := judge.Check(t, nil)
					if (len(trail) > 0) != (c == cutReply) {
						t.Errorf("%d records", len(trail))
					}
					if name == "connection" && len(trail) > 0 {
						// Here the table is asked what survived.
						awaitBatches(t, audited.Announced, 1)
						oracle.CheckAnnounced(t, trail, audited.Announced.Batches())
					} else if n := len(audited.Announced.Batches()); n != 0 {
						t.Errorf("%d batches were announced", n)
					}
					if err := write(audited.DB, 100); err != nil {
						t.Errorf("the next write: %v", err)
					}
					if name == "connection" {
						awaitBatches(t, audited.Announced, len(trail)+1) // its batches are of one record
					}
					_, err = d.Raw.Exec("DELETE FROM notes")
					if err != nil {
						t.Fatal(err)
					}
				})
			}
		}
	})
}

// kindOf tells errors apart whose texts name ports.
func kindOf(err error) string {
	switch {
	case err == nil:
		return "none"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "unexpected EOF"
	case errors.Is(err, driver.ErrInvalidConn):
		return "invalid connection"
	}
	return fmt.Sprintf("%T %v", err, err)
}

func awaitBatches(t *testing.T, a *testdb.Announced, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); len(a.Batches()) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d batches were announced, want %d", len(a.Batches()), n)
		}
	}
}
