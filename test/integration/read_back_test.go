package integration

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// largeFrom is how many records make a transaction large here.
const largeFrom = 10

// large is a scene whose transactions are soon too large to be kept in memory.
func large(options ...testdb.Option) scene {
	s := toldSettings()
	s.options = append(options, testdb.WithPlugin(auditplugin.WithBufferLimit(largeFrom)))
	return s
}

// several creates settings, one by one, and returns their names.
func (s *stage) several(tx *gorm.DB, prefix string, n int) []string {
	s.Helper()
	names := make([]string, n)
	for i := range n {
		names[i] = fmt.Sprintf("%s%02d", prefix, i)
		s.try(put(tx, names[i]))
	}
	return names
}

// announcedAs compares what was announced with the names of settings that were created,
// and with the table, record by record.
func (s *stage) announcedAs(readBack bool, want ...string) {
	s.Helper()
	rows, err := s.db.Raw.Query("SELECT " + strings.ReplaceAll(strings.Join(emitter.Columns(), ","), "before", s.quoted("before")) + " FROM audit_logs ORDER BY seq")
	s.try(err)
	defer rows.Close()
	var stored []audit.Record
	for rows.Next() {
		r, err := emitter.ReadRecord(rows)
		s.try(err)
		stored = append(stored, r)
	}
	s.try(rows.Err())
	told := s.db.Announced.Records()
	var names []string
	for i, r := range told {
		names = append(names, r.RecordID)
		if (r.Seq != 0) != readBack {
			s.Fatalf("record %d of %d was read back: %v, want %v", i, len(told), r.Seq != 0, readBack)
		}
	}
	if !slices.Equal(names, want) {
		s.Fatalf("announced are %v, want %v", names, want)
	}
	if len(stored) != len(told) {
		s.Fatalf("%d records in the table, %d announced", len(stored), len(told))
	}
	for i := range told {
		if told[i].Seq == 0 {
			stored[i].Seq = 0
		}
		if got, want := string(emitter.RecordJSON(told[i])), string(emitter.RecordJSON(stored[i])); got != want && readBack || told[i].ID != stored[i].ID {
			s.Errorf("announced:\n%s\nin the table:\n%s", got, want)
		}
	}
}

func (s *stage) quoted(name string) string {
	if s.db.Target.Dialect == testdb.MySQL {
		return "`" + name + "`"
	}
	return `"` + name + `"`
}

func TestLargeTransaction(t *testing.T) {
	large().natively(t, func(s *stage) {
		tx := s.db.Begin()
		want := s.several(tx, "a", 3)
		rows := make([]Setting, 3*largeFrom)
		for i := range rows {
			rows[i] = Setting{Name: fmt.Sprintf("b%02d", i), Value: "1"}
			want = append(want, rows[i].Name)
		}
		s.ok(tx.Create(&rows))
		want = append(want, s.several(tx, "c", 3)...)
		if len(s.db.Announced.Batches()) != 0 {
			s.Error("announced before the commit")
		}
		s.ok(tx.Commit())
		s.announcedAs(true, want...)
		s.created(want...)
	})
}

// A transaction that is not large is announced from memory, in one call.
func TestTransactionThatIsNotLarge(t *testing.T) {
	large().natively(t, func(s *stage) {
		tx := s.db.Begin()
		want := s.several(tx, "a", largeFrom-1)
		var n int64
		s.ok(tx.Table("audit_logs").Count(&n)) // writes what there is
		s.ok(tx.Commit())
		if len(s.db.Announced.Batches()) != 1 {
			s.Errorf("announced in %d calls", len(s.db.Announced.Batches()))
		}
		s.announcedAs(false, want...)
	})
}

func TestLargeTransactionRolledBack(t *testing.T) {
	large().natively(t, func(s *stage) {
		tx := s.db.Begin()
		s.several(tx, "a", 3*largeFrom)
		s.ok(tx.Rollback())
		s.announcedAs(true)
		s.fails(s.db.Transaction(func(tx *gorm.DB) error {
			s.several(tx, "b", 3*largeFrom)
			return errOnPurpose
		}), errOnPurpose)
		s.announcedAs(true)
		s.created()
	})
}

