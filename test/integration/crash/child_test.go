package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	driver "github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// childEnv holds an order; a test binary that finds it is the process to be killed.
const childEnv = "AUDIT_CRASH_CHILD"

// order is what the child is to do.
type order struct {
	Dialect, DSN string
	// Lines is the file that the after-commit emitter writes to.
	Lines             string
	Portable, Prepare bool
	Seed              uint64
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := write(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Connections that end are what these tests are about.
	if err := driver.SetLogger(&driver.NopLogger{}); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// write is the child: it writes until it is killed, or until its parent is gone.
func write(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
		os.Exit(1)
	}()
	lines, err := os.OpenFile(o.Lines, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	db, err := gorm.Open(testdb.Dialector(o.Dialect, o.DSN), &gorm.Config{Logger: logger.Discard, PrepareStmt: o.Prepare})
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(workers)
	pool.SetMaxIdleConns(workers)
	if err := db.Use(auditplugin.New(pluginOptions(o.Portable, auditplugin.WithEmitter(emitter.JSON(lines)))...)); err != nil {
		return err
	}
	var written atomic.Int64
	l := &load{db: db, name: fmt.Sprint("life ", o.Seed), seed: o.Seed, done: func(op string, err error) {
		if err == nil && written.Add(1) == workers {
			fmt.Println("writing")
		}
		// A row that another writer made between the reading and the deleting of an
		// account with its entries: refused on PostgreSQL, as docs/limits.md says.
		refused := o.Dialect == testdb.Postgres && err != nil && strings.Contains(err.Error(), "rows changed but only")
		if err != nil && errors.Is(err, auditplugin.ErrAuditFailed) && !refused {
			fmt.Fprintf(os.Stderr, "%s: %v\n", op, err)
		}
	}}
	l.run(context.Background())
	return nil
}

// pluginOptions are those of every plugin here.
func pluginOptions(portable bool, more ...auditplugin.Option) []auditplugin.Option {
	options := []auditplugin.Option{
		auditplugin.WithEmitter(emitter.Table()), auditplugin.WithBufferLimit(bufferLimit),
		auditplugin.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	}
	if portable {
		options = append(options, auditplugin.WithPortableImages())
	}
	return append(options, more...)
}
