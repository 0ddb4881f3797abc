package redact

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm/schema"
)

// Plan says for every column of a table, and every path inside its JSON columns,
// what may be seen. It is safe for concurrent use.
type Plan struct {
	config  Config
	table   string // beside which names are judged, without a schema; may be ""
	columns map[string]member
}

// ForSchema makes the plan of a model in its own table. It fails with [ErrUnknownTag],
// [ErrHashKey] or [ErrHashBool], naming the model and the field.
func ForSchema(s *schema.Schema, c Config) (*Plan, error) {
	return ForTable(s, s.Table[strings.LastIndexByte(s.Table, '.')+1:], c)
}

// ForTable is ForSchema for rows of the model in the given table, named without a schema.
func ForTable(s *schema.Schema, table string, c Config) (*Plan, error) {
	b := newBuilder(c, s.Name)
	b.table = table
	p := &Plan{config: c, table: table, columns: make(map[string]member, len(s.Fields))}
	for _, f := range s.Fields {
		r, err := b.schemaRule(s.ModelType, f)
		if err != nil {
			return nil, err
		}
		if f.DBName == "" {
			continue
		}
		if r.op == opHash && f.GORMDataType == schema.Bool {
			return nil, b.at(ErrHashBool, f.BindName())
		}
		m, err := b.member(f.FieldType, r, false, f.Name, f.DBName, "")
		if err != nil {
			return nil, err
		}
		p.add(f.DBName, m)
	}
	b.guard()
	return p, nil
}

// schemaRule joins the tags of a field and of the structs it is embedded in.
func (b *builder) schemaRule(t reflect.Type, f *schema.Field) (rule, error) {
	r, err := b.ruleOf(f.FieldType, f.Tag.Get("audit"), f.BindName())
	if err != nil {
		return r, err
	}
	path := ""
	for i := 0; i < len(f.BindNames)-1; i++ {
		t = indirect(t)
		if t == nil || t.Kind() != reflect.Struct {
			break
		}
		outer, ok := t.FieldByName(f.BindNames[i])
		if !ok {
			break
		}
		path += "." + outer.Name
		o, err := b.ruleOf(f.FieldType, outer.Tag.Get("audit"), path)
		if err != nil {
			return r, err
		}
		r, t = stricter(r, o), outer.Type
	}
	return r, nil
}

// ForType makes the plan of a struct that is not a model. Its columns are the keys
// encoding/json gives its fields; the name in a db tag and the field's own name
// reach the same field. Types other than structs have no columns. Errors are
// those of [ForSchema].
func ForType(t reflect.Type, c Config) (*Plan, error) {
	p := &Plan{config: c, columns: make(map[string]member)}
	t = indirect(t)
	if t == nil {
		return p, nil
	}
	b := newBuilder(c, t.String())
	root, err := b.shapeOf(t, false, "")
	if err != nil {
		return nil, err
	}
	if t.Kind() != reflect.Struct || root.kind != object {
		return p, nil
	}
	for _, f := range reflect.VisibleFields(t) {
		name, inlined, ok := jsonName(f)
		if inlined || !f.IsExported() {
			continue
		}
		m, found := root.fields[name]
		if !ok || !found { // left out of JSON, but perhaps not of the database
			r, err := b.ruleOf(f.Type, f.Tag.Get("audit"), f.Name)
			if err != nil {
				return nil, err
			}
			if m, err = b.member(f.Type, r, false, f.Name, f.Name, ""); err != nil {
				return nil, err
			}
		}
		p.add(f.Name, m)
		if db, _, _ := strings.Cut(f.Tag.Get("db"), ","); db != "" && db != "-" {
			p.add(db, m)
		}
	}
	for name, m := range root.fields {
		p.add(name, m)
	}
	b.guard()
	return p, nil
}

// ForNames is the plan of a table without a model: names alone decide. The table is named
// without a schema; "" is that of things that are in no table.
func ForNames(table string, c Config) *Plan { return &Plan{config: c, table: table} }

// add enters a column under its name and, for databases that do not tell names
// apart by case, under the folded one.
func (p *Plan) add(name string, m member) {
	p.columns[name] = m
	folded := foldKey(name)
	if other, ok := p.columns[folded]; !ok || m.rule.op > other.rule.op {
		p.columns[folded] = m
	}
}

// foldKey can not collide with a column's own name.
func foldKey(name string) string { return "\x00" + fold(name) }

func (p *Plan) member(column string) member {
	if m, ok := p.columns[column]; ok {
		return m
	}
	if m, ok := p.columns[foldKey(column)]; ok {
		return m
	}
	if SecretColumn(p.table, column) {
		return member{rule: rule{op: opNamed}, shape: anything}
	}
	return member{shape: anything}
}

// Ignored reports whether the column is tagged audit:"-": it must not be recorded,
// nor make an update count as one.
func (p *Plan) Ignored(column string) bool { return p.member(column).rule.op == opDrop }

// Open reports whether a value of the column that is no document (no map and no
// list) is shown as it is.
func (p *Plan) Open(column string) bool {
	m := p.member(column)
	return !m.rule.protects() && m.rule.op != opDrop && (m.shape.kind == untyped || !m.shape.guarded)
}

// Sensitive reports whether the column as a whole is kept from being shown, by a
// tag or by its name.
func (p *Plan) Sensitive(column string) bool { return p.member(column).rule.protects() }

// String describes the plan's rules for people who debug it, without the key.
func (p *Plan) String() string {
	protected := 0
	for name, m := range p.columns {
		if m.rule.protects() && !strings.HasPrefix(name, "\x00") {
			protected++
		}
	}
	return fmt.Sprintf("redact.Plan(%d protected columns)", protected)
}
