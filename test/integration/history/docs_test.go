package history_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

const docs = "../../../docs/querying.md"

// User is what docs/querying.md asks about.
type User struct {
	ID      uint
	Name    string
	Phone   string
	Address map[string]any `gorm:"serializer:json"`
}

// asked is a question of the page: a heading's SQL, in order, and what it is in Go.
type asked struct {
	heading string
	inGo    []history.Query
	index   string // that answers it
}

func documentedQuestions(db *gorm.DB) []asked {
	user := User{ID: 42}
	november := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	all := history.Search(db)
	before900 := all.Actor("7").Newest().Limit(20)
	return []asked{
		{"One row's trail", []history.Query{history.Of(db, &user), history.OfTable(db, "user_languages", user.ID, 7)}, "_record"},
		{"Who changed a column", []history.Query{history.Of(db, &user).Column("phone").Newest().Limit(20)}, "_record"},
		{"What an actor did", []history.Query{all.Actor("7").Newest().Limit(50)}, "_actor"},
		{"A column's changes in a day", []history.Query{all.Model(&User{}).Column("phone").Since(day).Until(day.AddDate(0, 0, 1))}, "_time"},
		{"A path inside a JSON column", []history.Query{history.Of(db, &user).Path("address.city")}, "_record"},
		{"An old or a new value", []history.Query{all.Model(&User{}).To("phone", "+19876543210").Since(november)}, "_time"},
		{"A transaction, a record, what followed from it", []history.Query{all.Transaction("tx-cause").Cause(causeID)}, "_transaction"},
		{"Why, and by which request", []history.Query{all.Reason("ticket 1234").Action(audit.Update, audit.Delete).Since(november)}, "_time"},
		{"Page by page", []history.Query{before900.After(before900.Cursor(audit.Record{Seq: 900}))}, "_actor"},
	}
}

const causeID = "01a20820-8993-7eab-964d-362f4e67cea7"

// Every SQL statement of docs/querying.md finds what the Go above it finds, and both
// the statement that Go sends and the documented one are answered by an index.
func TestDocumentedSQL(t *testing.T) {
	page := sqlBlocks(t)
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := open(t, g)
		s.ok(s.DB.AutoMigrate(&User{}))
		fill(s)
		var sent capturedSQL
		db := s.DB.Session(&gorm.Session{Logger: &sent})
		ran := 0
		for _, a := range documentedQuestions(db) {
			blocks := slices.DeleteFunc(slices.Clone(page[a.heading]), func(b sqlBlock) bool { return !b.speaks(g.Dialect) })
			if len(blocks) != len(a.inGo) {
				t.Errorf("%s: %d statements for %s, %d questions in Go", a.heading, len(blocks), g.Dialect, len(a.inGo))
				continue
			}
			for i, q := range a.inGo {
				ran++
				records, err := q.Find(s.ctx)
				s.ok(err)
				var want []int64
				for _, r := range records {
					want = append(want, r.Seq)
				}
				got := s.firstColumn(blocks[i].text)
				if len(want) == 0 || !slices.Equal(got, want) {
					t.Errorf("%s: SQL finds %v, Go finds %v", a.heading, got, want)
				}
				for name, statement := range map[string]string{"Go": sent.last, "SQL": blocks[i].text} {
					if plan := s.plan(statement); !strings.Contains(plan, "idx_audit_logs"+a.index) {
						t.Errorf("%s: the plan of the %s form does not use %s:\n%s\n%s", a.heading, name, a.index, statement, plan)
					}
				}
			}
		}
		if total := countFor(page, g.Dialect); ran != total {
			t.Errorf("%d of the page's %d statements for %s were run", ran, total, g.Dialect)
		}
		// A window long ago is not walked to.
		long := time.Date(2025, 11, 5, 0, 0, 0, 0, time.UTC)
		for _, q := range []history.Query{history.Search(db).Newest(), history.Search(db)} {
			records, err := q.Since(long).Until(long.AddDate(0, 0, 1)).Limit(5).Find(s.ctx)
			s.ok(err)
			if plan := s.plan(sent.last); len(records) != 5 || !strings.Contains(plan, "idx_audit_logs_time") {
				t.Errorf("a window long ago: %d records\n%s", len(records), plan)
			}
		}
		// Records in order, without a condition, come from the primary key.
		_, err := history.Search(db).Newest().Limit(20).Find(s.ctx)
		s.ok(err)
		if plan := s.plan(sent.last); strings.Contains(strings.ToLower(plan), "sort") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("the newest records are sorted:\n%s", plan)
		}
	})
}

