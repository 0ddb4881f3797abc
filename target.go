package auditplugin

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// image is a row's canonical values, in the order of target.cols.
type image []any

// target is a table as the database describes it, ready to be read.
type target struct {
	*model
	tbl   *catalog.Table
	ref   table
	cols  []values.Column
	rules []values.Rule
	index map[string]int // column name → position
	key   []int          // positions of the key's columns
	// keyStays is set when the UPDATE that the target was narrowed for leaves the key's
	// columns alone.
	keyStays bool
	// exact is set when the key is one that the database guarantees.
	exact bool
	// blind is set when the role may read none of the columns.
	blind bool
	// show says by column how its values are recorded; byName is the columns'
	// order by name, which is that of Changed.
	show   []display
	byName []int
	// bare and qualified are the columns as SQL, list is qualified as one text.
	bare, qualified []string
	list            string
	single          singleSQL

	// Statements of ours by those of the application: what reads the rows of an UPDATE,
	// what stands in for it, and a statement that returns our columns as well.
	reading, standing, returning texts
	// writeLock is SQL that makes a SQLite transaction a writer.
	writeLock string

	narrow  sync.Map // names of assigned columns → *target
	narrows atomic.Int32
}

// display is what is known about recording a column's values.
type display struct {
	hidden bool
	open   bool   // values other than documents are shown as they are
	path   string // the column as a path
	key    entry.Key
}

type targetKey struct {
	model *model
	ref   table
}

// targetFor asks the catalog through conn, which must be the connection of the
// statement: a pool of one connection has no other.
func (p *Plugin) targetFor(ctx context.Context, s *state, m *model, ref table) (*target, error) {
	tbl, err := p.describeTable(ctx, s, ref)
	if err != nil {
		return nil, fmt.Errorf("auditplugin: reading the catalog for table %q: %w", ref.name, err)
	}
	key := targetKey{m, ref}
	if known, ok := p.targets.Load(key); ok && known.(*target).tbl == tbl {
		return known.(*target), nil
	}
	t := &target{model: m, tbl: tbl, ref: ref, index: map[string]int{}}
	t.blind = len(tbl.Columns) > 0 && !slices.ContainsFunc(tbl.Columns, func(c catalog.Column) bool { return c.Selectable })
	for _, c := range tbl.Columns {
		if !c.Selectable && !t.blind {
			continue
		}
		t.index[c.Name] = len(t.cols)
		t.cols = append(t.cols, values.Column{Name: c.Name, Field: fieldOf(m.schema, c.Name), DBType: c.DBType})
	}
	if len(tbl.Columns) == 0 && m.schema != nil {
		// The catalog does not know this dialect: believe the model.
		for _, name := range m.schema.DBNames {
			t.index[name] = len(t.cols)
			t.cols = append(t.cols, values.Column{Name: name, Field: m.schema.FieldsByDBName[name]})
		}
	}
	for _, c := range t.cols {
		t.rules = append(t.rules, values.For(p.server.Dialect, c))
	}
	t.findKey()
	t.findDisplay()
	t.bare, t.qualified = t.columnLists(p.db.Statement, p.server.Dialect, false), t.columnLists(p.db.Statement, p.server.Dialect, true)
	t.joinLists(p.db.Statement)
	if !s.uncertain() && tbl.Kind != catalog.Missing {
		p.targets.Store(key, t)
	}
	return t, nil
}

// describeTable asks the catalog, or its cache where that speaks for this
// connection.
func (p *Plugin) describeTable(ctx context.Context, s *state, ref table) (*catalog.Table, error) {
	if s.uncertain() {
		return catalog.Load(ctx, s.conn, p.server.Dialect, ref.schema, ref.name)
	}
	return p.catalog.Get(ctx, s.conn, p.server.Dialect, ref.schema, ref.name)
}

func fieldOf(s *schema.Schema, column string) *schema.Field {
	if s == nil {
		return nil
	}
	return s.FieldsByDBName[column]
}

