package history

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
)

type alias struct{ old, now string }

// Alias says that a column was once called old and is now called now. Records from
// before are found by the new name and returned under it. Calls add up; a column
// that was renamed twice takes one for each old name.
func (q Query) Alias(old, now string) Query {
	if old == "" || now == "" || old == now {
		return q.failed("Alias(%q, %q)", old, now)
	}
	q.aliases = append(slices.Clip(q.aliases), alias{old, now})
	return q
}

// Formerly says that the table of the rows asked about, by [Of], [OfTable] or
// [Query.Model], once had another name: records from then are found as well, and
// keep it. Calls add up.
func (q Query) Formerly(table string) Query {
	if table == "" {
		return q.failed("Formerly: no table")
	}
	q.formerly = append(slices.Clip(q.formerly), table)
	return q
}

// inTable is the condition that a record is about the named table, under its
// present name or an older one.
func (b *builder) inTable(name string) clause.Expression {
	texts := b.recordedNames(name)
	for _, old := range b.q.formerly {
		texts = append(texts, b.recordedNames(old)...)
	}
	return among{"table_name", texts}
}

// recordedNames are the names that records may give to a table. Without a schema a
// name stands for the table that the connection finds first. With one, records that
// say so are meant, and, unless these tell it from another table of that name, those
// that do not say.
func (b *builder) recordedNames(name string) []any {
	bare := emitter.StoredText("table_name", bareTable(name))
	if schemaOfTable(name) == "" {
		return []any{bare}
	}
	if known, ok := b.q.recorded[name]; ok {
		return known
	}
	full := emitter.StoredText("table_name", name)
	if b.toldApart(name, full) {
		return []any{full}
	}
	return []any{full, bare}
}

// toldApart reports whether records name the table with its schema, while the name
// alone means another one.
func (b *builder) toldApart(name, full string) bool {
	if b.db.DryRun || b.q.db.Statement == nil {
		return false
	}
	var seqs []int64
	tx := tableOn(led(b.db.Session(&gorm.Session{NewDB: true, Context: b.ctx}), b.db), b.q.auditTable())
	if err := tx.Clauses(clause.Where{Exprs: []clause.Expression{among{"table_name", []any{full}}}}).Limit(1).Pluck("seq", &seqs).Error; err != nil || len(seqs) == 0 {
		return false // an error will show in the question itself
	}
	other, err := catalog.Load(b.ctx, b.q.db.Statement.ConnPool, b.q.db.Name(), "", bareTable(name))
	return err == nil && other.Kind != catalog.Missing && !strings.EqualFold(other.Schema, schemaOfTable(name))
}

// names returns the names that a column has had, the given one first.
func (b *builder) names(column string) []string {
	names := []string{column}
	for _, a := range b.q.aliases {
		if a.now == column {
			names = append(names, a.old)
		}
	}
	return names
}

type renamer []alias

// record gives the columns of r their present names.
func (n renamer) record(r *audit.Record) {
	for _, a := range n {
		rename(r.Before, a)
		rename(r.After, a)
		for i, name := range r.Changed {
			if name == a.old && !slices.Contains(r.Changed, a.now) {
				r.Changed[i] = a.now
			}
		}
		for i, c := range r.Changes {
			path := diffpath.Split(c.Path)
			if len(path) == 0 || path[0] != a.old {
				continue
			}
			rest := strings.TrimPrefix(c.Path, diffpath.Join(path[:1]))
			r.Changes[i].Path = diffpath.Join([]string{a.now}) + rest
		}
	}
	if len(n) > 0 {
		slices.Sort(r.Changed)
	}
}

func rename(image map[string]any, a alias) {
	v, was := image[a.old]
	if _, is := image[a.now]; was && !is {
		image[a.now] = v
		delete(image, a.old)
	}
}
