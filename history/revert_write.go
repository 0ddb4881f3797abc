package history

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
)

// maxArguments is how many a statement of a revert has; SQLite takes 32,766.
const maxArguments = 20_000

// handle is a session that writes to the table, in the name of the records undone.
func (v *reverter) handle(ctx context.Context, t *rowTable, deeds []*deed) *gorm.DB {
	u := deeds[0].u
	ctx = audit.WithCause(ctx, u.r.ID)
	if len(deeds) > 1 {
		causes := make(map[string]string, len(deeds))
		for _, d := range deeds {
			causes[d.u.id.recordID] = d.u.r.ID
		}
		ctx = audit.WithCauses(audit.WithCause(ctx, ""), func(table, recordID string) string {
			if table != t.bare && table != t.name {
				return ""
			}
			return causes[recordID]
		})
	}
	if audit.MessageFrom(ctx) == "" {
		ctx = audit.WithMessage(ctx, message(u, len(deeds) > 1))
	}
	tx := v.db.Session(&gorm.Session{NewDB: true, Context: ctx, SkipHooks: true})
	if t.schema == nil || t.schema.Table != t.name {
		tx = tableOn(tx, t.name)
	}
	if t.schema != nil {
		tx = tx.Model(t.newModel())
	}
	// Version columns and soft deletes add nothing of their own.
	return tx.Unscoped()
}

// together says how many rows one statement may write: each has a record with a cause
// of its own, which not every plugin can tell from one statement.
func (v *reverter) together(arguments int) int {
	if p := v.db.Plugins["auditplugin"]; p != nil {
		if c, ok := p.(interface{ CausesByRow() bool }); !ok || !c.CausesByRow() {
			return 1
		}
	}
	return max(1, min(revertBatch, maxArguments/max(1, arguments)))
}

// finish looks at what became of a statement.
func finish(deeds []*deed, tx *gorm.DB) error {
	if tx.Error != nil {
		return fmt.Errorf("auditplugin: undoing record %q: %w", deeds[0].u.r.ID, tx.Error)
	}
	if tx.RowsAffected == 0 {
		return deeds[0].u.conflict("the database wrote no row")
	}
	return nil
}

// remove deletes rows.
func (v *reverter) remove(ctx context.Context, t *rowTable, deeds []*deed) error {
	if len(deeds) == 0 {
		return nil
	}
	if err := v.checkChildren(ctx, t, deeds); err != nil {
		return err
	}
	if err := v.untie(ctx, t, deeds); err != nil {
		return err
	}
	for chunk := range slices.Chunk(deeds, v.together(len(t.key))) {
		where, err := t.keyCondition(ctx, keysOf(chunk))
		if err != nil {
			return err
		}
		if err := finish(chunk, v.handle(ctx, t, chunk).Where(where).Delete(t.newModel())); err != nil {
			return err
		}
	}
	return nil
}

func keysOf(deeds []*deed) [][]any {
	keys := make([][]any, len(deeds))
	for n, d := range deeds {
		keys[n] = d.u.id.key
	}
	return keys
}

// update sets columns. The clause itself is given, so that no field permission and no
// serializer has a say.
func (v *reverter) update(ctx context.Context, t *rowTable, deeds []*deed) error {
	for _, group := range t.alike(deeds, t.choosable) {
		size := 1
		if t.choosable(group[0].set) {
			size = v.together(len(group[0].set) * (1 + len(t.key)))
		}
		if err := v.checkLosers(ctx, t, group); err != nil {
			return err
		}
		for chunk := range slices.Chunk(group, size) {
			set, err := t.assignments(ctx, chunk)
			if err != nil {
				return err
			}
			where, err := t.keyCondition(ctx, keysOf(chunk))
			if err != nil {
				return err
			}
			tx := v.handle(ctx, t, chunk).Clauses(set).Where(where).UpdateColumns(map[string]any{})
			if err := finish(chunk, tx); err != nil {
				return err
			}
		}
	}
	return nil
}

// alike groups rows in which the same columns are written, in the order in which they
// come. Rows that are not free to be written before others join only their neighbours.
func (t *rowTable) alike(deeds []*deed, free func(set map[int]any) bool) [][]*deed {
	var groups [][]*deed
	at := map[string]int{}
	for _, d := range deeds {
		name := fmt.Sprint(slices.Sorted(maps.Keys(d.set)))
		n, ok := at[name]
		if !ok || n < len(groups)-1 && !free(d.set) {
			n = len(groups)
			at[name] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], d)
	}
	return groups
}

