package proof

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"pgregory.net/rapid"
)

// column is what a history may do with a column.
type column struct {
	field, name string
	gen         gen
	key         bool // of the primary key
	auto        bool // made by the database when left out
	number      bool // may be computed with
	inWhere     bool
}

// kind is a model and what histories may do with it.
type kind struct {
	name, table string
	typ         reflect.Type
	columns     []*column
	conflicts   [][]string // the unique keys
	soft        bool
	generic     generics
}

// generics are the calls of GORM's generic API, which need the type.
type generics struct {
	create  func(db *gorm.DB, v any) error
	batch   func(db *gorm.DB, v any) error
	update  func(db *gorm.DB, where string, arg any, column string, v any) (int, error)
	updates func(db *gorm.DB, where string, arg, v any) (int, error)
	delete  func(db *gorm.DB, where string, arg any) (int, error)
}

func kindOf[M any](table string, conflicts [][]string, columns ...*column) *kind {
	typ := reflect.TypeFor[M]()
	return &kind{
		name: typ.Name(), table: table, typ: typ, columns: columns, conflicts: conflicts,
		generic: generics{
			create: func(db *gorm.DB, v any) error { return gorm.G[M](db).Create(db.Statement.Context, v.(*M)) },
			batch: func(db *gorm.DB, v any) error {
				return gorm.G[M](db).CreateInBatches(db.Statement.Context, v.(*[]M), 2)
			},
			update: func(db *gorm.DB, where string, arg any, column string, v any) (int, error) {
				return gorm.G[M](db).Where(where, arg).Update(db.Statement.Context, column, v)
			},
			updates: func(db *gorm.DB, where string, arg, v any) (int, error) {
				return gorm.G[M](db).Where(where, arg).Updates(db.Statement.Context, *v.(*M))
			},
			delete: func(db *gorm.DB, where string, arg any) (int, error) {
				return gorm.G[M](db).Where(where, arg).Delete(db.Statement.Context)
			},
		},
	}
}

func key(field, name string, g gen) *column {
	return &column{field: field, name: name, gen: g, key: true, inWhere: true}
}

func autoKey() *column {
	return &column{field: "ID", name: "id", gen: ids(), key: true, auto: true, inWhere: true}
}

func col(field, name string, g gen) *column {
	return &column{field: field, name: name, gen: g, inWhere: true}
}

func num(field, name string, g gen) *column {
	return &column{field: field, name: name, gen: g, inWhere: true, number: true}
}

func opaque(field, name string, g gen) *column { return &column{field: field, name: name, gen: g} }

func kinds() []*kind {
	id := [][]string{{"id"}}
	soft := kindOf[Soft]("softs", [][]string{{"id"}, {"code"}}, autoKey(), col("Code", "code", among("a", "b", "c", "d", "B")), col("Name", "name", texts()))
	soft.soft = true
	return []*kind{
		kindOf[Item]("items", id, autoKey(), col("Name", "name", texts()), num("Qty", "qty", numbers()), num("Price", "price", floats()),
			col("Active", "active", among(true, false)), col("Note", "note", pointers("", "n", "m")), opaque("Bin", "bin", blobs())),
		soft,
		kindOf[Pair]("pairs", [][]string{{"a", "b"}}, key("A", "a", among("x", "y", "é")), key("B", "b", among(1, 2, 3)), col("Val", "val", texts())),
		kindOf[Label]("labels", [][]string{{"name"}, {"place"}}, key("Name", "name", among("one", "two", "3", "it's", "A", "a", "One")),
			col("Text", "text", texts()), num("Place", "place", pointers(1, 2, 3))),
		kindOf[Thing]("things", id, key("ID", "id", uuids()), col("Title", "title", texts())),
		kindOf[Doc]("docs", id, autoKey(), opaque("Data", "data", documents()), opaque("Tags", "tags", lists()),
			col("Meta.City", "meta_city", texts()), num("Meta.Zip", "meta_zip", numbers()), opaque("Due", "due", moments())),
		kindOf[Company]("companies", id, autoKey(), col("Name", "name", texts())),
		kindOf[Staff]("staffs", id, autoKey(), col("CompanyID", "company_id", pointers(uint(1), uint(2), uint(3))), col("Name", "name", texts())),
		kindOf[Skill]("skills", [][]string{{"id"}, {"name"}}, autoKey(), col("Name", "name", among("go", "sql", "c", "Go"))),
		kindOf[Memo]("memos", id, autoKey(), col("OwnerID", "owner_id", ids()), col("OwnerType", "owner_type", among("companies", "staffs")), col("Text", "text", texts())),
		kindOf[Node]("nodes", id, autoKey(), col("ParentID", "parent_id", pointers(uint(1), uint(2), uint(3))), col("Name", "name", texts())),
		kindOf[Region]("regions", [][]string{{"code"}}, key("Code", "code", among("no", "se", "fi", "No")), col("Name", "name", texts())),
		kindOf[City]("cities", id, autoKey(), col("RegionCode", "region_code", pointers("no", "se", "fi")), col("Name", "name", texts())),
		kindOf[Def]("defs", id, autoKey(), col("Kind", "kind", texts()), num("N", "n", numbers()), col("Flag", "flag", pointers(true, false))),
		kindOf[Gen]("gens", id, autoKey(), num("W", "w", among(0, 1, 2, 3, -5)), num("H", "h", among(0, 1, 2, 3, -5))),
		kindOf[Uniq]("uniqs", [][]string{{"id"}, {"email"}, {"handle"}, {"px", "py"}}, autoKey(), col("Email", "email", among("a", "b", "c", "d", "A")),
			col("Handle", "handle", pointers("h1", "h2", "h3", "H1")), num("PX", "px", among(1, 2, 3)), num("PY", "py", among(1, 2, 3)), num("N", "n", numbers())),
		kindOf[Vault]("vaults", [][]string{{"id"}, {"mail"}}, autoKey(), col("Mail", "mail", among("a@b", "c@d", "e@f")), col("Pin", "pin", pointers("1234", "9999")),
			col("Card", "card", among("", "12345678", "87654321")), col("Password", "password", texts()), col("Note", "note", texts()), num("N", "n", numbers())),
		kindOf[Bag]("bags", nil, col("Name", "name", texts()), num("N", "n", numbers())),
		kindOf[Slot]("slots", [][]string{{"place"}}, num("Place", "place", pointers(1, 2, 3)), col("Text", "text", texts()), num("N", "n", numbers())),
	}
}

