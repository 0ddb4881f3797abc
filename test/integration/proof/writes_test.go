package proof

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"pgregory.net/rapid"
)

func (k *kind) rows(t *rapid.T) []cells {
	all := rapid.Bool().Draw(t, "full")
	rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) cells { return k.fill(t, all) }), 1, 4).Draw(t, "rows")
	if len(k.keys()) == 0 && len(k.conflicts) > 0 {
		return rows[:1] // which of several changes were of one row, the judge tells by the key
	}
	return rows
}

// onStruct is a call with a struct that the application looks at afterwards.
func (k *kind) onStruct(row cells, call string, run func(db *gorm.DB, v any) *gorm.DB) operation {
	return operation{arg: "&" + row.structCode(k.name), call: call, run: func(db *gorm.DB) outcome {
		v := k.build(row).Interface()
		return did(run(db, v), v)
	}}
}

// onSlice is the same with several.
func (k *kind) onSlice(rows []cells, pointers bool, call string, run func(db *gorm.DB, v any) *gorm.DB) operation {
	return operation{arg: sliceCode(k, rows, pointers), call: call, run: func(db *gorm.DB) outcome {
		v := k.slice(rows, pointers)
		return did(run(db, v), v)
	}}
}

func (k *kind) onMap(row cells, call string, run func(db *gorm.DB, v any) *gorm.DB) operation {
	return operation{arg: row.mapCode(), call: call, run: func(db *gorm.DB) outcome {
		v := row.toMap()
		return did(run(db, v), v)
	}}
}

// plainly is a call of which the application sees only the error and the rows.
func plainly(call string, run func(db *gorm.DB) *gorm.DB) operation {
	return operation{call: call, run: func(db *gorm.DB) outcome { return did(run(db), nil) }}
}

func (k *kind) create(t *rapid.T, dialect string) operation {
	r := k.restrict(t)
	rows := k.rows(t)
	switch rapid.IntRange(0, 7).Draw(t, "create") {
	case 0, 1:
		return k.onStruct(rows[0], "§"+r.code+".Create(v)", func(db *gorm.DB, v any) *gorm.DB { return r.apply(db).Create(v) })
	case 2, 3:
		pointers := rapid.Bool().Draw(t, "pointers")
		return k.onSlice(rows, pointers, "§"+r.code+".Create(v)", func(db *gorm.DB, v any) *gorm.DB { return r.apply(db).Create(v) })
	case 4:
		return k.onSlice(rows, false, "§"+r.code+".CreateInBatches(v, 2)", func(db *gorm.DB, v any) *gorm.DB { return r.apply(db).CreateInBatches(v, 2) })
	case 5:
		return k.onMap(rows[0], "§.Model(&"+k.name+"{}).Create(v)", func(db *gorm.DB, v any) *gorm.DB {
			return db.Model(k.build(nil).Interface()).Create(v)
		})
	case 6:
		row := slices.DeleteFunc(slices.Clone(rows[0]), func(c cell) bool { return c.name == "tags" }) // GORM knows no serializer without a model
		return k.onMap(row, fmt.Sprintf("§.Table(%q).Create(v)", k.table), func(db *gorm.DB, v any) *gorm.DB { return db.Table(k.table).Create(v) })
	}
	op := operation{arg: "&[]map[string]any{" + strings.Join(codes(rows), ", ") + "}", call: "§.Model(&" + k.name + "{}).Create(v)", run: func(db *gorm.DB) outcome {
		var all []map[string]any
		for _, row := range rows {
			all = append(all, row.toMap())
		}
		return did(db.Model(k.build(nil).Interface()).Create(&all), &all)
	}}
	if dialect == testdb.MySQL {
		op = op.with("severalMaps", severalMaps)
	}
	return op
}

