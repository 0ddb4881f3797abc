package condition

import (
	"strings"

	"gorm.io/gorm/clause"
)

type postgres struct{}

func (postgres) Changed(name string) (clause.Expression, error) {
	return clause.Expr{SQL: "? @> CAST(? AS jsonb)", Vars: []any{Column("changed"), "[" + Quote(name) + "]"}}, nil
}

func (postgres) MayHaveChanged(names []string) ([]clause.Expression, error) {
	sql := "jsonb_exists_any(?, CAST(ARRAY[" + marks(len(names)) + "] AS text[]))"
	return []clause.Expression{clause.Expr{SQL: sql, Vars: with(names, Column("changed"))}}, nil
}

func (postgres) ChangedOther(names []string) clause.Expression {
	return clause.Expr{SQL: "? - CAST(ARRAY[" + marks(len(names)) + "] AS text[]) <> CAST('[]' AS jsonb)", Vars: with(names, Column("changed"))}
}

func (postgres) ChangeAt(path string, below []string) (clause.Expression, error) {
	sql, vars := "EXISTS (SELECT 1 FROM jsonb_array_elements(?) AS c WHERE c ->> 'path' = ?", []any{Column("changes"), path}
	if len(below) > 0 {
		array := "ARRAY[" + strings.TrimSuffix(strings.Repeat("CAST(? AS text),", len(below)), ",") + "]"
		sql += " AND ((c -> 'from') #> " + array + " IS NOT NULL OR (c -> 'to') #> " + array + " IS NOT NULL)"
		vars = with(below, with(below, vars...)...)
	}
	return clause.Expr{SQL: sql + ")", Vars: vars}, nil
}

func (postgres) ChangeBelow(path string) (clause.Expression, error) {
	return clause.Expr{
		SQL:  "EXISTS (SELECT 1 FROM jsonb_array_elements(?) AS c WHERE starts_with(c ->> 'path', ?))",
		Vars: []any{Column("changes"), path + "."},
	}, nil
}

func (postgres) Holds(image, name string, _ any, text string) (clause.Expression, error) {
	return clause.Expr{SQL: "? -> CAST(? AS text) = CAST(? AS jsonb)", Vars: []any{Column(image), name, text}}, nil
}

func (postgres) Mentions(image, name string, texts []string, anyCase bool) (clause.Expression, error) {
	return clause.Expr{SQL: isOneOf("(? ->> CAST(? AS text))", len(texts), anyCase), Vars: with(texts, Column(image), name)}, nil
}

func (postgres) Flagged(word string) clause.Expression {
	return clause.Expr{SQL: "? @> CAST(? AS jsonb)", Vars: []any{Column("metadata"), `{"` + word + `": true}`}}
}

func (postgres) Contains(name, text string) clause.Expression {
	return clause.Expr{SQL: "strpos(CAST(? AS text), ?) > 0", Vars: []any{Column(name), text}}
}
