package history_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/plugin/optimisticlock"
	"pgregory.net/rapid"
)

// What runs unless the flags say otherwise: the same histories every time. Hunt for
// new ones with -rapid.checks and -rapid.seed 0, which draws a seed.
var storyDefaults = map[string]string{"rapid.checks": "12", "rapid.seed": "1"}

func TestMain(m *testing.M) {
	flag.Parse()
	unset := maps.Clone(storyDefaults)
	flag.Visit(func(f *flag.Flag) { delete(unset, f.Name) })
	for name, value := range unset {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// snapshot is what a plain connection loads: every row by kind and key.
type snapshot map[string]any

// chapter is a moment of a history and what the tables held then.
type chapter struct {
	seq  int64
	time time.Time
	rows snapshot
}

// story is a database that histories are told in.
type story struct {
	*testdb.DB
	plain    *gorm.DB
	oracle   *oracle.Oracle
	chapters []chapter
	keys     map[string]any // by name: a struct with the key only
	// setBy is the operation that last changed a column, by row and column.
	setBy map[string]map[string]string
	ops   int
	// several are the operations of more than one change.
	several map[string]bool
}

func newStory(t *testing.T, g testdb.Target) *story {
	t.Helper()
	s := &story{DB: g.Open(t, testdb.Before(func(db *gorm.DB) error {
		return db.Session(&gorm.Session{NewDB: true}).AutoMigrate(storyModels()...)
	}))}
	s.plain = s.Plain(t)
	options := []oracle.Option{oracle.Merge()}
	if g.Dialect == testdb.MySQL {
		options = append(options, oracle.Snapshot("workers", "bosses")) // triggers do not see cascades there
	}
	s.oracle = oracle.Watch(t, s.Raw, g.Dialect, storyTables(), options...)
	return s
}

// begin empties the database.
func (s *story) begin(t *rapid.T) {
	for _, name := range []string{"workers", "bosses", "pairings", "cargos", "shelves", "audit_logs", "oracle_changes"} {
		if name == "shelves" {
			if _, err := s.Raw.Exec("UPDATE shelves SET parent_id = NULL"); err != nil {
				t.Fatalf("clear %s: %v", name, err)
			}
		}
		if _, err := s.Raw.Exec("DELETE FROM " + name); err != nil {
			t.Fatalf("clear %s: %v", name, err)
		}
	}
	s.chapters, s.keys, s.setBy, s.several = nil, map[string]any{}, map[string]map[string]string{}, map[string]bool{}
	s.note(t, "")
}

// look loads all rows.
func (s *story) look(t *rapid.T) snapshot {
	all := snapshot{}
	load(t, s, all, func(c cargo) (string, cargo) { return fmt.Sprint("cargo ", c.ID), cargo{ID: c.ID} })
	load(t, s, all, func(p pairing) (string, pairing) { return fmt.Sprint("pairing ", p.A, p.B), pairing{A: p.A, B: p.B} })
	load(t, s, all, func(b boss) (string, boss) { return "boss " + b.Code, boss{Code: b.Code} })
	load(t, s, all, func(w worker) (string, worker) { return fmt.Sprint("worker ", w.ID), worker{ID: w.ID} })
	load(t, s, all, func(h shelf) (string, shelf) { return fmt.Sprint("shelf ", h.ID), shelf{ID: h.ID} })
	return all
}

func load[T any](t *rapid.T, s *story, all snapshot, name func(T) (string, T)) {
	var rows []T
	if err := s.plain.Unscoped().Find(&rows).Error; err != nil {
		t.Fatalf("look: %v", err)
	}
	for _, r := range rows {
		n, key := name(r)
		all[n], s.keys[n] = r, key
	}
}

// note ends a chapter, and finds out which columns the operation set.
func (s *story) note(t *rapid.T, actor string, moves ...move) {
	now := s.look(t)
	if len(s.chapters) > 0 {
		last := s.chapters[len(s.chapters)-1].rows
		was := func(name string) any {
			for _, m := range moves {
				if m.to == name && last[name] == nil && last[m.from] != nil && now[m.from] == nil {
					return last[m.from]
				}
			}
			return last[name]
		}
		for name, row := range now {
			old := was(name)
			if old == nil {
				s.setBy[name] = map[string]string{}
			} else if last[name] == nil {
				for _, m := range moves {
					if m.to == name {
						s.setBy[name] = maps.Clone(s.setBy[m.from])
					}
				}
			}
			for _, column := range s.columns(t, row) {
				if old == nil || !sameValue(fieldOf(s.DB.DB, row, column), fieldOf(s.DB.DB, old, column)) {
					s.setBy[name][column] = actor
				}
			}
		}
	}
	var seq int64
	if err := s.Raw.QueryRow("SELECT COALESCE(MAX(seq), 0) FROM audit_logs").Scan(&seq); err != nil {
		t.Fatalf("note: %v", err)
	}
	s.chapters = append(s.chapters, chapter{seq, time.Now(), now})
	time.Sleep(2 * time.Microsecond) // the table's times are as fine as that
}

func (s *story) columns(t *rapid.T, row any) []string {
	stmt := &gorm.Statement{DB: s.DB.DB}
	if err := stmt.Parse(pointerTo(row)); err != nil {
		t.Fatalf("columns: %v", err)
	}
	return stmt.Schema.DBNames
}

func fieldOf(db *gorm.DB, row any, column string) any {
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(pointerTo(row)); err != nil {
		panic(err)
	}
	return stmt.Schema.FieldsByDBName[column].ReflectValueOf(context.Background(), reflect.ValueOf(row)).Interface()
}

func pointerTo(row any) any {
	p := reflect.New(reflect.TypeOf(row))
	p.Elem().Set(reflect.ValueOf(row))
	return p.Interface()
}

// sameValue compares times by instant, in whatever they are wrapped.
func sameValue(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if !x.IsValid() || !y.IsValid() {
		return x.IsValid() == y.IsValid()
	}
	if at, ok := a.(time.Time); ok {
		return at.Equal(b.(time.Time))
	}
	switch x.Kind() {
	case reflect.Pointer:
		if x.IsNil() || y.IsNil() {
			return x.IsNil() == y.IsNil()
		}
		return sameValue(x.Elem().Interface(), y.Elem().Interface())
	case reflect.Struct:
		for i := range x.NumField() {
			if x.Type().Field(i).IsExported() && !sameValue(x.Field(i).Interface(), y.Field(i).Interface()) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

func TestHistoriesAsTheyWere(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := newStory(t, g)
		moments := 0
		rapid.Check(t, func(r *rapid.T) {
			deeds := rapid.SliceOfN(rapid.Custom(drawDeed), 1, 12).Draw(r, "deeds")
			if g.Dialect == testdb.MySQL && rapid.Bool().Draw(r, "passed over") {
				return // each takes ten times as long as elsewhere
			}
			s.begin(r)
			s.perform(r, deeds)
			s.verify(r)
			s.oracle.Check(judged{TB: t, r: r}, nil)
			s.undoAll(r)
			moments += len(s.chapters)
		})
		t.Logf("%d operations, %d moments", s.ops, moments)
	})
}

// judged hands what the oracle says to rapid, so that it can shrink the history.
type judged struct {
	testing.TB
	r *rapid.T
}

func (j judged) Helper()                           {}
func (j judged) Errorf(format string, args ...any) { j.r.Errorf(format, args...) }
func (j judged) Fatalf(format string, args ...any) { j.r.Fatalf(format, args...) }

func (s *story) perform(t *rapid.T, deeds []deed) {
	for _, d := range deeds {
		s.ops++
		actor := fmt.Sprint("op", s.ops)
		s.several[actor] = d.several
		ctx := audit.WithActor(context.Background(), audit.Actor{ID: actor})
		// Wrong operations, such as a second row with one key, are part of life.
		_ = s.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return d.do(tx) })
		s.note(t, actor, d.moves...)
	}
}

// undoAll undoes one operation after the other, the last one first, and demands
// that each leaves what was there before.
func (s *story) undoAll(t *rapid.T) {
	ctx := context.Background()
	for n := len(s.chapters) - 1; n > 0; n-- {
		before, after := s.chapters[n-1], s.chapters[n]
		records, err := history.Search(s.DB.DB).Scopes(func(tx *gorm.DB) *gorm.DB {
			return tx.Where("seq > ? AND seq <= ?", before.seq, after.seq)
		}).Find(ctx)
		if err != nil {
			t.Fatalf("undo: %v", err)
		}
		if len(records) == 0 {
			continue
		}
		// One change alone can be undone as well as all of them.
		undo := func(opts ...history.Option) (history.Reverted, error) {
			if len(records) == 1 {
				return history.Revert(ctx, s.DB.DB, records[0], opts...)
			}
			return history.RevertTransaction(ctx, s.DB.DB, records[0].TransactionID, opts...)
		}
		if _, err := undo(history.DryRun()); err != nil {
			t.Fatalf("undo operation %d, dry: %v", n, err)
		}
		s.same(t, fmt.Sprintf("after a dry run of undoing operation %d", n), after.rows)
		if _, err := undo(); err != nil {
			t.Fatalf("undo operation %d: %v", n, err)
		}
		s.same(t, fmt.Sprintf("after undoing operation %d", n), before.rows)
	}
}

func (s *story) same(t *rapid.T, when string, want snapshot) {
	got := s.look(t)
	for name, row := range want {
		if !sameValue(uncounted(got[name]), uncounted(row)) {
			t.Fatalf("%s: %s\n got %+v\nwant %+v", when, name, got[name], row)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, there were %d", when, len(got), len(want))
	}
}

// uncounted is a row without its version, which undoing counts on.
func uncounted(row any) any {
	if h, ok := row.(shelf); ok {
		h.Version = optimisticlock.Version{}
		return h
	}
	return row
}

// verify demands that every moment can be had back.
func (s *story) verify(t *rapid.T) {
	ctx := context.Background()
	for n, c := range s.chapters {
		if s.Target.Dialect == testdb.MySQL && n%3 != len(s.chapters)%3 {
			continue // its catalog takes milliseconds to read, for each row asked for
		}
		for _, name := range slices.Sorted(maps.Keys(s.keys)) {
			want, existed := c.rows[name]
			for _, at := range []history.Moment{history.AtSeq(c.seq), history.At(c.time)} {
				got := pointerTo(s.keys[name])
				err := history.AsOf(ctx, s.DB.DB, got, at)
				switch {
				case !existed && !errors.Is(err, history.ErrNotFound):
					t.Fatalf("%s did not exist at moment %d: %+v, %v", name, n, got, err)
				case existed && err != nil:
					t.Fatalf("%s at moment %d: %v", name, n, err)
				case existed && !sameValue(reflect.ValueOf(got).Elem().Interface(), want):
					t.Fatalf("%s at moment %d:\n got %+v\nwant %+v", name, n, reflect.ValueOf(got).Elem(), want)
				}
			}
		}
	}
	s.verifyAll(t)
	s.verifyBlame(t)
	if s.Target.Dialect == testdb.MySQL {
		return
	}
	versionsOf[cargo](t, s)
	versionsOf[pairing](t, s)
	versionsOf[boss](t, s)
	versionsOf[worker](t, s)
	versionsOf[shelf](t, s)
}

// versionsOf demands that each version is the row as of its record.
func versionsOf[T any](t *rapid.T, s *story) {
	ctx := context.Background()
	for _, name := range slices.Sorted(maps.Keys(s.keys)) {
		key, ok := s.keys[name].(T)
		if !ok {
			continue
		}
		n := 0
		for v, err := range history.Versions(ctx, s.DB.DB, &key) {
			if err != nil {
				t.Fatalf("versions of %s: %v", name, err)
			}
			n++
			want := key
			err := history.AsOf(ctx, s.DB.DB, &want, history.After(v.Record))
			if v.Row == nil && errors.Is(err, history.ErrNotFound) {
				continue
			}
			if err != nil || v.Row == nil || !sameValue(*v.Row, want) {
				t.Fatalf("version %d of %s, by %s: %+v, %v; as of then it was %+v", n, name, v.Record.Action, v.Row, err, want)
			}
		}
		if n == 0 {
			t.Fatalf("no versions of %s", name)
		}
	}
}

// verifyAll does so for the whole table at once.
func (s *story) verifyAll(t *rapid.T) {
	c := s.chapters[len(s.chapters)/2]
	got := snapshot{}
	whole(t, s, c, got, func(c cargo) string { return fmt.Sprint("cargo ", c.ID) })
	whole(t, s, c, got, func(p pairing) string { return fmt.Sprint("pairing ", p.A, p.B) })
	whole(t, s, c, got, func(b boss) string { return "boss " + b.Code })
	whole(t, s, c, got, func(w worker) string { return fmt.Sprint("worker ", w.ID) })
	whole(t, s, c, got, func(h shelf) string { return fmt.Sprint("shelf ", h.ID) })
	if len(got) != len(c.rows) {
		t.Fatalf("%d rows, there were %d\n got %+v\nwant %+v", len(got), len(c.rows), got, c.rows)
	}
	for name, want := range c.rows {
		if !sameValue(got[name], want) {
			t.Fatalf("all rows: %s\n got %+v\nwant %+v", name, got[name], want)
		}
	}
}

func whole[T any](t *rapid.T, s *story, c chapter, got snapshot, name func(T) string) {
	for row, err := range history.AsOfAll[T](context.Background(), s.Unscoped(), c.time) {
		if err != nil {
			t.Fatalf("all rows: %v", err)
		}
		if _, twice := got[name(row)]; twice {
			t.Fatalf("%s is given twice", name(row))
		}
		got[name(row)] = row
	}
}

// verifyBlame demands that every column's present value is traced to the operation
// that brought it.
func (s *story) verifyBlame(t *rapid.T) {
	for name := range s.chapters[len(s.chapters)-1].rows {
		lines, err := history.Blame(context.Background(), s.DB.DB, pointerTo(s.keys[name]))
		if err != nil {
			t.Fatalf("blame %s: %v", name, err)
		}
		for _, l := range lines {
			if l.Record == nil {
				t.Fatalf("blame %s: nobody for %s", name, l.Column)
			}
			want, followed := s.setBy[name][l.Column], l.Record.Actor.ID
			// What several changes of one transaction set away and back shows in the
			// trail only.
			if want != followed && !s.several[followed] {
				t.Fatalf("blame %s: %s was set by %s, not %s", name, l.Column, want, followed)
			}
		}
	}
}
