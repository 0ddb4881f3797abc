package condition

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm/clause"
)

var errUnknown = errors.New("unknown")

// server is MariaDB, or not.
type server bool

func (s server) IsMariaDB() (bool, error) { return bool(s), nil }
func (server) Unknown() error             { return errUnknown }

// failing can not be asked.
type failing struct{ server }

func (failing) IsMariaDB() (bool, error) { return false, errUnknown }

// asked is every condition of a dialect, by what it asks.
func asked(t *testing.T, s SQL) map[string]clause.Expression {
	t.Helper()
	all := map[string]clause.Expression{}
	note := func(what string, e clause.Expression, err error) {
		if all[what] = e; err != nil || e == nil {
			t.Errorf("%s: %v, %v", what, e, err)
		}
	}
	e, err := s.Changed("phone")
	note("changed", e, err)
	e, err = s.Changed(`a"b`)
	note("changed, escaped", e, err)
	list, err := s.MayHaveChanged([]string{"phone", `a"b`, "name"})
	note("may have changed", OneOf(list), err)
	note("changed other", s.ChangedOther([]string{"id", `a"b`}), nil)
	e, err = s.ChangeAt("address", nil)
	note("change at", e, err)
	e, err = s.ChangeAt("address", []string{"lines", "1", "x"})
	note("change at, below", e, err)
	e, err = s.ChangeBelow("address")
	note("change below", e, err)
	for what, v := range map[string]any{
		"null": nil, "bool": true, "int": int64(1), "uint": uint64(1) << 63, "number": json.Number("1.5"), "float": 0.5, "text": "a",
		"object": map[string]any{"a": "b"}, "list": []any{"a"},
	} {
		text, err := JSON(v)
		if err != nil {
			t.Fatal(err)
		}
		e, err = s.Holds("after", "phone", v, text)
		note("holds "+what, e, err)
	}
	for _, name := range []string{"phone", `a"b`} {
		e, err = s.Mentions("before", name, []string{"1", "2"}, false)
		note("mentions "+name, e, err)
	}
	note("flagged", s.Flagged("baseline"), nil)
	note("contains", s.Contains("reason", "text"), nil)
	return all
}

// A condition has a value for each of its marks, in each database.
func TestEachMarkHasItsValue(t *testing.T) {
	for name, s := range map[string]SQL{
		"sqlite": Of("sqlite", server(false)), "postgres": Of("postgres", server(false)),
		"mysql": Of("mysql", server(false)), "mariadb": Of("mysql", server(true)),
	} {
		for what, e := range asked(t, s) {
			each(e, func(e clause.Expr) {
				// A regular expression, and JSON's paths, are values and not in the text.
				if marks := strings.Count(e.SQL, "?"); marks != len(e.Vars) {
					t.Errorf("%s, %s: %d marks and %d values: %s", name, what, marks, len(e.Vars), e.SQL)
				}
			})
		}
	}
}

// each calls f for every piece of SQL in a condition.
func each(e any, f func(clause.Expr)) {
	switch e := e.(type) {
	case terms:
		for _, e := range e.list {
			each(e, f)
		}
	case clause.Expr:
		f(e)
		for _, v := range e.Vars {
			each(v, f)
		}
	}
}

// Documents are compared in MariaDB's way, or in MySQL's, which the server must tell.
func TestDocumentsAskForTheServer(t *testing.T) {
	compare := func(s Server, v any) (string, error) {
		e, err := Of("mysql", s).Holds("after", "doc", v, `{"a":"b"}`)
		sql := ""
		each(e, func(e clause.Expr) { sql += e.SQL + " " })
		return sql, err
	}
	document := map[string]any{"a": "b"}
	for s, want := range map[server]string{true: "JSON_EQUALS", false: "AS JSON"} {
		if sql, err := compare(s, document); err != nil || !strings.Contains(sql, want) {
			t.Errorf("MariaDB %v: %s, %v", s, sql, err)
		}
	}
	if _, err := compare(failing{}, document); !errors.Is(err, errUnknown) {
		t.Errorf("got %v", err)
	}
	if _, err := compare(failing{}, "text"); err != nil {
		t.Errorf("a text asks for the server: %v", err)
	}
}

// In a dialect that is not known, what must be exact fails, and the rest finds too much.
func TestUnknownDialect(t *testing.T) {
	s := Of("other", server(false))
	for what, ask := range map[string]func() (clause.Expression, error){
		"changed":      func() (clause.Expression, error) { return s.Changed("a") },
		"change at":    func() (clause.Expression, error) { return s.ChangeAt("a", nil) },
		"change below": func() (clause.Expression, error) { return s.ChangeBelow("a") },
		"holds":        func() (clause.Expression, error) { return s.Holds("after", "a", "b", `"b"`) },
		"mentions":     func() (clause.Expression, error) { return s.Mentions("after", "a", []string{"b"}, false) },
		"may have changed, escaped": func() (clause.Expression, error) {
			all, err := s.MayHaveChanged([]string{"a", `a"b`})
			return OneOf(all), err
		},
	} {
		if _, err := ask(); !errors.Is(err, errUnknown) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if all, err := s.MayHaveChanged([]string{"a", "b"}); err != nil || len(all) != 1 {
		t.Errorf("names that need no escaping: %v, %v", all, err)
	}
	if s.ChangedOther([]string{"a"}) != nil {
		t.Error("whether other columns changed can not be asked")
	}
}
