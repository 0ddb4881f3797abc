package condition

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"gorm.io/gorm/clause"
)

type sqlite struct{}

func (s sqlite) Changed(name string) (clause.Expression, error) {
	exact := clause.Expr{SQL: "EXISTS (SELECT 1 FROM json_each(?) AS f WHERE f.value = ?)", Vars: []any{Column("changed"), name}}
	text, is := plain(name)
	if !is {
		return exact, nil
	}
	// Most rows are told apart by their text, in a third of the time.
	return AllOf(s.Contains("changed", text), exact), nil
}

func (s sqlite) MayHaveChanged(names []string) ([]clause.Expression, error) {
	found := make([]clause.Expression, len(names))
	for i, name := range names {
		if text, is := plain(name); is {
			found[i] = s.Contains("changed", text)
			continue
		}
		var err error
		if found[i], err = s.Changed(name); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (sqlite) ChangedOther(names []string) clause.Expression {
	return clause.Expr{SQL: "EXISTS (SELECT 1 FROM json_each(?) AS f WHERE f.value NOT IN (" + marks(len(names)) + "))", Vars: with(names, Column("changed"))}
}

func (sqlite) ChangeAt(path string, below []string) (clause.Expression, error) {
	sql, vars := "EXISTS (SELECT 1 FROM json_each(?) AS c WHERE json_extract(c.value, '$.path') = ?", []any{Column("changes"), path}
	if len(below) > 0 {
		var terms []string
		for _, p := range jsonPaths(below) {
			terms = append(terms, "json_type(c.value, ?) IS NOT NULL", "json_type(c.value, ?) IS NOT NULL")
			vars = append(vars, "$.from"+p.text, "$.to"+p.text)
		}
		sql += " AND (" + strings.Join(terms, " OR ") + ")"
	}
	return clause.Expr{SQL: sql + ")", Vars: vars}, nil
}

func (sqlite) ChangeBelow(path string) (clause.Expression, error) {
	return clause.Expr{
		SQL:  "EXISTS (SELECT 1 FROM json_each(?) AS c WHERE instr(json_extract(c.value, '$.path'), ?) = 1)",
		Vars: []any{Column("changes"), path + "."},
	}, nil
}

func (s sqlite) Holds(image, name string, v any, text string) (clause.Expression, error) {
	test, vars := s.equal(v, text)
	return clause.Expr{
		SQL:  "EXISTS (SELECT 1 FROM json_each(?) AS f WHERE f.key = ? AND " + test + ")",
		Vars: append([]any{Column(image), name}, vars...),
	}, nil
}

// equal compares a row f of json_each.
func (sqlite) equal(v any, text string) (string, []any) {
	switch x := v.(type) {
	case nil:
		return "f.type = 'null'", nil
	case bool:
		return "f.type = ?", []any{strconv.FormatBool(x)}
	case int64:
		return "f.type IN ('integer', 'real') AND f.value = ?", []any{x}
	case float64:
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			return "f.type IN ('integer', 'real') AND f.value = ?", []any{x}
		}
	case uint64, json.Number:
		// As text: SQLite would round it.
		return "f.type IN ('integer', 'real') AND CAST(f.json -> f.fullkey AS TEXT) = ?", []any{text}
	case map[string]any, []any:
		return "f.type IN ('object', 'array') AND f.value = ?", []any{text}
	}
	return "f.type = 'text' AND f.value = ?", []any{Unquote(text)}
}

func (sqlite) Mentions(image, name string, texts []string, anyCase bool) (clause.Expression, error) {
	if text, is := plain(name); is {
		return clause.Expr{SQL: isOneOf("CAST(json_extract(?, ?) AS TEXT)", len(texts), anyCase), Vars: with(texts, Column(image), "$."+text)}, nil
	}
	return clause.Expr{
		SQL:  "EXISTS (SELECT 1 FROM json_each(?) AS f WHERE f.key = ? AND " + isOneOf("CAST(f.value AS TEXT)", len(texts), anyCase) + ")",
		Vars: with(texts, Column(image), name),
	}, nil
}

func (sqlite) Flagged(word string) clause.Expression {
	return clause.Expr{SQL: "json_extract(?, ?) = 1", Vars: []any{Column("metadata"), "$." + word}}
}

func (sqlite) Contains(name, text string) clause.Expression {
	return clause.Expr{SQL: "instr(?, ?) > 0", Vars: []any{Column(name), text}}
}
