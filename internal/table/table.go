// Package table has a table as the database and the model describe it, and one row of it.
package table

import (
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// Table is a table ready to be read. It is only read once made, and shared.
type Table struct {
	*Model
	Catalog *catalog.Table
	Name    Name
	Tenant  string // of its schema
	Columns []values.Column
	Rules   []values.Rule  // by column, how its values become canonical
	Index   map[string]int // column name → position
	Key     []int          // positions of the key's columns
	// KeyStays is set when the UPDATE that the table was narrowed for leaves the key's
	// columns alone.
	KeyStays bool
	// Exact is set when the key is one that the database guarantees.
	Exact bool
	// Blind is set when the role may read none of the columns.
	Blind bool
	// Show says by column how its values are recorded; ByName is the columns'
	// order by name, which is that of a record's Changed.
	Show   []Display
	ByName []int
	// Bare and Qualified are the columns as SQL, List is Qualified as one text, SQLName
	// the table's own name: qualified only where the statement qualifies it, since the
	// same name may stand for another tenant's table on another connection.
	Bare, Qualified []string
	List, SQLName   string
	// RowID is the name by which rows of a table without a key are found on SQLite, or ""
	// where there is none.
	RowID string
	// Naming is the column that names a row of a table of settings, or -1.
	Naming int

	// Statements of ours by those of the application: what reads the rows of an UPDATE,
	// what stands in for it, and a statement that returns our columns as well.
	Reading, Standing, Returning Derivations

	memo      sync.Map // what others derive of the table
	narrowed  sync.Map // names of assigned columns → *Table
	narrowing atomic.Int32
}

// Display is what is known about recording a column's values.
type Display struct {
	Model  string // the column's name as the model spells it
	Hidden bool
	Open   bool // values other than documents are shown as they are
	// Pseudonym is set for a column of the key that may not be seen: a keyed hash stands
	// for its value, so that rows can be told apart.
	Pseudonym bool
	// Setting is set for a value of which the row's own name says whether it is a secret.
	Setting bool
	Path    string // the column as a path
	Key     entry.Key
}

// New is the table that a model and the catalog describe.
func New(d *dialect.Dialect, m *Model, described *catalog.Table, name Name) *Table {
	t := &Table{Model: m, Catalog: described, Name: name, Index: map[string]int{}}
	t.Blind = len(described.Columns) > 0 && !slices.ContainsFunc(described.Columns, func(c catalog.Column) bool { return c.Selectable })
	for _, c := range described.Columns {
		if !c.Selectable && !t.Blind {
			continue
		}
		t.Index[c.Name] = len(t.Columns)
		t.Columns = append(t.Columns, values.Column{Name: c.Name, Field: m.fieldOf(described, c.Name), DBType: c.DBType})
	}
	if len(described.Columns) == 0 && m.Schema != nil {
		// The catalog does not know this dialect: believe the model.
		for _, name := range m.Schema.DBNames {
			t.Index[name] = len(t.Columns)
			t.Columns = append(t.Columns, values.Column{Name: name, Field: m.field(name)})
		}
	}
	t.SQLName = d.Qualified(name.Schema, name.Name)
	t.findKey()
	alias := d.Quote(name.Alias) + "."
	for i, c := range t.Columns {
		t.Rules = append(t.Rules, values.For(d.Name(), c))
		column, read := d.Quote(c.Name), d.Read
		if slices.Contains(t.Key, i) {
			read = d.ReadKey
		}
		t.Bare = append(t.Bare, read(column, c.DBType))
		t.Qualified = append(t.Qualified, read(alias+column, c.DBType))
	}
	t.List = strings.Join(t.Qualified, ",")
	t.findDisplay()
	if d.HasRowID && len(t.Key) == 0 && described.Kind == catalog.Plain && !described.WithoutRowID {
		t.RowID = rowIDName(described)
	}
	return t
}

// Canonical is a column's name as the catalog spells it.
func (t *Table) Canonical(name string) string {
	if _, ok := t.Index[name]; ok {
		return name
	}
	if c, ok := t.Catalog.Column(name); ok {
		return c.Name
	}
	return name
}

// At is the position of a column, in whatever case the database takes its name.
func (t *Table) At(name string) (int, bool) {
	at, ok := t.Index[t.Canonical(name)]
	return at, ok
}

// rowIDName is a name for the rowid that no column has taken: a column named rowid is
// the column, not the rowid.
func rowIDName(described *catalog.Table) string {
	for _, name := range catalog.RowIDNames() {
		if _, taken := described.Column(name); !taken {
			return name
		}
	}
	return ""
}

// IsRowID reports whether a name is the rowid's, by which rows of a table without a key are
// found.
func (t *Table) IsRowID(name string) bool {
	if t.RowID == "" || !catalog.IsRowID(name) {
		return false
	}
	_, taken := t.Catalog.Column(name)
	return !taken
}

// findKey prefers the database's key to the model's: a model may name columns that
// the database does not hold unique.
func (t *Table) findKey() {
	names := t.Catalog.PrimaryKey
	if len(names) == 0 && t.Schema != nil {
		names = t.Schema.PrimaryFieldDBNames
	}
	if len(names) == 0 {
		for _, u := range t.Catalog.Uniques {
			if t.Catalog.UniqueNotNull(u) {
				names = u
				break
			}
		}
	}
	t.Key = t.Positions(names)
	t.Exact = len(t.Key) > 0 && t.Catalog.UniqueNotNull(names)
}

func (t *Table) findDisplay() {
	t.Show = make([]Display, len(t.Columns))
	naming, settings := redact.SettingColumns(t.names())
	t.Naming = slices.Index(t.names(), naming)
	for i, c := range t.Columns {
		model := c.Name
		if c.Field != nil {
			model = c.Field.DBName
		}
		t.Show[i] = Display{
			Model:     model,
			Hidden:    t.ignored[strings.ToLower(c.Name)] || t.Ignored(model),
			Open:      t.Plan.Open(model),
			Pseudonym: slices.Contains(t.Key, i) && t.Plan.Sensitive(model),
			Setting:   slices.Contains(settings, c.Name) && t.Plan.Undecided(model),
			Path:      diffpath.Join([]string{c.Name}),
			Key:       entry.NewKey(c.Name),
		}
	}
	t.ByName = t.All()
	sort.Slice(t.ByName, func(i, k int) bool { return t.Columns[t.ByName[i]].Name < t.Columns[t.ByName[k]].Name })
}

func (t *Table) names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// All are the positions of all columns.
func (t *Table) All() []int {
	at := make([]int, len(t.Columns))
	for i := range at {
		at[i] = i
	}
	return at
}

// Positions are those of the named columns; nil where one of them is not known.
func (t *Table) Positions(names []string) []int {
	at := make([]int, len(names))
	for i, name := range names {
		k, ok := t.At(name)
		if !ok {
			return nil
		}
		at[i] = k
	}
	return at
}

// KeyNames are the names of the key's columns.
func (t *Table) KeyNames() []string {
	names := make([]string, len(t.Key))
	for i, k := range t.Key {
		names[i] = t.Columns[k].Name
	}
	return names
}

// KeysChange reports whether one of the named columns belongs to a unique key.
func (t *Table) KeysChange(names []string) bool {
	return slices.ContainsFunc(t.Catalog.Uniques, func(unique []string) bool {
		return slices.ContainsFunc(unique, func(c string) bool { return slices.Contains(names, c) })
	})
}

// KeyIn reports whether one of the named columns is the key's.
func (t *Table) KeyIn(names []string) bool {
	return slices.ContainsFunc(t.KeyNames(), func(k string) bool { return slices.Contains(names, k) })
}

// Column is what the catalog says of the column at a position.
func (t *Table) Column(at int) (catalog.Column, bool) { return t.Catalog.Column(t.Columns[at].Name) }

// Normalise turns driver values into an image.
func (t *Table) Normalise(raw []any) Image {
	img := make(Image, len(t.Columns))
	t.NormaliseInto(img, raw)
	return img
}

// NormaliseInto is Normalise with the caller's image.
func (t *Table) NormaliseInto(img Image, raw []any) {
	for i := range t.Columns {
		img[i] = t.Rules[i].Normalise(raw[i])
	}
}

// Rows turns driver values into rows.
func (t *Table) Rows(raw [][]any) []Row {
	rows := make([]Row, 0, len(raw))
	for _, r := range raw {
		rows = append(rows, Row{Image: t.Normalise(r), Raw: r})
	}
	return rows
}

// Identity is the key of an image as a map key; "" without a key.
func (t *Table) Identity(img Image) string { return img.Identity(t.Key) }

// Unique leaves out rows that were met before, which a join repeats. Rows whose key is NULL
// are not the same.
func (t *Table) Unique(rows []Row) []Row {
	if len(t.Key) == 0 {
		return rows
	}
	seen := make(map[string]bool, len(rows))
	out := rows[:0]
	for _, r := range rows {
		id := t.Identity(r.Image)
		if !seen[id] || r.Image.HasNull(t.Key) {
			seen[id] = true
			out = append(out, r)
		}
	}
	return out
}

// KeyParams are the parameters that find a row again by its key.
func (t *Table) KeyParams(img Image, raw []any) []any {
	params := make([]any, len(t.Key))
	for i, k := range t.Key {
		params[i] = Param(img[k], raw[k])
	}
	return params
}

// Seen is what may be seen of a column's value.
func (t *Table) Seen(at int, v any) any {
	show := &t.Show[at]
	switch {
	case show.Pseudonym:
		return t.Plan.Pseudonym(t.Model.Table, show.Model, v)
	case show.Open && !IsDocument(v) && !redact.MayBeDocument(v):
		return t.Rules[at].Recordable(v)
	}
	return t.Rules[at].Recordable(t.Plan.Column(t.Model.Table, show.Model, v))
}

// SecretRow reports whether a row of a table of settings is called like a secret, in one of
// its images.
func (t *Table) SecretRow(images ...Image) bool {
	if t.Naming < 0 {
		return false
	}
	return slices.ContainsFunc(images, func(img Image) bool { return img != nil && redact.SecretSetting(img[t.Naming]) })
}

// IsDocument reports whether a value is compared by path.
func IsDocument(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// RecordID is the row's key as text, redacted where it is a secret.
func (t *Table) RecordID(img Image) string {
	if len(t.Key) == 1 {
		return values.KeyText(t.Seen(t.Key[0], img[t.Key[0]]))
	}
	vals := make([]any, len(t.Key))
	for i, k := range t.Key {
		vals[i] = t.Seen(k, img[k])
	}
	return values.RecordID(vals)
}

// Memo is what make returned for the key the first time. make may run more than once.
func (t *Table) Memo(key any, make func() any) any {
	if v, ok := t.memo.Load(key); ok {
		return v
	}
	v, _ := t.memo.LoadOrStore(key, make())
	return v
}
