package proof

import (
	"fmt"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"pgregory.net/rapid"
)

func number(t *rapid.T) uint { return ids().Draw(t, "id").v.(uint) }

// relation draws a write that goes through an association.
func relation(t *rapid.T, dialect string) operation {
	a, b, c := number(t), number(t), number(t)
	text := texts().Draw(t, "name").v.(string)
	skill := among("go", "sql", "c").Draw(t, "skill").v.(string)
	create := func(db *gorm.DB, v any) *gorm.DB { return db.Create(v) }
	save := func(db *gorm.DB, v any) *gorm.DB { return db.Save(v) }
	tree := func(code string, v func() any, call string, run func(db *gorm.DB, v any) *gorm.DB) operation {
		return operation{arg: code, call: "§" + call, run: func(db *gorm.DB) outcome {
			v := v()
			return did(run(db, v), v)
		}}
	}
	switch rapid.IntRange(0, 15).Draw(t, "relation") {
	case 0:
		return tree(fmt.Sprintf(`&Company{Name: %q, Memos: []Memo{{Text: %q}}, Staffs: []Staff{{Name: %q, Skills: []Skill{{Name: %q}}}, {Name: "s2", Memos: []Memo{{Text: "t"}}}}}`, text, text, text, skill), func() any {
			return &Company{
				Name: text, Memos: []Memo{{Text: text}},
				Staffs: []Staff{{Name: text, Skills: []Skill{{Name: skill}}}, {Name: "s2", Memos: []Memo{{Text: "t"}}}},
			}
		}, ".Create(v)", create)
	case 1:
		return tree(fmt.Sprintf("&Company{ID: %d, Name: %q, Staffs: []Staff{{ID: %d, Name: %q}}}", a, text, b, text), func() any {
			return &Company{ID: a, Name: text, Staffs: []Staff{{ID: b, Name: text}}}
		}, ".Save(v)", save)
	case 2:
		return tree(fmt.Sprintf(`&Node{Name: %q, Children: []Node{{Name: "c", Children: []Node{{Name: "g"}}}, {Name: "d"}}}`, text), func() any {
			return &Node{Name: text, Children: []Node{{Name: "c", Children: []Node{{Name: "g"}}}, {Name: "d"}}}
		}, ".Create(v)", create)
	case 3:
		return tree(fmt.Sprintf(`&Staff{Name: %q, Company: &Company{ID: %d, Name: "co"}}`, text, a), func() any {
			return &Staff{Name: text, Company: &Company{ID: a, Name: "co"}}
		}, ".Create(v)", create)
	case 4:
		return tree(fmt.Sprintf("&Staff{ID: %d}", a), func() any { return &Staff{ID: a} }, ".Select(clause.Associations).Delete(v)", func(db *gorm.DB, v any) *gorm.DB {
			return db.Select(clause.Associations).Delete(v)
		}).with("anyOrder", anyOrder)
	case 5:
		return tree(fmt.Sprintf("&Company{ID: %d}", a), func() any { return &Company{ID: a} }, `.Select("Staffs").Delete(v)`, func(db *gorm.DB, v any) *gorm.DB {
			return db.Select("Staffs").Delete(v)
		})
	case 6:
		children := fmt.Sprintf("{Name: %q}, {ID: %d, Name: \"moved\"}", text, b)
		cities := func() []City { return []City{{Name: text}, {ID: b, Name: "moved"}} }
		if dialect == testdb.MySQL { // where a made up key that meets a named one is a known limit
			children = fmt.Sprintf("{ID: %d, Name: \"moved\"}, {Name: %q}", b, text)
			cities = func() []City { return []City{{ID: b, Name: "moved"}, {Name: text}} }
		}
		return tree(fmt.Sprintf("&Region{Code: \"no\", Name: %q, Cities: []City{%s}}", text, children), func() any {
			return &Region{Code: "no", Name: text, Cities: cities()}
		}, ".Save(v)", save)
	case 7:
		return tree(fmt.Sprintf("&Staff{ID: %d, Name: %q, Skills: []Skill{{ID: %d, Name: %q}}, Memos: []Memo{{Text: \"m\"}}}", a, text, b, skill), func() any {
			return &Staff{ID: a, Name: text, Skills: []Skill{{ID: b, Name: skill}}, Memos: []Memo{{Text: "m"}}}
		}, ".Updates(v)", func(db *gorm.DB, v any) *gorm.DB { return db.Updates(v) })
	case 12: // what foreign keys carry on
		return tree(fmt.Sprintf("&Company{ID: %d}", a), func() any { return &Company{ID: a} }, ".Delete(v)", func(db *gorm.DB, v any) *gorm.DB { return db.Delete(v) })
	case 13:
		return tree(fmt.Sprintf("&Node{ID: %d}", a), func() any { return &Node{ID: a} }, ".Delete(v)", func(db *gorm.DB, v any) *gorm.DB { return db.Delete(v) })
	case 14:
		return tree(`&Region{Code: "no"}`, func() any { return &Region{Code: "no"} }, ".Delete(v)", func(db *gorm.DB, v any) *gorm.DB { return db.Delete(v) })
	case 15:
		return tree(`&Region{Code: "se"}`, func() any { return &Region{Code: "se"} }, `.Model(v).Update("code", "fi")`, func(db *gorm.DB, v any) *gorm.DB { return db.Model(v).Update("code", "fi") })
	}
	return association(t, a, b, c, text, skill)
}