// fill writes records at the times and with the names that the page uses, between
// enough others for the databases to prefer an index.
func fill(s scene) {
	bound, err := emitter.Table().Bind(s.DB.DB)
	s.ok(err)
	var records []audit.Record
	others := func(n int) {
		for range n {
			i := len(records)
			records = append(records, audit.Record{
				Time: time.Date(2025, 11, 1, 0, i*130, 0, 0, time.UTC), Action: audit.Update,
				RecordType: []string{"order", "user"}[i%2], Table: []string{"orders", "users"}[i%2], RecordID: fmt.Sprint(1000 + i%500), Actor: audit.Actor{ID: fmt.Sprint(100 + i%200)}, TransactionID: fmt.Sprint("tx-", i),
				Changed: []string{"total"}, Before: map[string]any{"total": int64(i)}, After: map[string]any{"total": int64(i + 1)},
				Changes: []audit.Change{{Path: "total", From: int64(i), To: int64(i + 1)}}, Reason: "monthly run",
			})
		}
	}
	user := func(id string, month time.Month, day int, action audit.Action, change func(r *audit.Record)) {
		r := audit.Record{
			Time: time.Date(2026, month, day, 12, 0, 0, 0, time.UTC), Action: action, RecordType: "user", Table: "users", RecordID: id,
			Actor: audit.Actor{ID: "7", Type: "user", Name: "Grace"}, TransactionID: fmt.Sprint("tx-user-", len(records)),
		}
		change(&r)
		records = append(records, r)
	}
	changed := func(column, from, to string) func(*audit.Record) {
		return func(r *audit.Record) {
			r.Changed, r.Before, r.After = []string{column}, map[string]any{column: from}, map[string]any{column: to}
			r.Changes = []audit.Change{{Path: column, From: from, To: to}}
			r.Reason = "Ticket 1234, by phone"
		}
	}
	others(600)
	for _, id := range []string{"42", "421"} {
		user(id, 10, 1, audit.Create, func(r *audit.Record) { r.After = map[string]any{"name": "Eve", "phone": "+12345678900"} })
		user(id, 11, 5, audit.Update, changed("phone", "+12345678900", "+19876543210"))
		user(id, 11, 6, audit.Update, func(r *audit.Record) {
			r.Changed = []string{"address"}
			r.Changes = []audit.Change{{Path: "address.city", From: "Paris", To: "Lyon"}}
		})
		user(id, 11, 20, audit.Update, changed("phone", "+19876543210", "+11111111111"))
		user(id, 11, 20, audit.Update, changed("phones", "+19876543210", "+11111111111"))
	}
	user(`["42","7"]`, 11, 7, audit.Create, func(r *audit.Record) { r.Table, r.RecordType = "user_languages", "user_languages" })
	others(600)
	user("42", 11, 21, audit.Delete, func(r *audit.Record) { r.ID, r.TransactionID = causeID, "tx-cause" })
	user("9", 11, 21, audit.Delete, func(r *audit.Record) { r.Table, r.TransactionID, r.Cause = "pets", "tx-cause", causeID })
	others(2400)
	s.ok(bound.Emit(s.ctx, records))
	s.ok(s.DB.Exec(map[string]string{testdb.SQLite: "ANALYZE", testdb.Postgres: "ANALYZE audit_logs", testdb.MySQL: "ANALYZE TABLE audit_logs"}[s.Target.Dialect]).Error)
}

type sqlBlock struct{ dialects, text string }

func (b sqlBlock) speaks(dialect string) bool {
	name := map[string]string{testdb.SQLite: "SQLite", testdb.Postgres: "PostgreSQL", testdb.MySQL: "MariaDB"}[dialect]
	return b.dialects == "" || strings.Contains(b.dialects, name)
}

var (
	heading  = regexp.MustCompile(`(?m)^## (.+)$`)
	sqlFence = regexp.MustCompile("(?s)```sql\n(.*?)```")
	dialects = regexp.MustCompile(`^-- ((?:SQLite|PostgreSQL|MySQL).*)\n`)
)

// sqlBlocks returns the page's SQL by heading.
func sqlBlocks(t *testing.T) map[string][]sqlBlock {
	t.Helper()
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]sqlBlock{}
	places := heading.FindAllStringSubmatchIndex(string(text), -1)
	for i, p := range places {
		end := len(text)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		for _, m := range sqlFence.FindAllStringSubmatch(string(text[p[1]:end]), -1) {
			b := sqlBlock{text: m[1]}
			if d := dialects.FindStringSubmatch(m[1]); d != nil {
				b = sqlBlock{d[1], strings.TrimPrefix(m[1], d[0])}
			}
			name := string(text[p[2]:p[3]])
			found[name] = append(found[name], b)
		}
	}
	return found
}

func countFor(page map[string][]sqlBlock, dialect string) int {
	n := 0
	for _, blocks := range page {
		for _, b := range blocks {
			if b.speaks(dialect) {
				n++
			}
		}
	}
	return n
}

// firstColumn runs a statement and returns the seqs that it selects first.
func (s scene) firstColumn(statement string) []int64 {
	s.Helper()
	var seqs []int64
	s.rows(statement, func(rows *sql.Rows, columns int) {
		var seq int64
		into := []any{&seq}
		for range columns - 1 {
			into = append(into, new(any))
		}
		s.ok(rows.Scan(into...))
		seqs = append(seqs, seq)
	})
	return seqs
}

// plan returns how the database would run a statement.
func (s scene) plan(statement string) string {
	s.Helper()
	word := "EXPLAIN "
	if s.Target.Dialect == testdb.SQLite {
		word = "EXPLAIN QUERY PLAN "
	}
	text := ""
	s.rows(word+strings.TrimSuffix(strings.TrimSpace(statement), ";"), func(rows *sql.Rows, columns int) {
		into, cells := make([]any, columns), make([]sql.NullString, columns)
		for i := range cells {
			into[i] = &cells[i]
		}
		s.ok(rows.Scan(into...))
		for _, c := range cells {
			text += c.String + " "
		}
		text += "\n"
	})
	return text
}

func (s scene) rows(statement string, f func(rows *sql.Rows, columns int)) {
	s.Helper()
	rows, err := s.Raw.QueryContext(s.ctx, statement)
	if err != nil {
		s.Fatalf("%s: %v", statement, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	s.ok(err)
	for rows.Next() {
		f(rows, len(columns))
	}
	s.ok(rows.Err())
}

// capturedSQL is a GORM logger that keeps the last statement with its values.
type capturedSQL struct {
	logger.Interface
	last string
}

func (c *capturedSQL) LogMode(logger.LogLevel) logger.Interface { return c }

func (c *capturedSQL) Trace(_ context.Context, _ time.Time, f func() (string, int64), _ error) {
	c.last, _ = f()
}
