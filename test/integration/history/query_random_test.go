package history_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/values"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Names and values that SQL, LIKE, JSON and its path languages treat as special.
func hostileNames() []string {
	return []string{"phone", "Phone", "phone ", "a.b", "it's", "$", "[0]", "0", "a b", "é", "*", "%", "_", "key", "value", "<b>", "a/b", "null", `back\slash`}
}

func hostileValues() []any {
	return []any{
		nil, true, false, int64(0), int64(1), int64(-1), int64(math.MaxInt64), int64(math.MinInt64), uint64(math.MaxUint64),
		0.5, 1e300, -1e-300, 1.0, 0.1, math.NaN(), math.Inf(-1),
		"", " ", "a", "A", "a ", "'", `"`, `\`, "%", "_", "null", "true", "1", "0.5", "é", "e\u0301", "\n", "\u2028", "😀", "\x00", "\xff", "\x1b", "<&>", "NaN", "{}",
		[]byte{0, 1, 255},
		time.Date(2026, 11, 23, 1, 2, 3, 4000, time.UTC),
		map[string]any{},
		[]any{},
		map[string]any{"a": []any{int64(1), "x", nil}},
		map[string]any{"a": []any{"x", int64(1), nil}},
		[]any{int64(1), int64(2)},
		[]any{int64(2), int64(1)},
	}
}

// What a question finds is what going through all records in Go finds.
func TestQueryRandom(t *testing.T) {
	const records, questions = 400, 300
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := open(t, g)
		bound, err := emitter.Table().Bind(s.DB.DB)
		s.ok(err)
		r := rand.New(rand.NewPCG(7, 7))
		names, vals := hostileNames(), hostileValues()
		written := make([]audit.Record, records)
		for i := range written {
			written[i] = randomRecord(r, names, vals)
		}
		s.ok(bound.Emit(s.ctx, written))
		all, err := history.Search(s.DB.DB).Find(s.ctx)
		s.ok(err)
		if len(all) != records {
			t.Fatalf("%d records", len(all))
		}
		found := 0
		for range questions {
			q, text := history.Search(s.DB.DB), ""
			keep := func(audit.Record) bool { return true }
			for range 1 + r.IntN(2) {
				i := r.IntN(records)
				var more func(audit.Record) bool
				var said string
				q, said, more = narrow(r, q, written[i], all[i], all)
				text += said + " "
				before := keep
				keep = func(a audit.Record) bool { return before(a) && more(a) }
			}
			var want []string
			for _, a := range all {
				if keep(a) {
					want = append(want, a.ID)
				}
			}
			got, err := q.Find(s.ctx)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			var ids []string
			for _, a := range got {
				ids = append(ids, a.ID)
			}
			found += len(ids)
			if !slices.Equal(ids, want) {
				t.Errorf("%s: found %d, want %d", text, len(ids), len(want))
			}
		}
		if found < questions {
			t.Errorf("%d questions found only %d records", questions, found)
		}
	})
}

func randomRecord(r *rand.Rand, names []string, vals []any) audit.Record {
	rec := audit.Record{
		Time: time.Date(2026, 11, 1, r.IntN(400), 0, 0, r.IntN(1e9), time.UTC), Action: audit.Update, Table: "things", RecordType: "thing",
		RecordID: fmt.Sprint(r.IntN(20)), Reason: fmt.Sprint("reason ", vals[r.IntN(len(vals))], " Ticket"), Actor: audit.Actor{ID: pick(r, names)},
	}
	column := pick(r, names)
	from, to := vals[r.IntN(len(vals))], vals[r.IntN(len(vals))]
	rec.Before, rec.After, rec.Changed = map[string]any{column: from}, map[string]any{column: to}, []string{column}
	path := []string{column}
	for range r.IntN(4) {
		path = append(path, pick(r, names))
	}
	rec.Changes = []audit.Change{{Path: diffpath.Join(path), From: nested(r, names), To: nested(r, names)}}
	if r.IntN(4) == 0 {
		other := pick(r, names)
		if other != column {
			rec.Changed = append(rec.Changed, other)
			rec.Changes = append(rec.Changes, audit.Change{Path: diffpath.Join([]string{other}), From: int64(1), To: nested(r, names)})
		}
	}
	return rec
}

func pick(r *rand.Rand, names []string) string { return names[r.IntN(len(names))] }

// nested makes a document, so that a path can be looked for inside a change.
func nested(r *rand.Rand, names []string) any {
	switch r.IntN(5) {
	case 0:
		return nil
	case 1:
		return []any{nested(r, names), nested(r, names)}
	case 2, 3:
		return map[string]any{pick(r, names): nested(r, names), pick(r, names): nil}
	}
	return int64(r.IntN(3))
}

// narrow adds a condition that is drawn around a record, as it was written and as it
// was read, and returns what the condition means.
func narrow(r *rand.Rand, q history.Query, w, a audit.Record, all []audit.Record) (history.Query, string, func(audit.Record) bool) {
	column := w.Changed[0]
	switch r.IntN(8) {
	case 0:
		return q.Column(column), "column " + column, func(x audit.Record) bool { return slices.Contains(x.Changed, column) }
	case 1:
		v := w.Before[column]
		return q.From(column, v), fmt.Sprintf("from %s %#v", column, v), func(x audit.Record) bool {
			got, ok := x.Before[column]
			return ok && values.Equal(got, a.Before[column])
		}
	case 2, 3:
		v := w.After[column]
		return q.To(column, v), fmt.Sprintf("to %s %#v", column, v), func(x audit.Record) bool {
			got, ok := x.After[column]
			return ok && values.Equal(got, a.After[column])
		}
	case 4:
		path := diffpath.Split(w.Changes[0].Path)
		path = path[:1+r.IntN(len(path))]
		for range r.IntN(3) {
			path = append(path, pick(r, hostileNames()))
		}
		return q.Path(diffpath.Join(path)), "path " + diffpath.Join(path), func(x audit.Record) bool { return concerns(x, path) }
	case 5:
		part := a.Reason[r.IntN(3):]
		if upper := strings.ToUpper(part); len(part) == utf8.RuneCountInString(part) {
			part = upper // databases agree on the case of ASCII only
		}
		return q.Reason(part), "reason " + part, func(x audit.Record) bool {
			return strings.Contains(strings.ToLower(x.Reason), strings.ToLower(part))
		}
	case 6:
		return q.Since(a.Time), "since", func(x audit.Record) bool { return !x.Time.Before(a.Time) }
	default:
		b := all[r.IntN(len(all))]
		return q.Until(b.Time).Actor(a.Actor.ID), "until, actor " + a.Actor.ID, func(x audit.Record) bool {
			return x.Time.Before(b.Time) && x.Actor.ID == a.Actor.ID
		}
	}
}

// concerns reports whether a change of x is at the path, below it, or above it with
// something at the path before or after.
func concerns(x audit.Record, path []string) bool {
	if !slices.Contains(x.Changed, path[0]) {
		return false
	}
	for _, c := range x.Changes {
		at := diffpath.Split(c.Path)
		n := min(len(at), len(path))
		if !slices.Equal(at[:n], path[:n]) {
			continue
		}
		if len(at) >= len(path) || reaches(c.From, path[n:]) || reaches(c.To, path[n:]) {
			return true
		}
	}
	return false
}

func reaches(v any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	switch x := v.(type) {
	case map[string]any:
		inner, ok := x[path[0]]
		return ok && reaches(inner, path[1:])
	case []any:
		for i, inner := range x {
			if fmt.Sprint(i) == path[0] {
				return reaches(inner, path[1:])
			}
		}
	}
	return false
}
