package history

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// Resolver finds names for keys. It is called once with all keys that are to be named,
// without duplicates, and leaves out those that it does not know. Keys are written as
// record ids are: the text of a single one, a JSON array of texts for several columns.
// [NameFrom] makes one that reads a model's column.
type Resolver func(ctx context.Context, keys []string) (map[string]string, error)

// Namer says which keys are shown with a name; see [NameColumn] and [NameAssociation].
type Namer struct {
	r   Resolver
	add func(*naming, *namer) error
}

// Names shows names beside keys in [Timeline], [Text], [JSON] and the methods of
// [Query] that are called so:
//
//	role: editor (2) → owner (3)
//
// Resolvers are called by those methods with their context, by the functions with
// [context.Background]. The error of a resolver is theirs too; [Timeline] has none, and
// leaves the keys without names. Masked, hashed and erased values are never handed to
// a resolver.
func Names(namers ...Namer) FormatOption {
	return func(f *format) {
		if f.names == nil {
			f.names = &naming{columns: map[string]*namer{}, subjects: map[string]*namer{}, links: map[string]*namer{}}
		}
		for _, n := range namers {
			if n.r == nil || n.add == nil {
				f.fail(fmt.Errorf("%w: Names: no resolver", ErrInvalidQuery))
				continue
			}
			one := &namer{r: n.r}
			if err := n.add(f.names, one); err != nil {
				f.fail(err)
				continue
			}
			f.names.all = append(f.names.all, one)
		}
		if f.joins == nil {
			f.joins = map[string]*joinTable{}
		}
		for table, j := range f.names.joins {
			f.joins[table] = j
		}
	}
}

// NameColumn names the values of a column: "role_id" of any table, or "users.role_id"
// of one.
func NameColumn(column string, r Resolver) Namer {
	return Namer{r, func(n *naming, one *namer) error {
		if column == "" || strings.HasSuffix(column, ".") {
			return fmt.Errorf("%w: NameColumn: no column", ErrInvalidQuery)
		}
		if cut := strings.LastIndexByte(column, '.'); cut >= 0 {
			column = bareTable(column[:cut]) + column[cut:]
		}
		n.columns[column] = one
		return nil
	}}
}

// NameAssociation names the rows that a model's association leads to, wherever an
// entry tells of one: the foreign key of a belongs to, which is then shown under the
// association's name ("role"); what a row of a join table adds or removes; and the
// rows themselves in their own entries. A foreign key of several columns is named
// where a record has all of them.
func NameAssociation(db *gorm.DB, model any, association string, r Resolver) Namer {
	return Namer{r, func(n *naming, one *namer) error {
		s, err := schemaIn(db, model)
		if err != nil {
			return err
		}
		rel := s.Relationships.Relations[association]
		if rel == nil {
			return fmt.Errorf("%w: model %s has no association %q", ErrInvalidQuery, s.Name, association)
		}
		n.learn(rel, one)
		return nil
	}}
}

// naming is what is to be named, in one call.
type naming struct {
	all      []*namer
	columns  map[string]*namer // "column" or "table.column"
	several  []severalColumns
	subjects map[string]*namer // rows, by table
	links    map[string]*namer // rows that a join table leads to, by the join table
	joins    map[string]*joinTable
}

// namer is a resolver, what it is to be asked, and what it said.
type namer struct {
	r     Resolver
	label string
	keys  []string
	asked map[string]bool
	names map[string]string
}

// severalColumns is a foreign key of more than one column.
type severalColumns struct {
	table   string
	columns []string
	one     *namer
}