// fill draws a row; all sets every column, otherwise some.
func (k *kind) fill(t *rapid.T, all bool) cells {
	var row cells
	for _, c := range k.columns {
		switch {
		case c.auto && rapid.IntRange(0, 9).Draw(t, "auto") < 6:
			continue
		case !c.key && !all && rapid.Bool().Draw(t, "leave"):
			continue
		}
		row = append(row, cell{c, c.gen.Draw(t, c.name)})
	}
	return row
}

// some draws columns to change and their values; at least one.
func (k *kind) some(t *rapid.T) cells {
	var row cells
	for _, c := range k.columns {
		odds := 4
		if c.key {
			odds = 1
		}
		if rapid.IntRange(0, 9).Draw(t, "change") < odds {
			row = append(row, cell{c, c.gen.Draw(t, c.name)})
		}
	}
	if len(row) == 0 {
		c := k.columns[len(k.columns)-1]
		row = cells{{c, c.gen.Draw(t, c.name)}}
	}
	return row
}

func (k *kind) one(t *rapid.T, ok func(*column) bool) *column {
	var fit []*column
	for _, c := range k.columns {
		if ok(c) {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return rapid.SampledFrom(fit).Draw(t, "column")
}

// build makes a fresh struct of a row.
func (k *kind) build(row cells) reflect.Value {
	p := reflect.New(k.typ)
	k.assign(p.Elem(), row)
	return p
}

func (k *kind) assign(v reflect.Value, row cells) {
	for _, c := range row {
		f := v
		for _, name := range strings.Split(c.field, ".") {
			f = f.FieldByName(name)
		}
		f.Set(reflect.ValueOf(c.v))
	}
}

// slice makes a fresh *[]M or *[]*M.
func (k *kind) slice(rows []cells, pointers bool) any {
	elem := k.typ
	if pointers {
		elem = reflect.PointerTo(elem)
	}
	s := reflect.MakeSlice(reflect.SliceOf(elem), 0, len(rows))
	for _, r := range rows {
		v := k.build(r)
		if !pointers {
			v = v.Elem()
		}
		s = reflect.Append(s, v)
	}
	p := reflect.New(s.Type())
	p.Elem().Set(s)
	return p.Interface()
}

func (k *kind) keys() []*column {
	var keys []*column
	for _, c := range k.columns {
		if c.key {
			keys = append(keys, c)
		}
	}
	return keys
}

// named draws a value of the key.
func (k *kind) named(t *rapid.T) cells {
	var row cells
	for _, c := range k.keys() {
		row = append(row, cell{c, c.gen.Draw(t, c.name)})
	}
	return row
}

func sliceCode(k *kind, rows []cells, pointers bool) string {
	parts := make([]string, len(rows))
	for i, r := range rows {
		parts[i] = r.structCode("")
	}
	star := ""
	if pointers {
		star = "*"
	}
	return fmt.Sprintf("&[]%s%s{%s}", star, k.name, strings.Join(parts, ", "))
}
