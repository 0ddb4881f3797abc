package condition

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gorm.io/gorm/clause"
)

type mysql struct{ server Server }

func (mysql) Changed(name string) (clause.Expression, error) {
	return clause.Expr{SQL: "JSON_CONTAINS(?, ?)", Vars: []any{Column("changed"), Quote(name)}}, nil
}

func (m mysql) MayHaveChanged(names []string) ([]clause.Expression, error) {
	return matching(names, m.Changed)
}

func (mysql) ChangedOther(names []string) clause.Expression {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(strings.Trim(Quote(name), `"`))
	}
	return clause.Expr{SQL: "? REGEXP ?", Vars: []any{Column("changed"), `[\[,] ?"(?!(?:` + strings.Join(quoted, "|") + `)")`}}
}

func (mysql) ChangeAt(path string, below []string) (clause.Expression, error) {
	search, vars := "JSON_SEARCH(?, 'one', ?, '!', '$[*].path')", []any{Column("changes"), EscapeLike(path)}
	if len(below) == 0 {
		return clause.Expr{SQL: search + " IS NOT NULL", Vars: vars}, nil
	}
	change := "JSON_EXTRACT(?, REPLACE(JSON_UNQUOTE(" + search + "), '.path', ''))"
	vars = append([]any{Column("changes")}, vars...)
	return OneOf(reaches(clause.Expr{SQL: change, Vars: vars}, below)), nil
}

func (mysql) ChangeBelow(path string) (clause.Expression, error) {
	return clause.Expr{
		SQL:  "JSON_SEARCH(?, 'one', ?, '!', '$[*].path') IS NOT NULL",
		Vars: []any{Column("changes"), EscapeLike(path+".") + "%"},
	}, nil
}

// reaches lists the conditions that a change has something below its value
// before or after. MySQL takes index 0 of what is no list for the thing itself, so
// that the lists on the way are asked for.
func reaches(change clause.Expr, below []string) []clause.Expression {
	var found []clause.Expression
	for _, p := range jsonPaths(below) {
		for _, side := range []string{"$.from", "$.to"} {
			all := []clause.Expression{clause.Expr{SQL: "JSON_CONTAINS_PATH(?, 'one', ?)", Vars: []any{change, side + p.text}}}
			for _, list := range p.lists {
				all = append(all, clause.Expr{SQL: "JSON_TYPE(JSON_EXTRACT(?, ?)) = 'ARRAY'", Vars: []any{change, side + list}})
			}
			found = append(found, AllOf(all...))
		}
	}
	return found
}

func (m mysql) Holds(image, name string, v any, text string) (clause.Expression, error) {
	return m.equal(clause.Expr{SQL: "JSON_EXTRACT(?, ?)", Vars: []any{Column(image), "$." + Quote(name)}}, v, text)
}

// equal compares what is at a place, in such a way that neither the collation,
// nor the padding of texts, nor the rounding of numbers has a say.
func (m mysql) equal(at clause.Expr, v any, text string) (clause.Expression, error) {
	isA := func(kinds string) clause.Expression {
		return clause.Expr{SQL: "JSON_TYPE(?) IN (" + kinds + ")", Vars: []any{at}}
	}
	test := func(sql string, value any) clause.Expression {
		return clause.Expr{SQL: sql, Vars: []any{at, value}}
	}
	const numbers = "'INTEGER', 'UNSIGNED INTEGER', 'DECIMAL', 'DOUBLE'"
	switch x := v.(type) {
	case nil:
		return isA("'NULL'"), nil
	case bool:
		return AllOf(isA("'BOOLEAN'"), test("JSON_UNQUOTE(?) = ?", strconv.FormatBool(x))), nil
	case int64, uint64:
		// A DECIMAL keeps all the digits, a DOUBLE the very small.
		return AllOf(isA(numbers), test("JSON_UNQUOTE(?) + 0e0 = ? + 0e0", text),
			test("CAST(JSON_UNQUOTE(?) AS DECIMAL(65,20)) = CAST(? AS DECIMAL(65,20))", text)), nil
	case json.Number:
		return AllOf(isA(numbers), test("JSON_UNQUOTE(?) + 0e0 = ? + 0e0", text)), nil
	case float64:
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			return AllOf(isA(numbers), test("JSON_UNQUOTE(?) + 0e0 = ?", x)), nil
		}
	case map[string]any, []any:
		// The first test also keeps NULL out, which MariaDB's JSON_EQUALS says is
		// equal to anything.
		mariaDB, err := m.server.IsMariaDB()
		if err != nil {
			return nil, err
		}
		if mariaDB {
			return AllOf(isA("'OBJECT', 'ARRAY'"), test("JSON_EQUALS(?, ?)", text)), nil
		}
		return AllOf(isA("'OBJECT', 'ARRAY'"), test("? = CAST(? AS JSON)", text)), nil
	}
	return AllOf(isA("'STRING'"), test("CAST(JSON_UNQUOTE(?) AS BINARY) = CAST(CONVERT(? USING utf8mb4) AS BINARY)", Unquote(text))), nil
}

func (mysql) Mentions(image, name string, texts []string, anyCase bool) (clause.Expression, error) {
	return clause.Expr{
		SQL:  isOneOf("JSON_UNQUOTE(JSON_EXTRACT(?, ?))", len(texts), anyCase),
		Vars: with(texts, Column(image), "$."+Quote(name)),
	}, nil
}

func (mysql) Flagged(word string) clause.Expression {
	return clause.Expr{SQL: "JSON_CONTAINS(?, 'true', ?)", Vars: []any{Column("metadata"), "$." + word}}
}

func (mysql) Contains(name, text string) clause.Expression {
	return clause.Expr{SQL: "INSTR(CAST(? AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin, ?) > 0", Vars: []any{Column(name), text}}
}