// association draws a call of an association.
func association(t *rapid.T, a, b, c uint, text, skill string) operation {
	type way struct {
		code  string
		model func() any
		name  string
		argc  string
		args  func() []any
	}
	w := rapid.SampledFrom([]way{
		{fmt.Sprintf("&Company{ID: %d}", a), func() any { return &Company{ID: a} }, "Staffs", fmt.Sprintf("&Staff{ID: %d}, &Staff{Name: %q}", b, text), func() []any { return []any{&Staff{ID: b}, &Staff{Name: text}} }},
		{fmt.Sprintf("&Staff{ID: %d}", a), func() any { return &Staff{ID: a} }, "Skills", fmt.Sprintf("&Skill{ID: %d}, &Skill{Name: %q}", b, skill), func() []any { return []any{&Skill{ID: b}, &Skill{Name: skill}} }},
		{fmt.Sprintf("&Staff{ID: %d}", a), func() any { return &Staff{ID: a} }, "Skills", fmt.Sprintf(`&[]Skill{{ID: %d, Name: "x"}, {ID: %d, Name: "y"}}`, b, c), func() []any { return []any{&[]Skill{{ID: b, Name: "x"}, {ID: c, Name: "y"}}} }},
		{fmt.Sprintf("&Staff{ID: %d}", a), func() any { return &Staff{ID: a} }, "Memos", fmt.Sprintf("&Memo{ID: %d}, &Memo{Text: %q}", b, text), func() []any { return []any{&Memo{ID: b}, &Memo{Text: text}} }},
		{fmt.Sprintf("&Staff{ID: %d}", a), func() any { return &Staff{ID: a} }, "Company", fmt.Sprintf("&Company{ID: %d, Name: %q}", b, text), func() []any { return []any{&Company{ID: b, Name: text}} }},
		{fmt.Sprintf("&Node{ID: %d}", a), func() any { return &Node{ID: a} }, "Children", fmt.Sprintf("&Node{ID: %d}, &Node{Name: %q}", b, text), func() []any { return []any{&Node{ID: b}, &Node{Name: text}} }},
		{`&Region{Code: "se"}`, func() any { return &Region{Code: "se"} }, "Cities", fmt.Sprintf("&City{ID: %d}, &City{Name: %q}", b, text), func() []any { return []any{&City{ID: b}, &City{Name: text}} }},
	}).Draw(t, "association")
	verb := rapid.SampledFrom([]string{"Append", "Append", "Replace", "Delete", "Clear"}).Draw(t, "verb")
	unscoped := rapid.IntRange(0, 3).Draw(t, "unscoped") == 3
	open, args := "", "v[1:]..."
	if unscoped {
		open = ".Unscoped()"
	}
	if verb == "Clear" {
		args = ""
	}
	return operation{
		arg:  "[]any{" + w.code + ", " + w.argc + "}",
		call: fmt.Sprintf("seen(§.Model(v[0]).Association(%q)%s.%s(%s), 0, v)", w.name, open, verb, args),
		run: func(db *gorm.DB) outcome {
			v := append([]any{w.model()}, w.args()...)
			as := db.Model(v[0]).Association(w.name)
			if unscoped {
				as = as.Unscoped()
			}
			var err error
			switch verb {
			case "Append":
				err = as.Append(v[1:]...)
			case "Replace":
				err = as.Replace(v[1:]...)
			case "Delete":
				err = as.Delete(v[1:]...)
			case "Clear":
				err = as.Clear()
			}
			return seen(err, 0, v)
		},
	}
}
