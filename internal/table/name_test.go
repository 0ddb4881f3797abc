package table

import (
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func TestTableRef(t *testing.T) {
	for _, c := range []struct {
		expr string
		want Name
		ok   bool
	}{
		{`users`, Name{Name: "users", Alias: "users", Simple: true}, true},
		{` users `, Name{Name: "users", Alias: "users", Simple: true}, true},
		{`users u`, Name{Name: "users", Alias: "u"}, true},
		{`users AS u`, Name{Name: "users", Alias: "u"}, true},
		{"users\tas\nu", Name{Name: "users", Alias: "u"}, true},
		{"`users` AS `u`", Name{Name: "users", Alias: "u"}, true},
		{`"app"."users" AS "u"`, Name{Schema: "app", Name: "users", Alias: "u"}, true},
		{`app.users`, Name{Schema: "app", Name: "users", Alias: "users", Simple: true}, true},
		{`[app].[users] u`, Name{Schema: "app", Name: "users", Alias: "u"}, true},
		{`"order items"`, Name{Name: "order items", Alias: "order items", Simple: true}, true},
		{"`order items` `the items`", Name{Name: "order items", Alias: "the items"}, true},
		{`"dotted.name"`, Name{Name: "dotted.name", Alias: "dotted.name", Simple: true}, true},
		{`änderungen AS ä`, Name{Name: "änderungen", Alias: "ä"}, true},
		{`users, pets`, Name{}, false},
		{`users JOIN pets ON true`, Name{}, false},
		{`(SELECT 1) AS u`, Name{}, false},
		{`users USE INDEX (x)`, Name{}, false},
		{`a.b.c`, Name{}, false},
		{`"say ""hi"""`, Name{}, false},
		{`"users`, Name{}, false},
		{``, Name{}, false},
	} {
		got, ok := NameOf(&gorm.Statement{TableExpr: &clause.Expr{SQL: c.expr}})
		if got != c.want || ok != c.ok {
			t.Errorf("%q: %+v, %v, want %+v, %v", c.expr, got, ok, c.want, c.ok)
		}
	}
	for name, want := range map[string]Name{
		"users":     {Name: "users", Alias: "users", Simple: true},
		"app.users": {Schema: "app", Name: "users", Alias: "app.users", Simple: true},
	} {
		if got, ok := NameOf(&gorm.Statement{Table: name}); got != want || !ok {
			t.Errorf("%q: %+v, %v, want %+v", name, got, ok, want)
		}
	}
	if got, ok := NameOf(&gorm.Statement{}); ok {
		t.Errorf("no table is %+v", got)
	}
	if got, ok := NameOf(&gorm.Statement{Table: "u", TableExpr: &clause.Expr{SQL: "users u", Vars: []any{1}}}); ok {
		t.Errorf("an expression with variables is %+v", got)
	}
}

func FuzzTableRef(f *testing.F) {
	for _, s := range []string{"users", "`users` AS `u`", `"a"."b" c`, "[a b]", "a.b.c", "users, pets", "\"\"", "`a", "a\x00b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		got, ok := NameOf(&gorm.Statement{TableExpr: &clause.Expr{SQL: expr}})
		if !ok {
			if got != (Name{}) {
				t.Fatalf("%q: %+v without ok", expr, got)
			}
			return
		}
		if got.Name == "" || got.Alias == "" || got.Simple && got.Alias != got.Name {
			t.Fatalf("%q: %+v", expr, got)
		}
		// What was understood means the same when it is written out in full.
		if strings.Contains(got.Schema+got.Name+got.Alias, "`") {
			return
		}
		full := "`" + got.Name + "` AS `" + got.Alias + "`"
		if got.Schema != "" {
			full = "`" + got.Schema + "`." + full
		}
		got.Simple = false
		if again, ok := NameOf(&gorm.Statement{TableExpr: &clause.Expr{SQL: full}}); !ok || again != got {
			t.Errorf("%q: %+v, but %q: %+v", expr, got, full, again)
		}
	})
}

func TestAssignedTable(t *testing.T) {
	set := func(names ...string) clause.Set {
		var s clause.Set
		for _, n := range names {
			s = append(s, clause.Assignment{Column: clause.Column{Name: n}})
		}
		return s
	}
	for _, c := range []struct {
		set  clause.Set
		want Name
		ok   bool
	}{
		{set("u.name", "u.age"), Name{Name: "u", Alias: "u"}, true},
		{set("app.users.name"), Name{Schema: "app", Name: "users", Alias: "users"}, true},
		{clause.Set{{Column: clause.Column{Table: "u", Name: "name"}}}, Name{Name: "u", Alias: "u"}, true},
		{set("u.name", "p.name"), Name{}, false},
		{set("u.name", "age"), Name{}, false},
		{set("name"), Name{}, false},
		{nil, Name{}, false},
	} {
		if got, ok := Assigned(c.set); got != c.want || ok != c.ok {
			t.Errorf("%+v: %+v, %v, want %+v, %v", c.set, got, ok, c.want, c.ok)
		}
	}
}
