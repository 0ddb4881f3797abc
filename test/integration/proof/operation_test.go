package proof

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm"
	"pgregory.net/rapid"
)

// outcome is all that an application sees of an operation.
type outcome struct {
	err   string
	rows  int64
	value string
	hooks string
}

func (o outcome) String() string {
	return fmt.Sprintf("err=%q rows=%d value=%s\n    hooks %s", o.err, o.rows, o.value, o.hooks)
}

func seen(err error, rows int64, value any) outcome {
	o := outcome{rows: rows}
	if err != nil {
		o.err = unique.ReplaceAllString(foreign.ReplaceAllString(database.ReplaceAllString(err.Error(), "audit"), "foreign key"), "unique")
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

// seen2 is for calls that return a number of rows and an error.
func seen2(rows int, err error) outcome { return seen(err, int64(rows), nil) }

func did(db *gorm.DB, value any) outcome { return seen(db.Error, db.RowsAffected, value) }

// database matches the names of test databases and of nested transactions, which
// MySQL's errors quote.
var database = regexp.MustCompile(`audit_[0-9a-f]{32}|\bsp[0-9]{5,}`)

// foreign matches what PostgreSQL says of a foreign key: which of a row's is checked
// first depends on when the tables were made.
var foreign = regexp.MustCompile(`foreign key constraint "[^"]*" \(SQLSTATE 23503\)`)

// unique matches what it says of a unique index, of which a row may violate two: the
// order in which it lists them changes when tables are emptied.
var unique = regexp.MustCompile(`unique constraint "[^"]*" \(SQLSTATE 23505\)`)

// operation is one call of GORM. It makes its arguments anew each time it runs.
type operation struct {
	arg  string // what the application looks at afterwards, as Go; "" for nothing
	call string // the call as Go: db is the handle, v is arg
	run  func(db *gorm.DB) outcome
	ways []func(*how)
	way  string // ways as Go
}

// with adds a way to make the call.
func (o operation) with(code string, way func(*how)) operation {
	o.ways, o.way = append(slices.Clone(o.ways), way), o.way+", "+code
	return o
}

// body is the function that makes the call, as Go.
func (o operation) body(indent string) string {
	result := o.call
	noted := strings.HasPrefix(result, "seen") || strings.HasPrefix(result, "didUnordered(")
	switch {
	case noted:
	case o.arg != "":
		result = "did(" + result + ", v)"
	default:
		result = "did(" + result + ", nil)"
	}
	code := "func(db *gorm.DB) outcome {\n"
	if o.arg != "" {
		code += indent + "\tv := " + o.arg + "\n"
	}
	return code + indent + "\treturn " + result + "\n" + indent + "}"
}

// scope is a condition.
type scope struct {
	code  string
	apply func(db *gorm.DB) *gorm.DB
	where string // for the generic API: one column
	arg   any
	value string // arg as Go
}

func (k *kind) condition(t *rapid.T) scope {
	c := k.one(t, func(c *column) bool { return c.inWhere })
	v := c.gen.Draw(t, c.name)
	simple := func(op string) scope {
		where := c.name + " " + op + " ?"
		return scope{fmt.Sprintf(".Where(%q, %s)", where, v.code), func(db *gorm.DB) *gorm.DB { return db.Where(where, v.v) }, where, v.v, v.code}
	}
	switch rapid.IntRange(0, 9).Draw(t, "condition") {
	case 0:
		return simple("<>")
	case 1:
		other := c.gen.Draw(t, c.name)
		code := fmt.Sprintf("%T", v.v)
		if v.v == nil {
			code = "any"
		}
		code = "[]" + code + "{" + v.code + ", " + other.code + "}"
		list := reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(v.v)), 0, 2)
		list = reflect.Append(list, reflect.ValueOf(v.v), reflect.ValueOf(other.v))
		where := c.name + " IN ?"
		return scope{
			fmt.Sprintf(".Where(%q, %s)", where, code),
			func(db *gorm.DB) *gorm.DB { return db.Where(where, list.Interface()) }, where, list.Interface(), code,
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
	case 5, 7:
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
		return scope{code: fmt.Sprintf(".Select(%#v)", names), apply: func(db *gorm.DB) *gorm.DB { return db.Select(names) }}
	case 2:
		return scope{code: `.Select("*")`, apply: func(db *gorm.DB) *gorm.DB { return db.Select("*") }}
	}
	return scope{apply: func(db *gorm.DB) *gorm.DB { return db }}
}

// session draws a session; most operations run without one.
func session(t *rapid.T) (string, func(*gorm.DB) *gorm.DB) {
	var s gorm.Session
	var parts []string
	if rapid.IntRange(0, 3).Draw(t, "session") == 3 {
		for _, o := range []struct {
			code string
			set  func()
		}{
			{"PrepareStmt: true", func() { s.PrepareStmt = true }},
			{"SkipDefaultTransaction: true", func() { s.SkipDefaultTransaction = true }},
			{"CreateBatchSize: 2", func() { s.CreateBatchSize = 2 }},
			{"DryRun: true", func() { s.DryRun = rapid.IntRange(0, 3).Draw(t, "dry") == 3 }},
			{"SkipHooks: true", func() { s.SkipHooks = true }},
			{"AllowGlobalUpdate: true", func() { s.AllowGlobalUpdate = true }},
			{"FullSaveAssociations: true", func() { s.FullSaveAssociations = true }},
			{"QueryFields: true", func() { s.QueryFields = true }},
			{"DisableNestedTransaction: true", func() { s.DisableNestedTransaction = true }},
		} {
			if rapid.IntRange(0, 3).Draw(t, "option") == 3 {
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

// draw draws one operation, inside so many transactions; on one connection, when
// depth is negative.
func draw(t *rapid.T, dialect string, depth int) operation {
	head, open := session(t)
	k := rapid.SampledFrom(kinds()).Draw(t, "kind")
	var op operation
	switch rapid.IntRange(0, 23).Draw(t, "operation") {
	case 0, 1, 2:
		op = k.create(t, dialect)
	case 3:
		op = k.save(t, dialect)
	case 4, 5, 6, 7, 8, 9:
		op = k.update(t, dialect)
	case 10, 11, 12, 13:
		op = k.remove(t, dialect)
	case 14, 15, 16, 17:
		op = k.upsert(t, dialect)
	case 18:
		op = k.firstOrCreate(t)
	case 19:
		op = k.generics(t)
	case 20:
		op = rawSQL(t)
	default:
		op = relation(t, dialect).with("twice", twice) // a key of a child may be made up that another child names
	}
	run := op.run
	op.run = func(db *gorm.DB) outcome { return run(open(db)) }
	op.call = strings.ReplaceAll(op.call, "§", head)
	if strings.Contains(op.way, "anyOrder") {
		return op // where a disturbance falls would be a matter of chance
	}
	switch rapid.IntRange(0, 24).Draw(t, "disturbance") {
	case 24:
		if depth >= 0 { // whether a sql.Conn runs a cancelled statement is a matter of chance
			op = op.with("cancelled", cancelled)
		}
	case 21, 22, 23:
		hook, act := rapid.SampledFrom(hooks).Draw(t, "hook"), rapid.SampledFrom(acts).Draw(t, "act")
		if act == "panic" && depth <= 0 || act == "cancel" && depth < 0 {
			act = "fail" // after a panic GORM itself leaves the default transaction open
		}
		op = op.with(fmt.Sprintf("in(%q, %q)", hook, act), in(hook, act))
	}
	return op
}
