package emitter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	sqlitedriver "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

// buffer is a writer that tests may read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// ids reads the log lines back; every line must be one JSON object.
func (b *buffer) ids(t *testing.T) []audit.Record {
	t.Helper()
	var records []audit.Record
	for line := range strings.Lines(b.String()) {
		var entry struct {
			Event struct {
				ID string `json:"id"`
			} `json:"event"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("not a JSON line: %v\n%.300s", err, line)
		}
		records = append(records, audit.Record{ID: entry.Event.ID})
	}
	return records
}

func openFile(t *testing.T) *gorm.DB {
	t.Helper()
	return openSQLite(t, "file:"+filepath.Join(t.TempDir(), "app.db")+"?_journal_mode=WAL&_busy_timeout=10000", 0)
}

func openMemory(t *testing.T) *gorm.DB {
	t.Helper()
	return openSQLite(t, ":memory:", 1)
}

func openSQLite(t *testing.T, dsn string, connections int) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlitedriver.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(connections)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

func mustBind(t *testing.T, b emitter.Binder, db *gorm.DB) audit.Emitter {
	t.Helper()
	e, err := b.Bind(db)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// stored reads the audit table in order.
func stored(t *testing.T, db *gorm.DB, table string) []audit.Record {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := pool.Query(`SELECT "` + strings.Join(emitter.Columns(), `","`) + `" FROM ` + table + ` ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var records []audit.Record
	for rows.Next() {
		r, err := emitter.ReadRecord(rows)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

func TestContract(t *testing.T) {
	for name, newEmitter := range map[string]emittertest.New{
		"Memory": func(*testing.T) (audit.Emitter, func() []audit.Record) {
			m := emitter.Memory()
			return m, m.Records
		},
		"Func": func(*testing.T) (audit.Emitter, func() []audit.Record) {
			m := emitter.Memory()
			return emitter.Func(m.Emit), m.Records
		},
		"Slog": func(t *testing.T) (audit.Emitter, func() []audit.Record) {
			var out buffer
			e := mustBind(t, emitter.Slog(slog.New(slog.NewJSONHandler(&out, nil))), nil)
			return e, func() []audit.Record { return out.ids(t) }
		},
		"JSON": func(t *testing.T) (audit.Emitter, func() []audit.Record) {
			var out buffer
			return mustBind(t, emitter.JSON(&out), nil), func() []audit.Record { return out.ids(t) }
		},
		"Async": func(t *testing.T) (audit.Emitter, func() []audit.Record) {
			m := emitter.Memory()
			a := emitter.Async(m, emitter.Queue(2))
			t.Cleanup(func() { _ = a.Close(context.Background()) })
			return mustBind(t, a, nil), m.Records
		},
		"Multi": func(t *testing.T) (audit.Emitter, func() []audit.Record) {
			m := emitter.Memory()
			return mustBind(t, emitter.Multi(m, emitter.Memory()), nil), m.Records
		},
		"Table": func(t *testing.T) (audit.Emitter, func() []audit.Record) {
			db := openFile(t)
			return mustBind(t, emitter.Table(), db), func() []audit.Record { return stored(t, db, "audit_logs") }
		},
		"TableOneConnection": func(t *testing.T) (audit.Emitter, func() []audit.Record) {
			db := openMemory(t)
			return mustBind(t, emitter.Table(), db), func() []audit.Record { return stored(t, db, "audit_logs") }
		},
		"AsyncTableOn": func(t *testing.T) (audit.Emitter, func() []audit.Record) {
			db, other := openMemory(t), openMemory(t)
			a := emitter.Async(emitter.Table(emitter.On(other)))
			t.Cleanup(func() { _ = a.Close(context.Background()) })
			return mustBind(t, a, db), func() []audit.Record { return stored(t, other, "audit_logs") }
		},
		"Unreadable": func(*testing.T) (audit.Emitter, func() []audit.Record) {
			return emitter.Func(func(context.Context, []audit.Record) error { return nil }), nil
		},
	} {
		t.Run(name, func(t *testing.T) { emittertest.Run(t, newEmitter) })
	}
}
