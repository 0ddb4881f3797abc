package proof

import (
	"fmt"
	"slices"

	"github.com/gorm-audit/auditplugin/internal/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"pgregory.net/rapid"
)

func (k *kind) rows(t *rapid.T) []cells {
	all := rapid.Bool().Draw(t, "full")
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) cells { return k.fill(t, all) }), 1, 4).Draw(t, "rows")
}

func (k *kind) create(t *rapid.T) operation {
	r := k.restrict(t)
	rows := k.rows(t)
	model := "&" + k.name + "{}"
	switch rapid.IntRange(0, 7).Draw(t, "create") {
	case 0, 1:
		return operation{r.code + ".Create(&" + rows[0].structCode(k.name) + ")", func(db *gorm.DB) outcome {
			v := k.build(rows[0]).Interface()
			return did(r.apply(db).Create(v), v)
		}}
	case 2, 3:
		pointers := rapid.Bool().Draw(t, "pointers")
		return operation{r.code + ".Create(" + sliceCode(k, rows, pointers) + ")", func(db *gorm.DB) outcome {
			v := k.slice(rows, pointers)
			return did(r.apply(db).Create(v), v)
		}}
	case 4:
		return operation{r.code + ".CreateInBatches(" + sliceCode(k, rows, false) + ", 2)", func(db *gorm.DB) outcome {
			v := k.slice(rows, false)
			return did(r.apply(db).CreateInBatches(v, 2), v)
		}}
	case 5:
		return operation{".Model(" + model + ").Create(" + rows[0].mapCode() + ")", func(db *gorm.DB) outcome {
			v := rows[0].toMap()
			return did(db.Model(k.build(nil).Interface()).Create(v), v)
		}}
	case 6:
		return operation{fmt.Sprintf(".Table(%q).Create(%s)", k.table, rows[0].mapCode()), func(db *gorm.DB) outcome {
			m := rows[0].toMap()
			if k.name == "Doc" {
				delete(m, "tags") // GORM knows no serializer without a model
			}
			return did(db.Table(k.table).Create(m), m)
		}}
	}
	return operation{fmt.Sprintf(".Model(%s).Create([]map[string]any{%d rows: %v})", model, len(rows), codes(rows)), func(db *gorm.DB) outcome {
		var all []map[string]any
		for _, row := range rows {
			all = append(all, row.toMap())
		}
		return did(db.Model(k.build(nil).Interface()).Create(&all), all)
	}}
}

func codes(rows []cells) []string {
	var all []string
	for _, r := range rows {
		all = append(all, r.mapCode())
	}
	return all
}

// uniform leaves every key to the database. Where the portable path
// can not see which rows a statement returned, a generated key that collides with
// a named one of the same statement is taken for a row that was there before.
//
// Nor does it see, where a table has several unique keys, by which of them a row
// meets an earlier one of the same statement: such rows are left out too.
func (k *kind) uniform(rows []cells, dialect string) []cells {
	if dialect != testdb.MySQL {
		return rows
	}
	if len(k.conflicts) > 1 {
		unique := slices.Concat(k.conflicts...)
		seen := map[string]bool{}
		rows = slices.DeleteFunc(slices.Clone(rows), func(row cells) bool {
			meets := false
			for _, c := range row {
				if slices.Contains(unique, c.name) && c.code != "nil" {
					meets = meets || seen[c.name+c.code]
					seen[c.name+c.code] = true
				}
			}
			return meets
		})
	}
	for i, row := range rows {
		rows[i] = slices.DeleteFunc(row, func(c cell) bool { return c.auto })
	}
	return rows
}

func (k *kind) save(t *rapid.T, dialect string) operation {
	rows := k.uniform(k.rows(t), dialect)
	if rapid.IntRange(0, 3).Draw(t, "slice") == 0 {
		return operation{".Save(" + sliceCode(k, rows, false) + ")", func(db *gorm.DB) outcome {
			v := k.slice(rows, false)
			return did(db.Save(v), v)
		}}
	}
	row := append(k.named(t), dropKeys(rows[0])...)
	return operation{".Save(&" + row.structCode(k.name) + ")", func(db *gorm.DB) outcome {
		v := k.build(row).Interface()
		return did(db.Save(v), v)
	}}
}

func dropKeys(row cells) cells {
	var rest cells
	for _, c := range row {
		if !c.key {
			rest = append(rest, c)
		}
	}
	return rest
}