func (n *naming) learn(rel *schema.Relationship, one *namer) {
	if rel.JoinTable != nil {
		table := bareTable(rel.JoinTable.Table)
		n.links[table] = one
		if n.joins == nil {
			n.joins = map[string]*joinTable{}
		}
		n.joins[table] = joinOf(rel, rel.Name)
	}
	if rel.Type == schema.BelongsTo {
		one.label = schema.NamingStrategy{}.ColumnName("", rel.Name)
		table := bareTable(rel.Schema.Table)
		var columns []string
		byKey := len(rel.References) == len(rel.FieldSchema.PrimaryFields)
		for _, ref := range rel.References {
			columns = append(columns, ref.ForeignKey.DBName)
			byKey = byKey && ref.PrimaryKey.PrimaryKey
		}
		if len(columns) == 1 {
			n.columns[table+"."+columns[0]] = one
		} else {
			n.several = append(n.several, severalColumns{table, columns, one})
		}
		if !byKey {
			return // the rows' own ids are other keys
		}
	}
	n.subjects[bareTable(rel.FieldSchema.Table)] = one
}

// ask makes sure that a key is asked for, and returns what shows its name later.
func (n *namer) ask(key string, into *string) func() {
	if n == nil || key == "" || hides(key, false) {
		return func() {}
	}
	if n.asked == nil {
		n.asked = map[string]bool{}
	}
	if !n.asked[key] {
		n.asked[key] = true
		n.keys = append(n.keys, key)
	}
	return func() { *into = n.names[key] }
}

// name fills in the names of all entries.
func (n *naming) name(ctx context.Context, entries []Entry) error {
	var show []func()
	for i := range entries {
		show = append(show, n.entry(&entries[i])...)
	}
	for _, one := range n.all {
		if len(one.keys) == 0 {
			continue
		}
		names, err := one.r(ctx, one.keys)
		if err != nil {
			return fmt.Errorf("auditplugin: names: %w", err)
		}
		one.names = names
	}
	for _, f := range show {
		f()
	}
	return nil
}

func (n *naming) entry(e *Entry) []func() {
	show := []func(){n.subjects[e.Table].ask(e.RecordID, &e.Name)}
	if e.Link != nil {
		show = append(show, n.links[e.Table].ask(e.Link.ID, &e.Link.Name))
	}
	for i := range e.Fields {
		f := &e.Fields[i]
		path := diffpath.Split(f.Path)
		if len(path) != 1 || f.Hidden != "" {
			continue
		}
		one := n.columns[e.Table+"."+path[0]]
		if one == nil {
			one = n.columns[path[0]]
		}
		if one == nil {
			continue
		}
		f.Label = one.label
		show = append(show, one.ask(recordedKeyText(f.From), &f.FromName), one.ask(recordedKeyText(f.To), &f.ToName))
	}
	for _, s := range n.several {
		if s.table == e.Table {
			show = append(show, s.entry(e)...)
		}
	}
	return show
}

// entry names a key of several columns at the first of them.
func (s severalColumns) entry(e *Entry) []func() {
	var first *Field
	from, to := make([]any, len(s.columns)), make([]any, len(s.columns))
	for n, name := range s.columns {
		for i := range e.Fields {
			f := &e.Fields[i]
			if path := diffpath.Split(f.Path); len(path) != 1 || path[0] != name || f.Hidden != "" {
				continue
			}
			if n == 0 {
				first = f
			}
			from[n], to[n] = keyTextOrNil(f.From), keyTextOrNil(f.To)
		}
	}
	if first == nil {
		return nil
	}
	return []func(){s.one.ask(keyOfTexts(from), &first.FromName), s.one.ask(keyOfTexts(to), &first.ToName)}
}

func keyOfTexts(texts []any) string {
	for _, text := range texts {
		if text == nil {
			return ""
		}
	}
	return values.RecordID(texts)
}

func keyTextOrNil(v any) any {
	if text := recordedKeyText(v); text != "" {
		return text
	}
	return nil
}

// recordedKeyText is a recorded value as keys are written; "" for what is no key.
func recordedKeyText(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case json.Number:
		return string(x)
	case bool:
		return strconv.FormatBool(x)
	case int64, uint64:
		return values.KeyText(x)
	}
	return ""
}

// named turns records into entries, with names. They are returned in any case.
func (f format) named(ctx context.Context, records []audit.Record) ([]Entry, error) {
	entries := f.entries(records)
	if f.err != nil || f.names == nil {
		return entries, f.err
	}
	return entries, f.names.name(ctx, entries)
}