func codes(rows []cells) []string {
	var all []string
	for _, r := range rows {
		all = append(all, strings.TrimPrefix(r.mapCode(), "map[string]any"))
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
				if slices.Contains(unique, c.name) && !strings.Contains(c.code, "nil") {
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
	save := func(db *gorm.DB, v any) *gorm.DB { return db.Save(v) }
	if rapid.IntRange(0, 3).Draw(t, "slice") == 3 {
		return k.onSlice(rows, false, "§.Save(v)", save).with("twice", twice)
	}
	return k.onStruct(append(k.named(t), dropKeys(rows[0])...), "§.Save(v)", save)
}

func dropKeys(row cells) cells {
	return slices.DeleteFunc(slices.Clone(row), func(c cell) bool { return c.key })
}

func (k *kind) model() any { return k.build(nil).Interface() }

// unscoped draws Unscoped, one time in n.
func unscoped(t *rapid.T, n int) scope {
	if rapid.IntRange(0, n-1).Draw(t, "unscoped") == n-1 {
		return scope{code: ".Unscoped()", apply: func(db *gorm.DB) *gorm.DB { return db.Unscoped() }}
	}
	return scope{apply: func(db *gorm.DB) *gorm.DB { return db }}
}

// subject draws which rows an UPDATE is about.
func (k *kind) subject(t *rapid.T, dialect string) scope {
	u := unscoped(t, 6)
	switch rapid.IntRange(0, 5).Draw(t, "subject") {
	case 0, 1:
		if row := k.named(t); len(row) > 0 {
			return scope{code: u.code + ".Model(&" + row.structCode(k.name) + ")", apply: func(db *gorm.DB) *gorm.DB {
				return u.apply(db).Model(k.build(row).Interface())
			}}
		}
	case 2:
		c := k.condition(t)
		return scope{code: u.code + fmt.Sprintf(".Table(%q)", k.table) + c.code, apply: func(db *gorm.DB) *gorm.DB { return c.apply(u.apply(db).Table(k.table)) }}
	case 3:
		if rows := []cells{k.named(t), k.named(t)}; len(rows[0]) > 0 {
			return scope{code: u.code + ".Model(" + sliceCode(k, rows, false) + ")", apply: func(db *gorm.DB) *gorm.DB {
				return u.apply(db).Model(k.slice(rows, false))
			}}
		}
	case 4:
		if key := k.keys(); len(key) == 1 && dialect != testdb.MySQL { // MySQL refuses a subquery of the same table
			c := k.condition(t)
			where := key[0].name + " IN (?)"
			return scope{
				code: fmt.Sprintf("%s.Model(&%s{}).Where(%q, db.Session(&gorm.Session{NewDB: true}).Model(&%s{}).Select(%q)%s)", u.code, k.name, where, k.name, key[0].name, c.code),
				apply: func(db *gorm.DB) *gorm.DB {
					inner := c.apply(db.Session(&gorm.Session{NewDB: true}).Model(k.model()).Select(key[0].name))
					return u.apply(db).Model(k.model()).Where(where, inner)
				},
			}
		}
	}
	c := k.condition(t)
	return scope{code: u.code + ".Model(&" + k.name + "{})" + c.code, apply: func(db *gorm.DB) *gorm.DB { return c.apply(u.apply(db).Model(k.model())) }}
}

func (k *kind) remove(t *rapid.T, dialect string) operation {
	u := unscoped(t, 4)
	switch rapid.IntRange(0, 7).Draw(t, "delete") {
	case 0, 1:
		if row := k.named(t); len(row) > 0 {
			return k.onStruct(row, "§"+u.code+".Delete(v)", func(db *gorm.DB, v any) *gorm.DB { return u.apply(db).Delete(v) })
		}
	case 2:
		rows := []cells{k.named(t), k.named(t)}
		if len(rows[0]) > 0 {
			return k.onSlice(rows, false, "§"+u.code+".Delete(v)", func(db *gorm.DB, v any) *gorm.DB { return u.apply(db).Delete(v) })
		}
	case 3:
		c := k.condition(t)
		return k.returning(u.code+c.code, ".Delete(v)", func(db *gorm.DB, v any) *gorm.DB { return c.apply(u.apply(db)).Clauses(returning()).Delete(v) })
	case 4:
		if keys := k.keys(); len(keys) == 1 && keys[0].auto {
			return plainly("§"+u.code+".Delete(&"+k.name+"{}, []int{1, 2})", func(db *gorm.DB) *gorm.DB { return u.apply(db).Delete(k.model(), []int{1, 2}) })
		}
	case 5:
		if dialect == testdb.MySQL && len(k.keys()) > 0 {
			c := k.condition(t)
			order := k.columns[0].name
			return plainly(fmt.Sprintf("§%s%s.Order(%q).Limit(1).Delete(&%s{})", u.code, c.code, order, k.name), func(db *gorm.DB) *gorm.DB {
				return c.apply(u.apply(db)).Order(order).Limit(1).Delete(k.model())
			})
		}
	}
	c := k.condition(t)
	return plainly("§"+u.code+c.code+".Delete(&"+k.name+"{})", func(db *gorm.DB) *gorm.DB { return c.apply(u.apply(db)).Delete(k.model()) })
}

func (k *kind) firstOrCreate(t *rapid.T) operation {
	c := k.one(t, func(c *column) bool { return c.inWhere })
	where := cells{{c, c.gen.Draw(t, c.name)}}
	attrs, assign := k.some(t), k.some(t)
	mode := rapid.IntRange(0, 2).Draw(t, "mode")
	code := "§.Where(" + where.mapCode() + ")"
	switch mode {
	case 1:
		code += ".Attrs(" + attrs.structCode(k.name) + ")"
	case 2:
		code += ".Assign(" + assign.structCode(k.name) + ")"
	}
	return k.onStruct(nil, code+".FirstOrCreate(v)", func(db *gorm.DB, v any) *gorm.DB {
		db = db.Where(where.toMap())
		switch mode {
		case 1:
			db = db.Attrs(k.build(attrs).Elem().Interface())
		case 2:
			db = db.Assign(k.build(assign).Elem().Interface())
		}
		return db.FirstOrCreate(v)
	})
}

func (k *kind) generics(t *rapid.T) operation {
	g := "gorm.G[" + k.name + "](§)"
	row := k.some(t)
	c := k.condition(t)
	for c.where == "" {
		c = k.condition(t)
	}
	counted := func(call string, run func(db *gorm.DB) (int, error)) operation {
		return operation{call: "seen2(" + g + fmt.Sprintf(".Where(%q, %s)", c.where, c.value) + call + ")", run: func(db *gorm.DB) outcome { return seen2(run(db)) }}
	}
	switch rapid.IntRange(0, 4).Draw(t, "generic") {
	case 0:
		row := k.fill(t, false)
		return operation{arg: "&" + row.structCode(k.name), call: "seen(" + g + ".Create(db.Statement.Context, v), 0, v)", run: func(db *gorm.DB) outcome {
			v := k.build(row).Interface()
			return seen(k.generic.create(db, v), 0, v)
		}}
	case 1:
		rows := k.rows(t)
		return operation{arg: sliceCode(k, rows, false), call: "seen(" + g + ".CreateInBatches(db.Statement.Context, v, 2), 0, v)", run: func(db *gorm.DB) outcome {
			v := k.slice(rows, false)
			return seen(k.generic.batch(db, v), 0, v)
		}}
	case 2:
		return counted(fmt.Sprintf(".Update(db.Statement.Context, %q, %s)", row[0].name, row[0].code), func(db *gorm.DB) (int, error) {
			return k.generic.update(db, c.where, c.arg, row[0].name, row[0].v)
		})
	case 3:
		return counted(".Updates(db.Statement.Context, "+row.structCode(k.name)+")", func(db *gorm.DB) (int, error) {
			return k.generic.updates(db, c.where, c.arg, k.build(row).Interface())
		})
	}
	return counted(".Delete(db.Statement.Context)", func(db *gorm.DB) (int, error) { return k.generic.delete(db, c.where, c.arg) })
}