// What is made before a savepoint and written after it is written again when the
// savepoint is rolled back to, although nobody has it in memory.
func TestLargeTransactionWithSavePoints(t *testing.T) {
	test := func(s *stage) []string {
		tx := s.db.Begin()
		want := s.several(tx, "a", 3)
		s.ok(tx.SavePoint("one"))
		want = append(want, s.several(tx, "b", 4)...)
		s.ok(tx.SavePoint("two"))
		s.several(tx, "c", 2*largeFrom)
		s.ok(tx.RollbackTo("two"))
		want = append(want, s.several(tx, "d", 2*largeFrom+1)...)
		s.ok(tx.SavePoint("three"))
		s.several(tx, "e", 2*largeFrom)
		s.ok(tx.RollbackTo("three"))
		s.several(tx, "f", 1)
		s.ok(tx.RollbackTo("three"))
		s.ok(tx.Commit())

		tx = s.db.Begin()
		want = append(want, s.several(tx, "g", 3)...)
		s.ok(tx.SavePoint("one"))
		s.several(tx, "h", 4)
		s.ok(tx.SavePoint("two"))
		s.several(tx, "i", 2*largeFrom)
		s.ok(tx.RollbackTo("one"))
		s.ok(tx.Commit())
		return want
	}
	large().natively(t, func(s *stage) {
		want := test(s)
		s.created(want...)
		var names []string
		for _, r := range s.db.Announced.Records() {
			names = append(names, r.RecordID)
		}
		if !slices.Equal(names, want) {
			s.Errorf("announced are %v, want %v", names, want)
		}
	})
	t.Run("table alone", func(t *testing.T) {
		large(testdb.TableAlone()).natively(t, func(s *stage) { s.created(test(s)...) })
	})
}

func TestLargeTransactionOnOneConnection(t *testing.T) {
	large(testdb.WithMaxOpen(1)).natively(t, func(s *stage) {
		var want []string
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			want = s.several(tx, "a", 2*largeFrom)
			return nil
		}))
		s.announcedAs(true, want...)
		before := len(want)
		// The application keeps the connection: nothing can be read on another.
		s.try(s.db.Connection(func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				want = s.several(tx, "b", 2*largeFrom)
				return nil
			})
		}))
		s.try(s.db.Plugin.Close(context.Background()))
		var names []string
		for _, r := range s.db.Announced.Records()[before:] {
			names = append(names, r.RecordID)
		}
		if !slices.Equal(names, want) {
			s.Errorf("announced are %v, want %v", names, want)
		}
	})
}

// A transaction out of sight is announced once it is over.
func TestLargeTransactionOutOfSight(t *testing.T) {
	large().natively(t, func(s *stage) {
		pool, err := s.db.DB.DB()
		s.try(err)
		for _, commit := range []bool{false, true} {
			inner, err := pool.Begin()
			s.try(err)
			tx := s.db.Session(&gorm.Session{NewDB: true, SkipDefaultTransaction: true})
			tx.Statement.ConnPool = inner
			want := s.several(tx, fmt.Sprint(commit), 3*largeFrom)
			if !commit {
				s.try(inner.Rollback())
				continue
			}
			s.try(inner.Commit())
			s.try(s.db.Plugin.Close(context.Background()))
			s.announcedAs(true, want...)
		}
	})
}

// DDL commits on MySQL what came before it.
func TestLargeTransactionImplicitCommit(t *testing.T) {
	large().on(t, testdb.MySQL, func(s *stage) {
		tx := s.db.Begin()
		want := s.several(tx, "a", 2*largeFrom)
		s.ok(tx.Exec("CREATE TABLE another (n INT)"))
		want = append(want, s.several(tx, "b", 3)...)
		s.ok(tx.Rollback())
		s.announcedAs(true, want...)
	})
}

// A role that may not read the table, or not all of it, keeps its records in memory.
func TestLargeTransactionThatMayNotBeRead(t *testing.T) {
	for name, ddl := range map[string]string{
		"no right": "GRANT INSERT ON audit_logs TO %s",
		"policy":   "GRANT INSERT, SELECT ON audit_logs TO %s; ALTER TABLE audit_logs ENABLE ROW LEVEL SECURITY; CREATE POLICY half ON audit_logs USING (seq % 2 = 0) WITH CHECK (true)",
	} {
		t.Run(name, func(t *testing.T) {
			settings().natively(t, func(s *stage) {
				if s.db.Target.Dialect != testdb.Postgres {
					s.Skip("rights are PostgreSQL's here")
				}
				var schema string
				s.try(s.db.Raw.QueryRow("SELECT current_schema()").Scan(&schema))
				role := fmt.Sprint("read_back_", time.Now().UnixNano())
				for _, statement := range append([]string{
					"CREATE ROLE " + role + " LOGIN", `GRANT USAGE ON SCHEMA "` + schema + `" TO ` + role, "GRANT ALL ON settings TO " + role,
				}, strings.Split(strings.ReplaceAll(ddl, "%s", role), "; ")...) {
					_, err := s.db.Raw.Exec(statement)
					s.try(err)
				}
				s.Cleanup(func() {
					_, _ = s.db.Raw.Exec("DROP OWNED BY " + role)
					_, _ = s.db.Raw.Exec("DROP ROLE " + role)
				})
				dsn, err := url.Parse(s.db.DSN)
				s.try(err)
				dsn.User = url.User(role)
				s.oracle = nil // its triggers are not for this role
				rows := 0
				db, err := gorm.Open(testdb.Dialector(testdb.Postgres, dsn.String()), &gorm.Config{})
				s.try(err)
				s.Cleanup(func() { pool, _ := db.DB(); _ = pool.Close() })
				s.try(db.Use(auditplugin.New(auditplugin.WithBufferLimit(largeFrom), auditplugin.WithEmitter(
					emitter.Table(emitter.NoCreate()),
					emitter.Func(func(_ context.Context, records []audit.Record) error { rows += len(records); return nil })))))
				s.try(db.Transaction(func(tx *gorm.DB) error { s.several(tx, "a", 3*largeFrom); return nil }))
				if rows != 3*largeFrom {
					s.Errorf("%d records were announced", rows)
				}
			})
		})
	}
}

