package policies

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// secret must never be found in what the plugin says. No identifier or time can
// hold it by chance.
const secret = "zzsecretzz"

type account struct {
	ID        uint
	Name      string `gorm:"size:191"`
	Age       int
	Email     *string `gorm:"size:191;uniqueIndex" audit:"mask"`
	UpdatedAt time.Time
}

type note struct {
	ID        uint
	AccountID uint
	Text      string `gorm:"size:191"`
}

// open makes a fresh database with the tables of accounts and notes.
func open(t *testing.T, g testdb.Target, opts ...auditplugin.Option) *testdb.DB {
	t.Helper()
	return g.Open(t, testdb.Before(migrate), testdb.WithPlugin(opts...))
}

// again opens the database of d with a plugin that has other options.
func again(t *testing.T, d *testdb.DB, opts ...auditplugin.Option) *testdb.DB {
	t.Helper()
	return d.Target.Open(t, testdb.In(d.DSN), testdb.WithPlugin(opts...))
}

func migrate(db *gorm.DB) error { return db.AutoMigrate(&account{}, &note{}) }

// reset empties the audit table and puts three accounts with two notes in place.
func reset(t *testing.T, d *testdb.DB) {
	t.Helper()
	for _, query := range []string{
		"DELETE FROM audit_logs", "DELETE FROM notes", "DELETE FROM accounts",
		"INSERT INTO accounts (id, name, age) VALUES (1, 'Ada', 36), (2, 'Bob', 40), (3, 'Cyd', 50)",
		"INSERT INTO notes (id, account_id, text) VALUES (1, 1, 'one'), (2, 2, 'two')",
	} {
		exec(t, d, query)
	}
	if d.Target.Dialect == testdb.Postgres {
		exec(t, d, "SELECT setval('accounts_id_seq', 100), setval('notes_id_seq', 100)")
	}
	if d.Announced != nil {
		d.Announced.Reset()
	}
}

// exec runs SQL out of the plugin's sight.
func exec(t *testing.T, d *testdb.DB, query string) {
	t.Helper()
	if _, err := d.Raw.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func must(t *testing.T, db *gorm.DB) {
	t.Helper()
	if db.Error != nil {
		t.Fatal(db.Error)
	}
}

// trail reads the audit table.
func trail(t *testing.T, d *testdb.DB) []audit.Record {
	t.Helper()
	return trailOf(t, d, "audit_logs")
}

func trailOf(t *testing.T, d *testdb.DB, table string) []audit.Record {
	t.Helper()
	quote := `"`
	if d.Target.Dialect == testdb.MySQL {
		quote = "`"
	}
	columns := quote + strings.Join(emitter.Columns(), quote+","+quote) + quote
	rows, err := d.Raw.Query("SELECT " + columns + " FROM " + table + " ORDER BY seq")
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

// content is every value of a table as text, a line for each row.
func content(t *testing.T, d *testdb.DB, query string) string {
	t.Helper()
	rows, err := d.Raw.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			switch v := (*v.(*any)).(type) {
			case []byte:
				fmt.Fprintf(&b, "%s|", v)
			default:
				fmt.Fprintf(&b, "%v|", v)
			}
		}
		b.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// said is everything that the plugin wrote or told: the table, byte by byte, and
// the announced records.
func said(t *testing.T, d *testdb.DB) string {
	t.Helper()
	announced, err := json.Marshal(d.Announced.Records())
	if err != nil {
		t.Fatal(err)
	}
	return content(t, d, "SELECT * FROM audit_logs") + string(announced)
}

// brief describes records as "action type id".
func brief(records []audit.Record) string {
	lines := make([]string, len(records))
	for i, r := range records {
		lines[i] = strings.TrimSpace(fmt.Sprint(r.Action, " ", r.RecordType, " ", r.RecordID))
	}
	return strings.Join(lines, "\n")
}

// wantRecords compares what the table holds, and what was announced, with the
// lines of brief.
func wantRecords(t *testing.T, d *testdb.DB, want ...string) {
	t.Helper()
	text := strings.Join(want, "\n")
	if got := brief(trail(t, d)); got != text {
		t.Errorf("the table holds\n%s\nwant\n%s", got, text)
	}
	if got := brief(d.Announced.Records()); got != text {
		t.Errorf("announced were\n%s\nwant\n%s", got, text)
	}
}

func nameOf(t *testing.T, d *testdb.DB, id int) string {
	t.Helper()
	var name string
	if err := d.Raw.QueryRow(fmt.Sprint("SELECT name FROM accounts WHERE id = ", id)).Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
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

// take returns what was heard since it was last asked.
func (h *heard) take() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	errs := h.errs
	h.errs = nil
	return errs
}

// lines is a log that tests may read while others write.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

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
