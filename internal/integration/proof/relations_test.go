package proof

import (
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"pgregory.net/rapid"
)

func number(t *rapid.T) uint { return ids().Draw(t, "id").v.(uint) }

// relation draws a write that goes through an association.
func relation(t *rapid.T) operation {
	a, b, c := number(t), number(t), number(t)
	name := texts().Draw(t, "name")
	text := name.v.(string)
	skill := among("go", "sql", "c").Draw(t, "skill").v.(string)
	switch rapid.IntRange(0, 9).Draw(t, "relation") {
	case 0:
		return operation{fmt.Sprintf(".Create(&Company{Name: %q, Staffs: []Staff{{Name: %q, Skills: []Skill{{Name: %q}}}, {Name: \"s2\", Memos: []Memo{{Text: \"t\"}}}}, Memos: []Memo{{Text: %q}}})", text, text, skill, text), func(db *gorm.DB) outcome {
			v := &Company{
				Name: text, Memos: []Memo{{Text: text}},
				Staffs: []Staff{{Name: text, Skills: []Skill{{Name: skill}}}, {Name: "s2", Memos: []Memo{{Text: "t"}}}},
			}
			return did(db.Create(v), v)
		}}
	case 1:
		return operation{fmt.Sprintf(".Save(&Company{ID: %d, Name: %q, Staffs: []Staff{{ID: %d, Name: %q}}})", a, text, b, text), func(db *gorm.DB) outcome {
			v := &Company{ID: a, Name: text, Staffs: []Staff{{ID: b, Name: text}}}
			return did(db.Save(v), v)
		}}
	case 2:
		return operation{fmt.Sprintf(".Create(&Node{Name: %q, Children: []Node{{Name: \"c\", Children: []Node{{Name: \"g\"}}}, {Name: \"d\"}}})", text), func(db *gorm.DB) outcome {
			v := &Node{Name: text, Children: []Node{{Name: "c", Children: []Node{{Name: "g"}}}, {Name: "d"}}}
			return did(db.Create(v), v)
		}}
	case 3:
		return operation{fmt.Sprintf(".Create(&Staff{Name: %q, Company: &Company{ID: %d, Name: \"co\"}})", text, a), func(db *gorm.DB) outcome {
			v := &Staff{Name: text, Company: &Company{ID: a, Name: "co"}}
			return did(db.Create(v), v)
		}}
	case 4:
		return operation{fmt.Sprintf(".Select(clause.Associations).Delete(&Staff{ID: %d})", a), func(db *gorm.DB) outcome {
			return did(db.Select(clause.Associations).Delete(&Staff{ID: a}), nil)
		}}
	case 5:
		return operation{fmt.Sprintf(".Select(\"Staffs\").Delete(&Company{ID: %d})", a), func(db *gorm.DB) outcome {
			return did(db.Select("Staffs").Delete(&Company{ID: a}), nil)
		}}
	}
	return association(t, a, b, c, text, skill)
}

// association draws a call of an association.
func association(t *rapid.T, a, b, c uint, text, skill string) operation {
	type way struct {
		code  string
		model func() any
		name  string
		args  func() []any
	}
	w := rapid.SampledFrom([]way{
		{fmt.Sprintf("Company{%d} Staffs: Staff{ID: %d}, Staff{Name: %q}", a, b, text), func() any { return &Company{ID: a} }, "Staffs", func() []any { return []any{&Staff{ID: b}, &Staff{Name: text}} }},
		{fmt.Sprintf("Staff{%d} Skills: Skill{ID: %d}, Skill{Name: %q}", a, b, skill), func() any { return &Staff{ID: a} }, "Skills", func() []any { return []any{&Skill{ID: b}, &Skill{Name: skill}} }},
		{fmt.Sprintf("Staff{%d} Skills: Skill{ID: %d}, Skill{ID: %d}", a, b, c), func() any { return &Staff{ID: a} }, "Skills", func() []any { return []any{&[]Skill{{ID: b, Name: "x"}, {ID: c, Name: "y"}}} }},
		{fmt.Sprintf("Staff{%d} Memos: Memo{ID: %d}, Memo{Text: %q}", a, b, text), func() any { return &Staff{ID: a} }, "Memos", func() []any { return []any{&Memo{ID: b}, &Memo{Text: text}} }},
		{fmt.Sprintf("Staff{%d} Company: Company{ID: %d}", a, b), func() any { return &Staff{ID: a} }, "Company", func() []any { return []any{&Company{ID: b, Name: text}} }},
		{fmt.Sprintf("Node{%d} Children: Node{ID: %d}, Node{Name: %q}", a, b, text), func() any { return &Node{ID: a} }, "Children", func() []any { return []any{&Node{ID: b}, &Node{Name: text}} }},
	}).Draw(t, "association")
	verb := rapid.SampledFrom([]string{"Append", "Append", "Replace", "Delete", "Clear"}).Draw(t, "verb")
	unscoped := rapid.IntRange(0, 3).Draw(t, "unscoped") == 0
	return operation{fmt.Sprintf(" Association %s (unscoped %v) %s", verb, unscoped, w.code), func(db *gorm.DB) outcome {
		model := w.model()
		as := db.Model(model).Association(w.name)
		if unscoped {
			as = as.Unscoped()
		}
		args := w.args()
		var err error
		switch verb {
		case "Append":
			err = as.Append(args...)
		case "Replace":
			err = as.Replace(args...)
		case "Delete":
			err = as.Delete(args...)
		case "Clear":
			err = as.Clear()
		}
		return seen(err, 0, []any{model, args})
	}}
}
