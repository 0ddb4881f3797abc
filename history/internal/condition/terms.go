package condition

import (
	"regexp"
	"strings"

	"gorm.io/gorm/clause"
)

// terms joins conditions by AND or OR, each in parentheses. GORM's own clause.Or,
// with one condition inside, would join that to what stands before it.
type terms struct {
	word string
	list []clause.Expression
}

// OneOf holds where one of the conditions does.
func OneOf(list []clause.Expression) clause.Expression { return terms{" OR ", list} }

// AllOf holds where all of the conditions do.
func AllOf(list ...clause.Expression) clause.Expression { return terms{" AND ", list} }

// Build writes the conditions.
func (t terms) Build(b clause.Builder) {
	write := func(text string) { _, _ = b.WriteString(text) } // a statement's builder does not fail
	write("(")
	for i, e := range t.list {
		if i > 0 {
			write(t.word)
		}
		write("(")
		e.Build(b)
		write(")")
	}
	write(")")
}

// marks is n placeholders, with commas between them.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// isOneOf compares a text with n placeholders, in any case or as they are.
func isOneOf(text string, n int, anyCase bool) string {
	if !anyCase {
		return text + " IN (" + marks(n) + ")"
	}
	return "LOWER(" + text + ") IN (" + strings.ReplaceAll(marks(n), "?", "LOWER(?)") + ")"
}

// with is the values, and the texts behind them.
func with(texts []string, vars ...any) []any {
	for _, text := range texts {
		vars = append(vars, text)
	}
	return vars
}

// matching asks for names in changed by a regular expression, and for those that may
// have been escaped one by one.
func matching(names []string, changed func(name string) (clause.Expression, error)) ([]clause.Expression, error) {
	var found []clause.Expression
	var quoted []string
	for _, name := range names {
		if _, is := plain(name); is {
			quoted = append(quoted, regexp.QuoteMeta(name))
			continue
		}
		e, err := changed(name)
		if err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	if len(quoted) > 0 {
		found = append(found, clause.Expr{SQL: "? REGEXP ?", Vars: []any{Column("changed"), `"(` + strings.Join(quoted, "|") + `)"`}})
	}
	return found, nil
}

// EscapeLike keeps LIKE from seeing wildcards. The escape character is one that no
// dialect's string syntax treats as special.
func EscapeLike(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)
}
