package auditplugin_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// user is the model of most tests.
type user struct {
	ID        uint
	Name      string
	Phone     string
	Age       int
	Pets      []pet `gorm:"foreignKey:UserID"`
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
}

// pet belongs to a user.
type pet struct {
	ID     uint
	UserID uint
	Name   string
}

// openDB opens an empty database without the plugin.
func openDB(t *testing.T, models ...any) *gorm.DB {
	t.Helper()
	dsn := t.TempDir() + "/test.db?_journal_mode=WAL&_busy_timeout=5000"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	sqlDB, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sqlDB.Close() })
	if len(models) == 0 {
		models = []any{&user{}, &pet{}}
	}
	if err := db.AutoMigrate(models...); err != nil {
		t.Fatal(err)
	}
	return db
}

// use installs a plugin whose warnings go nowhere, unless opts say otherwise.
func use(t *testing.T, db *gorm.DB, opts ...auditplugin.Option) *auditplugin.Plugin {
	t.Helper()
	p := auditplugin.New(append([]auditplugin.Option{auditplugin.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	if err := db.Use(p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	return p
}

// audited opens a database with the plugin, the audit table and a memory emitter.
func audited(t *testing.T, opts ...auditplugin.Option) (*gorm.DB, *auditplugin.Plugin, *emitter.MemoryEmitter) {
	t.Helper()
	db := openDB(t)
	memory := emitter.Memory()
	p := use(t, db, append([]auditplugin.Option{auditplugin.WithEmitter(emitter.Table(), memory)}, opts...)...)
	return db, p, memory
}

// trail reads the audit table.
func trail(t *testing.T, db *gorm.DB) []audit.Record {
	t.Helper()
	sqlDB, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := sqlDB.Query(`SELECT "` + strings.Join(emitter.Columns(), `","`) + `" FROM audit_logs ORDER BY seq`)
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

// brief describes records as "action type id", one per line.
func brief(records []audit.Record) string {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintln(&b, r.Action, r.RecordType, r.RecordID)
	}
	return b.String()
}

// wantTrail compares what the table and the memory emitter hold with want, the
// lines of brief.
func wantTrail(t *testing.T, db *gorm.DB, memory *emitter.MemoryEmitter, want ...string) {
	t.Helper()
	text := strings.Join(want, "\n")
	if got := strings.TrimSpace(brief(trail(t, db))); got != text {
		t.Errorf("the table holds\n%s\nwant\n%s", got, text)
	}
	if got := strings.TrimSpace(brief(memory.Records())); got != text {
		t.Errorf("announced were\n%s\nwant\n%s", got, text)
	}
}

func must(t *testing.T, db *gorm.DB) {
	t.Helper()
	if db.Error != nil {
		t.Fatal(db.Error)
	}
}

// exec runs SQL out of the plugin's sight.
func exec(t *testing.T, db *gorm.DB, query string, args ...any) sql.Result {
	t.Helper()
	sqlDB, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	res, err := sqlDB.Exec(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// heard collects what an error handler is told.
type heard struct {
	mu   sync.Mutex
	errs []error
}

func (h *heard) handle(_ context.Context, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs = append(h.errs, err)
}

func (h *heard) all() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]error(nil), h.errs...)
}

// lines is a log that tests may read while others write.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

var _ io.Writer = (*lines)(nil)

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func textLogger(l *lines) *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
