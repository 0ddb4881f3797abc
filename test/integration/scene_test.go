package integration

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// scene is the ground a capture test stands on: a fresh database with tables, rows
// that were there before, and an oracle that watches.
type scene struct {
	models  []any
	ddl     func(dialect string) []string // after the models, before seed
	seed    func(db *gorm.DB) error       // through a handle without the plugin
	options []testdb.Option
	oracle  []oracle.Option
	tables  []string // to watch beside those of the models
	mysql   []oracle.Option
	told    bool // the test looks at what is announced
}

// stage is a scene on one database.
type stage struct {
	*testing.T
	db     *testdb.DB
	oracle *oracle.Oracle
	want   []string
	plain  *gorm.DB
}

// capture runs f on every database and path, and lets the oracle judge. Where the
// shortcuts are taken, nobody but the table gets the records, unless the test looks at
// what is announced: both ways to make records are judged, without a run for each.
func (s scene) capture(t *testing.T, f func(s *stage)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		if s := s; !g.Portable && !s.told {
			s.options = append(slices.Clone(s.options), testdb.TableAlone())
			s.run(t, g, f)
			return
		}
		s.run(t, g, f)
	})
}

// natively runs f on every database, without the runs on the portable path.
func (s scene) natively(t *testing.T, f func(s *stage)) {
	t.Helper()
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) { s.run(t, g, f) })
}

// on runs f on one kind of database, both paths.
func (s scene) on(t *testing.T, dialect string, f func(s *stage)) {
	t.Helper()
	testdb.On(t, dialect, func(t *testing.T, g testdb.Target) { s.run(t, g, f) })
}

func (s scene) run(t *testing.T, g testdb.Target, f func(s *stage)) {
	t.Helper()
	st := s.open(t, g)
	f(st)
	if st.oracle != nil { // a test that can not be judged by it says so
		st.judge()
	}
}

// open prepares the database. Tables are made before the plugin is installed.
func (s scene) open(t *testing.T, g testdb.Target, more ...testdb.Option) *stage {
	t.Helper()
	var tables []string
	prepare := testdb.Before(func(db *gorm.DB) error {
		plain := db.Session(&gorm.Session{NewDB: true, SkipHooks: true})
		if err := plain.AutoMigrate(s.models...); err != nil {
			return err
		}
		if s.ddl != nil {
			for _, statement := range s.ddl(g.Dialect) {
				if err := plain.Exec(statement).Error; err != nil {
					return fmt.Errorf("%w in %s", err, statement)
				}
			}
		}
		tables = watched(plain, s.models)
		if s.seed != nil {
			return s.seed(plain)
		}
		return nil
	})
	d := g.Open(t, slices.Concat(s.options, more, []testdb.Option{prepare})...)
	use := s.oracle
	if g.Dialect == testdb.MySQL {
		use = slices.Concat(use, s.mysql)
	}
	st := &stage{T: t, db: d}
	st.oracle = oracle.Watch(t, d.Raw, g.Dialect, append(tables, s.tables...), use...)
	return st
}

// watched are the tables of the models and of their many2many relations.
func watched(db *gorm.DB, models []any) []string {
	found := map[string]bool{}
	for _, model := range models {
		stmt := &gorm.Statement{DB: db}
		if stmt.Parse(model) != nil {
			continue
		}
		found[stmt.Schema.Table] = true
		for _, relation := range stmt.Schema.Relationships.Relations {
			if relation.Type == schema.Many2Many {
				found[relation.JoinTable.Table] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// other returns a handle on the same database without the plugin.
func (s *stage) other() *gorm.DB {
	if s.plain == nil {
		s.plain = s.db.Plain(s.T)
	}
	return s.plain
}

// ok fails the test at once when a write failed.
func (s *stage) ok(result *gorm.DB) *gorm.DB {
	s.Helper()
	if result.Error != nil {
		s.Fatalf("write: %v", result.Error)
	}
	return result
}

// try fails the test at once on an error.
func (s *stage) try(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// fails demands an error that is target.
func (s *stage) fails(err, target error) {
	s.Helper()
	if !errors.Is(err, target) {
		s.Errorf("the error is %v, want %v", err, target)
	}
}

// expect says which records the test made: "3 create users". The order of the
// arguments does not matter.
func (s *stage) expect(counts ...string) { s.want = append([]string{}, counts...) }

// judge compares the trail with the database, with what was announced, and with
// what the test expects.
func (s *stage) judge() []oracle.Entry {
	s.Helper()
	trail := s.oracle.Check(s, s.db.Announced.Batches())
	s.tallied(trail)
	return trail
}

func (s *stage) tallied(trail []oracle.Entry) {
	s.Helper()
	if s.want != nil {
		if got := tally(trail); !slices.Equal(got, slices.Sorted(slices.Values(s.want))) {
			s.Errorf("recorded are %s; want %s", strings.Join(got, ", "), strings.Join(s.want, ", "))
		}
	}
}

// tally counts entries by action and table.
func tally(trail []oracle.Entry) []string {
	counts := map[string]int{}
	for _, e := range trail {
		counts[e.Action+" "+e.Table]++
	}
	lines := []string{}
	for what, n := range counts {
		lines = append(lines, fmt.Sprintf("%d %s", n, what))
	}
	slices.Sort(lines)
	return lines
}

// trail reads the audit table as it is now.
func (s *stage) trail() []oracle.Entry {
	s.Helper()
	return oracle.Trail(s, s.db.Raw, s.db.Target.Dialect)
}

// atLeast demands these counts and leaves others, such as the timestamps of a
// parent that GORM saves along, to the oracle.
func (s *stage) atLeast(counts ...string) {
	s.Helper()
	got := tally(s.trail())
	for _, want := range counts {
		if !slices.Contains(got, want) {
			s.Errorf("recorded are %s; want %s among them", strings.Join(got, ", "), want)
		}
	}
}

// entry is one row of the audit table, counted from 0.
func (s *stage) entry(n int) oracle.Entry {
	s.Helper()
	trail := s.trail()
	if n >= len(trail) {
		s.Fatalf("the trail has %d entries", len(trail))
	}
	return trail[n]
}