// subject draws which rows an UPDATE is about.
func (k *kind) subject(t *rapid.T) scope {
	model := func() any { return k.build(nil).Interface() }
	unscoped, code := false, ""
	if rapid.IntRange(0, 5).Draw(t, "unscoped") == 0 {
		unscoped, code = true, ".Unscoped()"
	}
	open := func(db *gorm.DB) *gorm.DB {
		if unscoped {
			return db.Unscoped()
		}
		return db
	}
	switch rapid.IntRange(0, 3).Draw(t, "subject") {
	case 0, 1:
		if row := k.named(t); len(row) > 0 {
			return scope{code: code + ".Model(&" + row.structCode(k.name) + ")", apply: func(db *gorm.DB) *gorm.DB {
				return open(db).Model(k.build(row).Interface())
			}}
		}
	case 2:
		c := k.condition(t)
		return scope{code: code + fmt.Sprintf(".Table(%q)", k.table) + c.code, apply: func(db *gorm.DB) *gorm.DB { return c.apply(open(db).Table(k.table)) }}
	}
	c := k.condition(t)
	return scope{code: code + ".Model(&" + k.name + "{})" + c.code, apply: func(db *gorm.DB) *gorm.DB { return c.apply(open(db).Model(model())) }}
}

func (k *kind) update(t *rapid.T, dialect string) operation {
	s := k.subject(t)
	row := k.some(t)
	first := row[0]
	switch rapid.IntRange(0, 10).Draw(t, "update") {
	case 0, 1:
		return operation{s.code + fmt.Sprintf(".Update(%q, %s)", first.name, first.code), func(db *gorm.DB) outcome {
			return did(s.apply(db).Update(first.name, first.v), nil)
		}}
	case 2:
		return operation{s.code + ".UpdateColumns(" + row.mapCode() + ")", func(db *gorm.DB) outcome {
			return did(s.apply(db).UpdateColumns(row.toMap()), nil)
		}}
	case 3, 4:
		r := k.restrict(t)
		c := k.condition(t)
		return operation{".Model(&" + k.name + "{})" + c.code + r.code + ".Updates(" + row.structCode(k.name) + ")", func(db *gorm.DB) outcome {
			return did(r.apply(c.apply(db.Model(k.build(nil).Interface()))).Updates(k.build(row).Elem().Interface()), nil)
		}}
	case 5, 6:
		n := k.one(t, func(c *column) bool { return c.number || c.key && !c.auto })
		if n == nil {
			break
		}
		sql := n.name + " + ?"
		if !n.number {
			sql = "CASE WHEN 1 = 1 THEN " + n.name + " ELSE " + n.name + " END"
			return operation{s.code + fmt.Sprintf(".Update(%q, gorm.Expr(%q))", n.name, sql), func(db *gorm.DB) outcome {
				return did(s.apply(db).Update(n.name, gorm.Expr(sql)), nil)
			}}
		}
		return operation{s.code + fmt.Sprintf(".Updates(map[string]any{%q: gorm.Expr(%q, 1), …%s})", n.name, sql, row.mapCode()), func(db *gorm.DB) outcome {
			m := row.toMap()
			m[n.name] = gorm.Expr(sql, 1)
			return did(s.apply(db).Updates(m), nil)
		}}
	case 7:
		if k.table == "bags" || dialect == "mysql" {
			break // MySQL refuses a subquery of the same table
		}
		sub := "SELECT MAX(" + first.name + ") FROM " + k.table
		if first.name == "active" || first.name == "flag" || !first.inWhere || k.table == "things" {
			break // PostgreSQL has no MAX of them
		}
		return operation{s.code + fmt.Sprintf(".Update(%q, gorm.Expr(%q))", first.name, "("+sub+")"), func(db *gorm.DB) outcome {
			return did(s.apply(db).Update(first.name, gorm.Expr("("+sub+")")), nil)
		}}
	case 8:
		if k.soft {
			d := deletions().Draw(t, "deleted_at")
			return operation{".Unscoped()" + s.code + ".Update(\"deleted_at\", " + d.code + ")", func(db *gorm.DB) outcome {
				return did(s.apply(db.Unscoped()).Update("deleted_at", d.v), nil)
			}}
		}
	case 9:
		c := k.condition(t)
		return operation{".Model(&all)" + c.code + ".Clauses(clause.Returning{}).Updates(" + row.mapCode() + ")", func(db *gorm.DB) outcome {
			all := k.slice(nil, false)
			return did(c.apply(db.Model(all)).Clauses(clause.Returning{}).Updates(row.toMap()), sorted(all))
		}}
	case 10:
		if dialect == "mysql" {
			c := k.condition(t)
			order := k.columns[0].name
			return operation{".Model(&" + k.name + "{})" + c.code + ".Order(\"" + order + "\").Limit(1).Updates(" + row.mapCode() + ")", func(db *gorm.DB) outcome {
				return did(c.apply(db.Model(k.build(nil).Interface())).Order(order).Limit(1).Updates(row.toMap()), nil)
			}}
		}
	}
	return operation{s.code + ".Updates(" + row.mapCode() + ")", func(db *gorm.DB) outcome {
		return did(s.apply(db).Updates(row.toMap()), nil)
	}}
}

