package redact_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// FuzzRedactedChanges: what is shown of the changes between two documents leads
// from what is shown of the first to what is shown of the second, and neither
// depends on what stands in a secret's place.
func FuzzRedactedChanges(f *testing.F) {
	f.Add(`{"phone":"1234567890","gone":"x","token":"x","children":[{"phone":"1234567891"}]}`, `{"phone":"1234567899","token":"y","children":[]}`)
	f.Add(`{"any":[{"password":"x","deep":{"pin":1234,"ok":1}}]}`, `{"any":[{"password":["x"],"deep":null}]}`)
	f.Add(`{"by_name":{"a":{"label":"x"},"secret":{"label":"x"}}}`, `{"by_name":{"a":{"label":"y"}},"mixed":[1]}`)
	f.Add(`["1234567890"]`, `{"api_key":{"token":"shown"}}`)
	f.Add(`{"hashed":"a"}`, `{"hashed":"b","HASHED":1}`)
	f.Fuzz(func(t *testing.T, from, to string) {
		var docs [2]any
		for i, s := range []string{from, to} {
			d := json.NewDecoder(strings.NewReader(s))
			d.UseNumber()
			if d.Decode(&docs[i]) != nil {
				t.Skip()
			}
		}
		plan := planFor(t, &holder{})
		for _, column := range []string{"tree", "list", "untyped", "open"} {
			changes, err := plan.Changes("holders", column, docs[0], docs[1])
			if err != nil {
				t.Fatal(err)
			}
			before, after := plan.Column("holders", column, docs[0]), plan.Column("holders", column, docs[1])
			if got := applied(t, copied(before), changes); !values.Equal(got, after) {
				t.Errorf("%s: the changes %v lead from %v to %v, want %v", column, changes, before, got, after)
			}
			if column == "open" {
				continue
			}
			if other := plan.Column("holders", column, swapped(docs[0])); !values.Equal(other, before) {
				t.Errorf("%s: %v is shown as %v, but with other secrets as %v", column, docs[0], before, other)
			}
			others, err := plan.Changes("holders", column, swapped(docs[0]), swapped(docs[1]))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range slices.Concat(changes, others) {
				text, _ := json.Marshal(c)
				if strings.Contains(string(text), "swapped secret") {
					t.Errorf("%s: a change shows a secret: %s", column, text)
				}
			}
		}
	})
}

// swapped puts other values in the place of secrets that stand there by name.
func swapped(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			_, isBool := e.(bool)
			switch {
			case (k == "token" || k == "password") && e != nil && !isBool:
				out[k] = "swapped secret"
			case strings.EqualFold(k, "api_key"): // tagged "show": so is what it holds
				out[k] = e
			default:
				out[k] = swapped(e)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = swapped(e)
		}
		return out
	}
	return v
}

func copied(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = copied(e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = copied(e)
		}
		return out
	}
	return v
}

// applied makes the changes to v: what vanishes from the end of lists first, what is
// added to them last.
func applied(t *testing.T, v any, changes []diffpath.Change) any {
	t.Helper()
	for _, c := range slices.Backward(changes) {
		if !c.Added {
			v = put(t, v, c.Path, c)
		}
	}
	for _, c := range changes {
		if c.Added {
			v = put(t, v, c.Path, c)
		}
	}
	return v
}

func put(t *testing.T, v any, path []string, c diffpath.Change) any {
	t.Helper()
	if len(path) == 0 {
		return copied(c.To)
	}
	last := len(path) == 1
	switch x := v.(type) {
	case map[string]any:
		if last && c.Removed {
			delete(x, path[0])
		} else {
			x[path[0]] = put(t, x[path[0]], path[1:], c)
		}
		return x
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i > len(x) || i == len(x) && !(last && c.Added) {
			t.Fatalf("%q does not lead into %v", c.Path, x)
		}
		if i == len(x) {
			return append(x, copied(c.To))
		}
		if last && c.Removed {
			return slices.Delete(x, i, i+1)
		}
		x[i] = put(t, x[i], path[1:], c)
		return x
	}
	t.Fatalf("%q leads into %T", c.Path, v)
	return nil
}
