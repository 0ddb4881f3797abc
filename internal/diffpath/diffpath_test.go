package diffpath_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/values"
)

func decode(t testing.TB, s string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

func TestChanges(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		want                []string // path: from -> to
	}{
		{"equal", `{"a":[1,{"b":null}]}`, `{"a":[1,{"b":null}]}`, nil},
		{"numbers by value", `{"a":1.0,"b":1e2}`, `{"a":1,"b":100}`, nil},
		{"number", `{"a":1}`, `{"a":2}`, []string{"a: 1 -> 2"}},
		{"number and its text", `{"a":5}`, `{"a":"5"}`, []string{`a: 5 -> "5"`}},
		{"nested", `{"address":{"city":"Oslo","zip":"0150"}}`, `{"address":{"city":"Bergen","zip":"0150"}}`, []string{`address.city: "Oslo" -> "Bergen"`}},
		{"sorted", `{"b":1,"a":1}`, `{"b":2,"a":2}`, []string{"a: 1 -> 2", "b: 1 -> 2"}},
		{"list by index", `[1,2,3]`, `[1,3]`, []string{"1: 2 -> 3", "2: 3 -> nothing"}},
		{"list is ordered", `[1,2]`, `[2,1]`, []string{"0: 1 -> 2", "1: 2 -> 1"}},
		{"indexes in numeric order", `[0,0,0,0,0,0,0,0,0,0,0]`, `[0,0,1,0,0,0,0,0,0,0,1]`, []string{"2: 0 -> 1", "10: 0 -> 1"}},
		{"object in list", `[{"a":1,"b":2}]`, `[{"a":1,"b":3}]`, []string{"0.b: 2 -> 3"}},
		{"added object is one change", `{}`, `{"a":{"b":{"c":1},"d":2}}`, []string{`a: nothing -> {"b":{"c":1},"d":2}`}},
		{"removed object is one change", `{"a":{"b":{"c":1}},"x":1}`, `{"x":1}`, []string{`a: {"b":{"c":1}} -> nothing`}},
		{"empty object added", `{}`, `{"a":{}}`, []string{"a: nothing -> {}"}},
		{"empty list removed", `{"a":[]}`, `{}`, []string{"a: [] -> nothing"}},
		{"keys like patterns", `{"a.":{"x(":1},"ab":1}`, `{"ab":2}`, []string{`a\.: {"x(":1} -> nothing`, "ab: 1 -> 2"}},
		{"object becomes list", `{"a":{"b":1}}`, `{"a":[1]}`, []string{`a: {"b":1} -> [1]`}},
		{"object becomes text", `{"a":{"b":1}}`, `{"a":"b"}`, []string{`a: {"b":1} -> "b"`}},
		{"to null", `{"a":1}`, `{"a":null}`, []string{"a: 1 -> null"}},
		{"from null", `{"a":null}`, `{"a":{"b":1}}`, []string{`a: null -> {"b":1}`}},
		{"null vanishes", `{"a":null}`, `{}`, []string{"a: null -> nothing"}},
		{"whole value", `null`, `{"a":1}`, []string{`: null -> {"a":1}`}},
		{"whole value vanishes", `[1]`, `null`, []string{`: [1] -> null`}},
		{"both null", `null`, `null`, nil},
		{"scalars", `"a"`, `true`, []string{`: "a" -> true`}},
		{"dots in keys", `{"a.b":{"c":1},"a":{"b.c":1}}`, `{"a.b":{"c":2},"a":{"b.c":2}}`, []string{`a.b\.c: 1 -> 2`, `a\.b.c: 1 -> 2`}},
		{"empty key", `{"":1}`, `{"":2}`, []string{": 1 -> 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, after := decode(t, c.before), decode(t, c.after)
			changes, err := diffpath.Changes(before, after)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, ch := range changes {
				got = append(got, diffpath.Join(ch.Path)+": "+side(t, ch.From, ch.Added)+" -> "+side(t, ch.To, ch.Removed))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if rebuilt := apply(t, before, changes); !values.Equal(rebuilt, after) {
				t.Errorf("applied to before: %v, want %v", rebuilt, after)
			}
		})
	}
}

func side(t *testing.T, v any, absent bool) string {
	t.Helper()
	if absent {
		if v != nil {
			t.Errorf("absent side holds %v", v)
		}
		return "nothing"
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// apply makes after out of before, from the changes alone.
func apply(t testing.TB, v any, changes []diffpath.Change) any {
	t.Helper()
	v = clone(v)
	// Backwards, so that elements vanish from the end of lists first; what is
	// added at the end is collected and put on forwards.
	for _, c := range slices.Backward(changes) {
		if !c.Added {
			v = set(t, v, c.Path, c)
		}
	}
	for _, c := range changes {
		if c.Added {
			v = set(t, v, c.Path, c)
		}
	}
	return v
}

func set(t testing.TB, v any, path []string, c diffpath.Change) any {
	t.Helper()
	if len(path) == 0 {
		return c.To
	}
	switch x := v.(type) {
	case map[string]any:
		old, had := x[path[0]]
		if len(path) == 1 && had == c.Added {
			t.Fatalf("%q: had %v, added %v", c.Path, had, c.Added)
		}
		if len(path) == 1 && c.Removed {
			delete(x, path[0])
		} else {
			x[path[0]] = set(t, old, path[1:], c)
		}
		return x
	case []any:
		i, err := strconv.Atoi(path[0])
		switch {
		case err != nil:
			t.Fatalf("%q: %v", c.Path, err)
		case len(path) == 1 && c.Added:
			if i != len(x) {
				t.Fatalf("%q is not the end", c.Path)
			}
			return append(x, c.To)
		case len(path) == 1 && c.Removed:
			if i != len(x)-1 {
				t.Fatalf("%q is not the end", c.Path)
			}
			return x[:i]
		}
		x[i] = set(t, x[i], path[1:], c)
		return x
	}
	t.Fatalf("%q leads into %T", c.Path, v)
	return nil
}

func clone(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = clone(e)
		}
		return out
	}
	return v
}

func TestAbsentSides(t *testing.T) {
	doc := map[string]any{"a": json.Number("1")}
	changes, err := diffpath.Changes(nil, doc)
	if err != nil || len(changes) != 1 || len(changes[0].Path) != 0 || changes[0].From != nil || !reflect.DeepEqual(changes[0].To, any(doc)) {
		t.Errorf("nil to document: %+v, %v", changes, err)
	}
	if changes, err = diffpath.Changes(nil, nil); err != nil || changes != nil {
		t.Errorf("nil to nil: %+v, %v", changes, err)
	}
}

func FuzzChanges(f *testing.F) {
	f.Add(`{"a":[1,2,{"b":null}]}`, `{"a":[2,{"b":[]}]}`)
	f.Add(`{"a.b":1,"a":{"b":1}}`, `{"a(":{}}`)
	f.Add(`1e999999999`, `[1e-999999999, -0, "x"]`)
	f.Fuzz(func(t *testing.T, from, to string) {
		var docs [2]any
		for i, s := range []string{from, to} {
			d := json.NewDecoder(strings.NewReader(s))
			d.UseNumber()
			if d.Decode(&docs[i]) != nil {
				t.Skip()
			}
		}
		changes, err := diffpath.Changes(docs[0], docs[1])
		if err != nil {
			t.Fatal(err)
		}
		if (len(changes) == 0) != values.Equal(docs[0], docs[1]) {
			t.Errorf("%d changes between %v and %v", len(changes), docs[0], docs[1])
		}
		if got := apply(t, docs[0], changes); !values.Equal(got, docs[1]) {
			t.Errorf("applied: %v, want %v", got, docs[1])
		}
	})
}

func FuzzJoin(f *testing.F) {
	f.Add("a", "b.c", `d\`)
	f.Add(`\.`, `.\`, "")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		path := []string{a, b, c}
		if got := diffpath.Split(diffpath.Join(path)); !slices.Equal(got, path) {
			t.Errorf("Split(%q) = %q, want %q", diffpath.Join(path), got, path)
		}
	})
}

func TestSplitOfEmptyText(t *testing.T) {
	if got := diffpath.Split(""); got != nil {
		t.Errorf("Split(\"\") = %q", got)
	}
}