// Records that are gone before they were read back are not lost in silence, and those of
// the next transaction stay in memory.
func TestLargeTransactionThatIsGone(t *testing.T) {
	var reported atomic.Int64
	s := settings()
	s.options = []testdb.Option{testdb.WithPlugin(
		auditplugin.WithBufferLimit(largeFrom),
		auditplugin.WithErrorHandler(func(context.Context, error) { reported.Add(1) }),
	)}
	s.told = true
	s.run(t, testdb.Target{Dialect: testdb.SQLite}, func(s *stage) {
		s.ok(s.db.Exec("CREATE TRIGGER gone AFTER INSERT ON audit_logs WHEN NEW.record_id LIKE 'a%' AND NEW.seq > 15 BEGIN DELETE FROM audit_logs WHERE seq = NEW.seq; END"))
		s.try(s.db.Transaction(func(tx *gorm.DB) error { s.several(tx, "a", 2*largeFrom); return nil }))
		first := len(s.db.Announced.Records())
		if failed := s.db.Plugin.Stats().Failed; reported.Load() != 1 || first == 0 || int(failed) != 2*largeFrom-first {
			s.Errorf("%d announced, %d failed, %d errors", first, failed, reported.Load())
		}
		s.try(s.db.Transaction(func(tx *gorm.DB) error { s.several(tx, "b", 2*largeFrom); return nil }))
		if n := len(s.db.Announced.Records()) - first; n != 2*largeFrom || reported.Load() != 1 {
			s.Errorf("%d announced then, %d errors", n, reported.Load())
		}
		s.oracle = nil
	})
}

// bell is a listener.
type bell struct{ rung, emitted atomic.Int64 }

func (b *bell) Emit(context.Context, []audit.Record) error { b.emitted.Add(1); return nil }
func (b *bell) Committed(context.Context) error            { b.rung.Add(1); return nil }

// A listener hears of each commit with records, once, and of nothing else.
func TestCommitListener(t *testing.T) {
	for _, beside := range []bool{false, true} {
		t.Run(fmt.Sprint("beside others ", beside), func(t *testing.T) {
			testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
				b := &bell{}
				sc := settings()
				sc.options = []testdb.Option{testdb.WithPlugin(auditplugin.WithBufferLimit(largeFrom), auditplugin.WithEmitter(b))}
				if !beside {
					sc.options = append(sc.options, testdb.TableAlone())
				}
				sc.run(t, g, func(s *stage) {
					s.oracle = nil
					rung := func(want int64) {
						s.Helper()
						if got := b.rung.Swap(0); got != want || b.emitted.Load() != 0 {
							s.Errorf("it was told %d times, want %d; records came %d times", got, want, b.emitted.Load())
						}
					}
					s.try(put(s.db.DB, "one"))
					rung(1)
					s.try(s.db.Transaction(func(tx *gorm.DB) error { s.several(tx, "a", 3*largeFrom); return nil }))
					rung(1)
					s.fails(s.db.Transaction(func(tx *gorm.DB) error { s.several(tx, "b", 3*largeFrom); return errOnPurpose }), errOnPurpose)
					rung(0)
					tx := s.db.Begin()
					s.ok(tx.SavePoint("sp"))
					s.several(tx, "c", 3*largeFrom)
					s.ok(tx.RollbackTo("sp"))
					s.ok(tx.Commit())
					rung(0)
					s.try(auditplugin.Event(s.db.DB, audit.Record{Message: "x"}))
					rung(1)
					pool, err := s.db.DB.DB()
					s.try(err)
					inner, err := pool.Begin()
					s.try(err)
					out := s.db.Session(&gorm.Session{NewDB: true, SkipDefaultTransaction: true})
					out.Statement.ConnPool = inner
					s.try(put(out, "out of sight"))
					s.try(inner.Commit())
					s.try(s.db.Plugin.Close(context.Background()))
					rung(1)
				})
			})
		})
	}
}