func (k *kind) remove(t *rapid.T, dialect string) operation {
	unscoped, code := rapid.IntRange(0, 3).Draw(t, "unscoped") == 0, ""
	if unscoped {
		code = ".Unscoped()"
	}
	open := func(db *gorm.DB) *gorm.DB {
		if unscoped {
			return db.Unscoped()
		}
		return db
	}
	switch rapid.IntRange(0, 5).Draw(t, "delete") {
	case 0, 1:
		if row := k.named(t); len(row) > 0 {
			return operation{code + ".Delete(&" + row.structCode(k.name) + ")", func(db *gorm.DB) outcome {
				v := k.build(row).Interface()
				return did(open(db).Delete(v), v)
			}}
		}
	case 2:
		rows := []cells{k.named(t), k.named(t)}
		if len(rows[0]) > 0 {
			return operation{code + ".Delete(" + sliceCode(k, rows, false) + ")", func(db *gorm.DB) outcome {
				return did(open(db).Delete(k.slice(rows, false)), nil)
			}}
		}
	case 3:
		c := k.condition(t)
		return operation{code + c.code + ".Clauses(clause.Returning{}).Delete(&all" + k.name + ")", func(db *gorm.DB) outcome {
			all := k.slice(nil, false)
			return did(c.apply(open(db)).Clauses(clause.Returning{}).Delete(all), sorted(all))
		}}
	}
	c := k.condition(t)
	return operation{code + c.code + ".Delete(&" + k.name + "{})", func(db *gorm.DB) outcome {
		return did(c.apply(open(db)).Delete(k.build(nil).Interface()), nil)
	}}
}

func (k *kind) firstOrCreate(t *rapid.T) operation {
	c := k.one(t, func(c *column) bool { return c.inWhere })
	where := cells{{c, c.gen.Draw(t, c.name)}}
	attrs, assign := k.some(t), k.some(t)
	mode := rapid.IntRange(0, 2).Draw(t, "mode")
	code := ".Where(" + where.mapCode() + ")"
	switch mode {
	case 1:
		code += ".Attrs(" + attrs.structCode(k.name) + ")"
	case 2:
		code += ".Assign(" + assign.structCode(k.name) + ")"
	}
	return operation{code + ".FirstOrCreate(&" + k.name + "{})", func(db *gorm.DB) outcome {
		db = db.Where(where.toMap())
		switch mode {
		case 1:
			db = db.Attrs(k.build(attrs).Elem().Interface())
		case 2:
			db = db.Assign(k.build(assign).Elem().Interface())
		}
		v := k.build(nil).Interface()
		return did(db.FirstOrCreate(v), v)
	}}
}

func (k *kind) generics(t *rapid.T) operation {
	g := "|gorm.G[" + k.name + "](db)"
	row := k.some(t)
	c := k.condition(t)
	for c.where == "" {
		c = k.condition(t)
	}
	switch rapid.IntRange(0, 4).Draw(t, "generic") {
	case 0:
		row := k.fill(t, false)
		return operation{g + ".Create(ctx, &" + row.structCode(k.name) + ")", func(db *gorm.DB) outcome {
			v := k.build(row).Interface()
			return seen(k.generic.create(db, v), 0, v)
		}}
	case 1:
		rows := k.rows(t)
		return operation{g + ".CreateInBatches(ctx, " + sliceCode(k, rows, false) + ", 2)", func(db *gorm.DB) outcome {
			v := k.slice(rows, false)
			return seen(k.generic.batch(db, v), 0, v)
		}}
	case 2:
		return operation{g + fmt.Sprintf(".Where(%q, %v).Update(ctx, %q, %s)", c.where, c.arg, row[0].name, row[0].code), func(db *gorm.DB) outcome {
			n, err := k.generic.update(db, c.where, c.arg, row[0].name, row[0].v)
			return seen(err, int64(n), nil)
		}}
	case 3:
		return operation{g + fmt.Sprintf(".Where(%q, %v).Updates(ctx, %s)", c.where, c.arg, row.structCode(k.name)), func(db *gorm.DB) outcome {
			n, err := k.generic.updates(db, c.where, c.arg, k.build(row).Interface())
			return seen(err, int64(n), nil)
		}}
	}
	return operation{g + fmt.Sprintf(".Where(%q, %v).Delete(ctx)", c.where, c.arg), func(db *gorm.DB) outcome {
		n, err := k.generic.delete(db, c.where, c.arg)
		return seen(err, int64(n), nil)
	}}
}
