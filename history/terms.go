package history

import "gorm.io/gorm/clause"

// terms joins conditions by AND or OR, each in parentheses. GORM's own clause.Or,
// with one condition inside, would join that to what stands before it.
type terms struct {
	word string
	list []clause.Expression
}

func oneOf(list []clause.Expression) clause.Expression  { return terms{" OR ", list} }
func allOf(list ...clause.Expression) clause.Expression { return terms{" AND ", list} }

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
