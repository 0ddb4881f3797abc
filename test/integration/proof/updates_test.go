package proof

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"pgregory.net/rapid"
)

func returning() clause.Returning { return clause.Returning{} }

// returning is a call that fills in a slice; in no order.
func (k *kind) returning(head, call string, run func(db *gorm.DB, v any) *gorm.DB) operation {
	return operation{
		arg: "&[]" + k.name + "{}", call: "didUnordered(§" + head + ".Clauses(returning())" + call + ", v)",
		run: func(db *gorm.DB) outcome {
			v := k.slice(nil, false)
			return didUnordered(run(db, v), v)
		},
	}
}

func (k *kind) update(t *rapid.T, dialect string) operation {
	s := k.subject(t, dialect)
	row := k.some(t)
	first := row[0]
	updates := plainly("§"+s.code+".Updates("+row.mapCode()+")", func(db *gorm.DB) *gorm.DB { return s.apply(db).Updates(row.toMap()) })
	switch rapid.IntRange(0, 12).Draw(t, "update") {
	case 0, 1:
		return plainly("§"+s.code+fmt.Sprintf(".Update(%q, %s)", first.name, first.code), func(db *gorm.DB) *gorm.DB {
			return s.apply(db).Update(first.name, first.v)
		})
	case 2:
		return plainly("§"+s.code+".UpdateColumns("+row.mapCode()+")", func(db *gorm.DB) *gorm.DB { return s.apply(db).UpdateColumns(row.toMap()) })
	case 3:
		return plainly("§"+s.code+fmt.Sprintf(".UpdateColumn(%q, %s)", first.name, first.code), func(db *gorm.DB) *gorm.DB {
			return s.apply(db).UpdateColumn(first.name, first.v)
		})
	case 4, 5:
		r := k.restrict(t)
		c := k.condition(t)
		return plainly("§.Model(&"+k.name+"{})"+c.code+r.code+".Updates("+row.structCode(k.name)+")", func(db *gorm.DB) *gorm.DB {
			return r.apply(c.apply(db.Model(k.model()))).Updates(k.build(row).Elem().Interface())
		})
	case 6, 7:
		if op, ok := k.expression(t, s, row); ok {
			return op
		}
	case 8:
		// PostgreSQL has no MAX of some types.
		if k.table == "bags" || k.table == "things" || dialect == testdb.MySQL || first.name == "active" || first.name == "flag" || !first.inWhere {
			break
		}
		sub := "(SELECT MAX(" + first.name + ") FROM " + k.table + ")"
		return plainly("§"+s.code+fmt.Sprintf(".Update(%q, gorm.Expr(%q))", first.name, sub), func(db *gorm.DB) *gorm.DB {
			return s.apply(db).Update(first.name, gorm.Expr(sub))
		})
	case 9:
		if k.soft {
			d := deletions().Draw(t, "deleted_at")
			return plainly("§.Unscoped()"+s.code+".Update(\"deleted_at\", "+d.code+")", func(db *gorm.DB) *gorm.DB {
				return s.apply(db.Unscoped()).Update("deleted_at", d.v)
			})
		}
	case 10:
		c := k.condition(t)
		return k.returning(".Model(v)"+c.code, ".Updates("+row.mapCode()+")", func(db *gorm.DB, v any) *gorm.DB {
			return c.apply(db.Model(v)).Clauses(returning()).Updates(row.toMap())
		})
	case 11:
		if dialect == testdb.MySQL && len(k.keys()) > 0 { // without a key, a LIMIT is refused
			c := k.condition(t)
			order := k.columns[0].name
			return plainly("§.Model(&"+k.name+"{})"+c.code+fmt.Sprintf(".Order(%q).Limit(1).Updates(", order)+row.mapCode()+")", func(db *gorm.DB) *gorm.DB {
				return c.apply(db.Model(k.model())).Order(order).Limit(1).Updates(row.toMap())
			})
		}
		if k.table == "staffs" {
			return plainly(`§.Model(&Staff{}).Clauses(fromCompanies()).Where("companies.id = staffs.company_id").Update("name", gorm.Expr("companies.name"))`, func(db *gorm.DB) *gorm.DB {
				return db.Model(&Staff{}).Clauses(fromCompanies()).Where("companies.id = staffs.company_id").Update("name", gorm.Expr("companies.name"))
			})
		}
	}
	return updates
}

func fromCompanies() clause.From { return clause.From{Tables: []clause.Table{{Name: "companies"}}} }

// expression assigns what the database computes.
func (k *kind) expression(t *rapid.T, s scope, row cells) (operation, bool) {
	n := k.one(t, func(c *column) bool { return c.number || c.key && !c.auto })
	if n == nil {
		return operation{}, false
	}
	if !n.number {
		sql := "CASE WHEN 1 = 1 THEN " + n.name + " ELSE " + n.name + " END"
		return plainly("§"+s.code+fmt.Sprintf(".Update(%q, gorm.Expr(%q))", n.name, sql), func(db *gorm.DB) *gorm.DB {
			return s.apply(db).Update(n.name, gorm.Expr(sql))
		}), true
	}
	sql := n.name + " + ?"
	rest := slices.DeleteFunc(slices.Clone(row), func(c cell) bool { return c.name == n.name })
	one := cell{n, value{gorm.Expr(sql, 1), fmt.Sprintf("gorm.Expr(%q, 1)", sql)}}
	all := append(rest, one)
	return plainly("§"+s.code+".Updates("+all.mapCode()+")", func(db *gorm.DB) *gorm.DB {
		return s.apply(db).Updates(maps.Clone(all.toMap()))
	}), true
}

// rawSQL is a statement of the application's own, on a table that no foreign key ties.
func rawSQL(t *rapid.T) operation {
	statements := []struct {
		sql  string
		args []any
	}{
		{"UPDATE items SET qty = qty + ? WHERE name <> ?", []any{1, "a"}},
		{"UPDATE pairs SET val = ?", []any{"raw"}},
		{"INSERT INTO bags (name, n) VALUES (?, ?), ('x', 2)", []any{"raw", 1}},
		{"INSERT INTO labels (name, text) VALUES (?, ?)", []any{"one", "raw"}},
		{"DELETE FROM uniqs WHERE px = ?", []any{1}},
		{"DELETE FROM pairs", nil},
		{"DELETE FROM memos WHERE owner_type = ?", []any{"staffs"}},
		{"UPDATE softs SET deleted_at = NULL", nil},
	}
	s := rapid.SampledFrom(statements).Draw(t, "sql")
	args := ""
	for _, a := range s.args {
		args += ", " + literal(a)
	}
	return plainly(fmt.Sprintf("§.Exec(%q%s)", s.sql, args), func(db *gorm.DB) *gorm.DB { return db.Exec(s.sql, s.args...) }).with("raw", raw)
}
