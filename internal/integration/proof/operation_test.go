package proof

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"gorm.io/gorm"
	"pgregory.net/rapid"
)

// outcome is all that an application sees of an operation.
type outcome struct {
	err   string
	rows  int64
	value string
}

func (o outcome) String() string {
	return fmt.Sprintf("err=%q rows=%d value=%s", o.err, o.rows, o.value)
}

func seen(err error, rows int64, value any) outcome {
	o := outcome{rows: rows}
	if err != nil {
		o.err = foreign.ReplaceAllString(database.ReplaceAllString(err.Error(), "audit"), "foreign key")
	}
	if value != nil {
		text, jerr := json.Marshal(value)
		if jerr != nil {
			text = fmt.Appendf(nil, "%v", jerr)
		}
		o.value = string(text)
	}
	return o
}

func did(db *gorm.DB, value any) outcome { return seen(db.Error, db.RowsAffected, value) }

// database matches the names of test databases and of nested transactions, which
// MySQL's errors quote.
var database = regexp.MustCompile(`audit_[0-9a-f]{32}|\bsp[0-9]{5,}`)

// foreign matches what PostgreSQL says of a foreign key: which of a row's is checked
// first depends on when the tables were made.
var foreign = regexp.MustCompile(`foreign key constraint "[^"]*" \(SQLSTATE 23503\)`)

// operation is one call of GORM. It makes its arguments anew each time it runs.
type operation struct {
	code string
	run  func(db *gorm.DB) outcome
}

// do runs the operation; what GORM panics with is an outcome too.
func (o operation) do(db *gorm.DB) (out outcome) {
	defer func() {
		if r := recover(); r != nil {
			out = outcome{err: fmt.Sprint("panic: ", r)}
		}
	}()
	return o.run(db)
}

// scope is a condition.
type scope struct {
	code  string
	apply func(db *gorm.DB) *gorm.DB
	where string // for the generic API: one column
	arg   any
}

func (k *kind) condition(t *rapid.T) scope {
	c := k.one(t, func(c *column) bool { return c.inWhere })
	v := c.gen.Draw(t, c.name)
	simple := func(op string) scope {
		where := c.name + " " + op + " ?"
		return scope{fmt.Sprintf(".Where(%q, %s)", where, v.code), func(db *gorm.DB) *gorm.DB { return db.Where(where, v.v) }, where, v.v}
	}
	switch rapid.IntRange(0, 9).Draw(t, "condition") {
	case 0:
		return simple("<>")
	case 1:
		other := c.gen.Draw(t, c.name)
		list := reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(v.v)), 0, 2)
		list = reflect.Append(list, reflect.ValueOf(v.v), reflect.ValueOf(other.v))
		where := c.name + " IN ?"
		return scope{
			fmt.Sprintf(".Where(%q, []any{%s, %s})", where, v.code, other.code),
			func(db *gorm.DB) *gorm.DB { return db.Where(where, list.Interface()) }, where, list.Interface(),
		}
	case 2:
		row := cells{{c, v}}
		s := simple("=")
		s.code = ".Where(" + row.mapCode() + ")"
		s.apply = func(db *gorm.DB) *gorm.DB { return db.Where(row.toMap()) }
		return s
	case 3:
		row := cells{{c, v}}
		s := simple("=")
		s.code = ".Where(&" + row.structCode(k.name) + ")"
		s.apply = func(db *gorm.DB) *gorm.DB { return db.Where(k.build(row).Interface()) }
		return s
	case 4:
		s := simple(">")
		s.code += ".Or(\"1 = 1\")"
		apply := s.apply
		s.apply = func(db *gorm.DB) *gorm.DB { return apply(db).Or("1 = 1") }
		return s
	case 5:
		s := simple("=")
		s.code = `.Where("1 = 1")`
		s.apply = func(db *gorm.DB) *gorm.DB { return db.Where("1 = 1") }
		return s
	case 6:
		return simple(">=")
	}
	return simple("=")
}

// restrict draws Select or Omit over the columns.
func (k *kind) restrict(t *rapid.T) scope {
	switch rapid.IntRange(0, 7).Draw(t, "restrict") {
	case 0:
		c := k.one(t, func(c *column) bool { return c.auto || !c.key }) // SQLite takes a NULL for a key
		return scope{code: fmt.Sprintf(".Omit(%q)", c.name), apply: func(db *gorm.DB) *gorm.DB { return db.Omit(c.name) }}
	case 1:
		var names []string
		for _, c := range k.columns {
			if !c.auto && (c.key || rapid.Bool().Draw(t, "selected")) {
				names = append(names, c.name)
			}
		}
		if len(names) == 0 {
			break
		}
		return scope{code: fmt.Sprintf(".Select(%q)", names), apply: func(db *gorm.DB) *gorm.DB { return db.Select(names) }}
	case 2:
		return scope{code: `.Select("*")`, apply: func(db *gorm.DB) *gorm.DB { return db.Select("*") }}
	}
	return scope{apply: func(db *gorm.DB) *gorm.DB { return db }}
}

// session draws a session; most operations run without one.
func session(t *rapid.T) (string, func(*gorm.DB) *gorm.DB) {
	var s gorm.Session
	var parts []string
	if rapid.IntRange(0, 3).Draw(t, "session") == 0 {
		for _, o := range []struct {
			code string
			set  func()
		}{
			{"PrepareStmt: true", func() { s.PrepareStmt = true }},
			{"SkipDefaultTransaction: true", func() { s.SkipDefaultTransaction = true }},
			{"CreateBatchSize: 2", func() { s.CreateBatchSize = 2 }},
			{"SkipHooks: true", func() { s.SkipHooks = true }},
			{"AllowGlobalUpdate: true", func() { s.AllowGlobalUpdate = true }},
			{"FullSaveAssociations: true", func() { s.FullSaveAssociations = true }},
			{"QueryFields: true", func() { s.QueryFields = true }},
		} {
			if rapid.IntRange(0, 3).Draw(t, "option") == 0 {
				o.set()
				parts = append(parts, o.code)
			}
		}
	}
	if len(parts) == 0 {
		return "db", func(db *gorm.DB) *gorm.DB { return db }
	}
	return "db.Session(&gorm.Session{" + strings.Join(parts, ", ") + "})", func(db *gorm.DB) *gorm.DB { return db.Session(&s) }
}

// draw draws one operation.
func draw(t *rapid.T, dialect string) operation {
	head, open := session(t)
	k := rapid.SampledFrom(kinds()).Draw(t, "kind")
	var op operation
	switch rapid.IntRange(0, 19).Draw(t, "operation") {
	case 0, 1, 2, 3, 4:
		op = k.create(t)
	case 5:
		op = k.save(t, dialect)
	case 6, 7, 8, 9:
		op = k.update(t, dialect)
	case 10, 11:
		op = k.remove(t, dialect)
	case 12, 13, 14, 15:
		op = k.upsert(t, dialect)
	case 16:
		op = k.firstOrCreate(t)
	case 17:
		op = k.generics(t)
	default:
		op = relation(t)
	}
	run := op.run
	return operation{head + op.code, func(db *gorm.DB) outcome { return run(open(db)) }}
}
