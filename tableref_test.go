package auditplugin

import (
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func TestTableRef(t *testing.T) {
	for _, c := range []struct {
		expr string
		want table
		ok   bool
	}{
		{`users`, table{name: "users", alias: "users", simple: true}, true},
		{` users `, table{name: "users", alias: "users", simple: true}, true},
		{`users u`, table{name: "users", alias: "u"}, true},
		{`users AS u`, table{name: "users", alias: "u"}, true},
		{"users\tas\nu", table{name: "users", alias: "u"}, true},
		{"`users` AS `u`", table{name: "users", alias: "u"}, true},
		{`"app"."users" AS "u"`, table{schema: "app", name: "users", alias: "u"}, true},
		{`app.users`, table{schema: "app", name: "users", alias: "users", simple: true}, true},
		{`[app].[users] u`, table{schema: "app", name: "users", alias: "u"}, true},
		{`"order items"`, table{name: "order items", alias: "order items", simple: true}, true},
		{"`order items` `the items`", table{name: "order items", alias: "the items"}, true},
		{`"dotted.name"`, table{name: "dotted.name", alias: "dotted.name", simple: true}, true},
		{`änderungen AS ä`, table{name: "änderungen", alias: "ä"}, true},
		{`users, pets`, table{}, false},
		{`users JOIN pets ON true`, table{}, false},
		{`(SELECT 1) AS u`, table{}, false},
		{`users USE INDEX (x)`, table{}, false},
		{`a.b.c`, table{}, false},
		{`"say ""hi"""`, table{}, false},
		{`"users`, table{}, false},
		{``, table{}, false},
	} {
		got, ok := tableRef(&gorm.Statement{TableExpr: &clause.Expr{SQL: c.expr}})
		if got != c.want || ok != c.ok {
			t.Errorf("%q: %+v, %v, want %+v, %v", c.expr, got, ok, c.want, c.ok)
		}
	}
	for name, want := range map[string]table{
		"users":     {name: "users", alias: "users", simple: true},
		"app.users": {schema: "app", name: "users", alias: "app.users", simple: true},
	} {
		if got, ok := tableRef(&gorm.Statement{Table: name}); got != want || !ok {
			t.Errorf("%q: %+v, %v, want %+v", name, got, ok, want)
		}
	}
	if got, ok := tableRef(&gorm.Statement{}); ok {
		t.Errorf("no table is %+v", got)
	}
	if got, ok := tableRef(&gorm.Statement{Table: "u", TableExpr: &clause.Expr{SQL: "users u", Vars: []any{1}}}); ok {
		t.Errorf("an expression with variables is %+v", got)
	}
}

func FuzzTableRef(f *testing.F) {
	for _, s := range []string{"users", "`users` AS `u`", `"a"."b" c`, "[a b]", "a.b.c", "users, pets", "\"\"", "`a", "a\x00b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		got, ok := tableRef(&gorm.Statement{TableExpr: &clause.Expr{SQL: expr}})
		if !ok {
			if got != (table{}) {
				t.Fatalf("%q: %+v without ok", expr, got)
			}
			return
		}
		if got.name == "" || got.alias == "" || got.simple && got.alias != got.name {
			t.Fatalf("%q: %+v", expr, got)
		}
		// What was understood means the same when it is written out in full.
		if strings.Contains(got.schema+got.name+got.alias, "`") {
			return
		}
		full := "`" + got.name + "` AS `" + got.alias + "`"
		if got.schema != "" {
			full = "`" + got.schema + "`." + full
		}
		got.simple = false
		if again, ok := tableRef(&gorm.Statement{TableExpr: &clause.Expr{SQL: full}}); !ok || again != got {
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
		want table
		ok   bool
	}{
		{set("u.name", "u.age"), table{name: "u", alias: "u"}, true},
		{set("app.users.name"), table{schema: "app", name: "users", alias: "users"}, true},
		{clause.Set{{Column: clause.Column{Table: "u", Name: "name"}}}, table{name: "u", alias: "u"}, true},
		{set("u.name", "p.name"), table{}, false},
		{set("u.name", "age"), table{}, false},
		{set("name"), table{}, false},
		{nil, table{}, false},
	} {
		if got, ok := assignedTable(c.set); got != c.want || ok != c.ok {
			t.Errorf("%+v: %+v, %v, want %+v, %v", c.set, got, ok, c.want, c.ok)
		}
	}
}