// findKey prefers the database's key to the model's: a model may name columns that
// the database does not hold unique.
func (t *target) findKey() {
	names := t.tbl.PrimaryKey
	if len(names) == 0 && t.schema != nil {
		names = t.schema.PrimaryFieldDBNames
	}
	if len(names) == 0 {
		for _, u := range t.tbl.Uniques {
			if t.tbl.UniqueNotNull(u) {
				names = u
				break
			}
		}
	}
	for _, n := range names {
		i, ok := t.index[n]
		if !ok {
			t.key = nil
			return
		}
		t.key = append(t.key, i)
	}
	t.exact = len(t.key) > 0 && t.tbl.UniqueNotNull(names)
}

func (t *target) findDisplay() {
	t.show = make([]display, len(t.cols))
	for i, c := range t.cols {
		t.show[i] = display{
			hidden: t.ignored[c.Name] || t.plan.Ignored(c.Name),
			open:   t.plan.Open(c.Name),
			path:   diffpath.Join([]string{c.Name}),
			key:    entry.NewKey(c.Name),
		}
	}
	t.byName = t.all()
	sort.Slice(t.byName, func(i, k int) bool { return t.cols[t.byName[i]].Name < t.cols[t.byName[k]].Name })
}

// columnLists quotes the columns, qualified or not.
func (t *target) columnLists(s *gorm.Statement, dialect string, qualified bool) []string {
	list := make([]string, len(t.cols))
	for i, c := range t.cols {
		if qualified {
			list[i] = t.quoted(s, c.Name)
		} else {
			list[i] = quoteIdent(s, c.Name)
		}
		if dialect == "mysql" && c.DBType == "FLOAT" {
			// As text MySQL gives 6 digits of a FLOAT, in its binary protocol all.
			list[i] += "+0e0"
		}
	}
	return list
}

// joinLists makes the texts that statements are put together from.
func (t *target) joinLists(s *gorm.Statement) {
	t.list = strings.Join(t.qualified, ",")
	t.writeLock = "DELETE FROM " + tableSQL(s, t.ref) + " WHERE 0"
	if s.Name() == "postgres" {
		t.single = t.singleTexts(s)
	}
}

func (t *target) all() []int {
	idx := make([]int, len(t.cols))
	for i := range idx {
		idx[i] = i
	}
	return idx
}

// normalise turns driver values into an image.
func (t *target) normalise(raw []any) image {
	img := make(image, len(t.cols))
	t.normaliseInto(img, raw)
	return img
}

func (t *target) normaliseInto(img image, raw []any) {
	for i := range t.cols {
		img[i] = t.rules[i].Normalise(raw[i])
	}
}

// identity is the key of an image as a map key; "" without a key.
func (t *target) identity(img image) string { return identityOf(img, t.key) }

func identityOf(img image, idx []int) string {
	if len(idx) == 1 {
		return values.KeyText(img[idx[0]])
	}
	vals := make([]any, len(idx))
	for i, k := range idx {
		vals[i] = img[k]
	}
	return values.RecordID(vals)
}

// recordID is the record's row as text, redacted where the key is a secret.
func (t *target) recordID(img image) string {
	if len(t.key) == 1 {
		return values.KeyText(t.seen(t.key[0], img[t.key[0]]))
	}
	vals := make([]any, len(t.key))
	for i, k := range t.key {
		vals[i] = t.seen(k, img[k])
	}
	return values.RecordID(vals)
}

// quoted returns a column of the target as SQL, qualified by its alias.
func (t *target) quoted(stmt *gorm.Statement, column string) string {
	return quoteIdent(stmt, t.ref.alias) + "." + quoteIdent(stmt, column)
}

// quoteIdent quotes one identifier. GORM's quoting splits at dots, which a column
// name may contain.
func quoteIdent(stmt *gorm.Statement, name string) string {
	q := byte('"')
	if stmt.Dialector.Name() == "mysql" {
		q = '`'
	}
	b := make([]byte, 0, len(name)+2)
	b = append(b, q)
	for i := range len(name) {
		if name[i] == q {
			b = append(b, q)
		}
		b = append(b, name[i])
	}
	return string(append(b, q))
}