// choosable reports whether CASE can choose among values of the columns: of some types
// databases make others, a key that moves cannot choose, and unique values are checked row
// by row, so that they have to move one after the other.
func (t *rowTable) choosable(set map[int]any) bool {
	if t.tbl.PartialUniques {
		return false
	}
	for i := range set {
		if slices.ContainsFunc(t.tbl.Uniques, func(columns []string) bool { return slices.Contains(columns, t.columns[i].name) }) {
			return false
		}
		dbType, _, _ := strings.Cut(t.columns[i].dbType, " ")
		if types := t.facts.CaseTypes; slices.Contains(t.key, i) || types != nil && !slices.Contains(types, dbType) {
			return false
		}
	}
	return true
}

// assignments sets in each row what it is to have.
func (t *rowTable) assignments(ctx context.Context, deeds []*deed) (clause.Set, error) {
	var set clause.Set
	for _, i := range slices.Sorted(maps.Keys(deeds[0].set)) {
		column := clause.Column{Name: t.columns[i].name}
		if sameForAll(deeds, i) {
			set = append(set, clause.Assignment{Column: column, Value: deeds[0].set[i]})
			continue
		}
		e := clause.Expr{SQL: "CASE"}
		for _, d := range deeds {
			is, err := t.keyCondition(ctx, [][]any{d.u.id.key})
			if err != nil {
				return nil, err
			}
			e.SQL += " WHEN ? THEN ?"
			e.Vars = append(e.Vars, is, d.set[i])
		}
		e.SQL += " ELSE ? END"
		e.Vars = append(e.Vars, column)
		set = append(set, clause.Assignment{Column: column, Value: e})
	}
	return set, nil
}

func sameForAll(deeds []*deed, i int) bool {
	for _, d := range deeds[1:] {
		if !reflect.DeepEqual(d.set[i], deeds[0].set[i]) {
			return false
		}
	}
	return true
}

// insert writes rows again.
func (v *reverter) insert(ctx context.Context, t *rowTable, deeds []*deed) error {
	for _, group := range t.alike(deeds, func(map[int]any) bool { return !t.selfReferring }) {
		for chunk := range slices.Chunk(group, v.together(len(group[0].set))) {
			rows := t.wholeRows(chunk)
			tx := v.handle(ctx, t, chunk).Clauses(rows)
			if len(chunk) == 1 {
				tx = tx.Create(rows.maps()[0])
			} else {
				many := rows.maps()
				tx = tx.Create(&many)
			}
			if err := finish(chunk, tx); err != nil {
				return err
			}
		}
	}
	return nil
}

// wholeRows is a VALUES clause that stands in the place of GORM's own, which leaves out
// the columns that the model may not create, and knows no identity columns.
type wholeRows struct {
	values     clause.Values
	overriding bool
}

func (t *rowTable) wholeRows(deeds []*deed) wholeRows {
	w := wholeRows{}
	columns := slices.Sorted(maps.Keys(deeds[0].set))
	for _, i := range columns {
		w.values.Columns = append(w.values.Columns, clause.Column{Name: t.columns[i].name})
		w.overriding = w.overriding || t.columns[i].identity
	}
	for _, d := range deeds {
		row := make([]any, len(columns))
		for n, i := range columns {
			row[n] = d.set[i]
		}
		w.values.Values = append(w.values.Values, row)
	}
	return w
}

func (w wholeRows) maps() []map[string]any {
	rows := make([]map[string]any, len(w.values.Values))
	for n, row := range w.values.Values {
		rows[n] = make(map[string]any, len(row))
		for i, c := range w.values.Columns {
			rows[n][c.Name] = row[i]
		}
	}
	return rows
}

// Name is that of GORM's clause.
func (wholeRows) Name() string { return "VALUES" }

// Build is never called: the builder that MergeClause sets is.
func (wholeRows) Build(clause.Builder) {}

// MergeClause keeps GORM's clause, which is merged later, from being written.
func (w wholeRows) MergeClause(c *clause.Clause) {
	c.Builder = func(_ clause.Clause, b clause.Builder) {
		if stmt, ok := b.(*gorm.Statement); ok { // whoever looks at the statement sees what is sent
			stmt.Clauses["VALUES"] = clause.Clause{Expression: w.values}
		}
		if !w.overriding {
			w.values.Build(b)
			return
		}
		_ = b.WriteByte('(')
		for i, c := range w.values.Columns {
			if i > 0 {
				_ = b.WriteByte(',')
			}
			b.WriteQuoted(c)
		}
		_, _ = b.WriteString(") OVERRIDING SYSTEM VALUE VALUES ")
		for i, row := range w.values.Values {
			if i > 0 {
				_ = b.WriteByte(',')
			}
			_ = b.WriteByte('(')
			b.AddVar(b, row...)
			_ = b.WriteByte(')')
		}
	}
}
