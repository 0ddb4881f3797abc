package history

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// TableRow is a row without a model, by the name of its table and its key, for
// programs that do not know the application's models. A pointer to one is taken in a
// model's place by [Of], [AsOf], [Blame], [Diff] and [RevertTo]:
//
//	row := history.TableRow{Table: "users", Key: []any{42}}
//	err := history.AsOf(ctx, db, &row, monday)
//	fmt.Println(row.Values["phone"])
//
// What only a model knows is missing: serializers, and audit tags. What a tag keeps
// secret is known from the records instead, see [HiddenColumns]. [RevertTo] needs the option
// [Tables] or [Models].
type TableRow struct {
	// Table is the table's name, with a schema or without.
	Table string
	// Key holds the values of the table's key columns, in the order of the key; texts
	// are as record ids have them ("42").
	Key []any
	// Columns are set by [AsOf]: the table's columns whose values are known, in the
	// table's order. Values are theirs, as records show values: redacted, times as
	// texts. Columns of which records keep the value secret are "***".
	Columns []string
	Values  map[string]any
}

// tableRow tells whether a caller's model is a [TableRow].
func tableRow(model any) (*TableRow, bool) {
	r, ok := model.(*TableRow)
	return r, ok && r != nil
}

// meant is what a caller's model stands for: its schema, nil for a [TableRow], and the
// name of its table.
func meant(db *gorm.DB, model any) (*schema.Schema, string, error) {
	if row, ok := tableRow(model); ok {
		if q := Search(db); q.err != nil {
			return nil, "", q.err
		}
		if row.Table == "" {
			return nil, "", fmt.Errorf("%w: a row without a table", ErrInvalidQuery)
		}
		return nil, row.Table, nil
	}
	s, err := schemaIn(db, model)
	if err != nil {
		return nil, "", err
	}
	name, err := tableOf(db, s)
	return s, name, err
}

// idOfRow names a row without a model.
func (t *rowTable) idOfRow(row *TableRow) (rowID, error) {
	if len(row.Key) != len(t.key) {
		names := make([]string, len(t.key))
		for i, k := range t.key {
			names[i] = t.columns[k].name
		}
		return rowID{}, fmt.Errorf("%w: table %q has the key %q, not one of %d values", ErrInvalidQuery, t.bare, names, len(row.Key))
	}
	key := slices.Clone(row.Key)
	for i, v := range key {
		if text, ok := v.(string); ok {
			if value, ok := t.columns[t.key[i]].rule.FromKeyText(text); ok {
				key[i] = value
			}
		}
	}
	return t.identify(key)
}

// asOf sets the row to what it was.
func (row *TableRow) asOf(ctx context.Context, db *gorm.DB, set settings, when func(q Query) (Moment, error)) error {
	if err := set.alone("AsOf of a TableRow"); err != nil {
		return err
	}
	_, name, err := meant(db, row)
	if err != nil {
		return err
	}
	t, err := openTable(ctx, db, set, nil, name)
	if err != nil {
		return err
	}
	defer t.close()
	id, present, err := t.find(ctx, row, false)
	if err != nil {
		return err
	}
	m, err := when(t.q)
	if err != nil {
		return err
	}
	p, err := t.atFrom(ctx, id, m, present)
	if err != nil {
		return err
	}
	secret, booleans, err := t.secrets(ctx, &id)
	if err != nil {
		return err
	}
	columns, shownAs, gaps := []string(nil), map[string]any{}, t.gaps(p.img)
	for i, c := range p.img {
		name := t.columns[i].name
		if c.state != known || t.columns[i].ignored {
			continue
		}
		shown, err := t.shownPlain(i, c.value)
		if err != nil {
			return err
		}
		switch how := secret[name]; {
		case how == neverRecorded:
			gaps.Unrecorded = append(gaps.Unrecorded, name)
			continue
		case how == redactedThere && shown != nil:
			shown = "***"
		case booleans[name]:
			shown = boolean(shown)
		}
		columns, shownAs[name] = append(columns, name), condition.Form(shown)
	}
	if err := set.accept(t.bare, id.recordID, gaps); err != nil {
		return err
	}
	row.Columns, row.Values = columns, shownAs
	return nil
}

// boolean reads a number of a column that records know for a boolean: SQLite, and MySQL in
// columns of some types, store one as the other.
func boolean(v any) any {
	switch values.KeyText(v) {
	case "0":
		return false
	case "1":
		return true
	}
	return v
}

// shownPlain is what records show of a value; where it would be a hash and the key is
// not at hand, a mask.
func (t *rowTable) shownPlain(i int, value any) (any, error) {
	if p := pluginOf(t.db); p != nil {
		return p.Shown(t.schema, t.bare, t.columns[i].name, value)
	}
	if hidden := t.plan.Column(t.bare, t.columns[i].name, value); !isHash(hidden) {
		return hidden, nil
	}
	return "***", nil
}

// secrecy is how records keep a column secret.
type secrecy uint8

const (
	redactedThere secrecy = iota + 1
	neverRecorded
)

// evidence is how many of the newest records that hold whole rows, and of a row's own,
// are looked at for what they keep secret.
const evidence = 20

// HiddenColumns lists the columns of a table whose values its records do not show, sorted:
// masked, hashed, or not there at all although the record holds a whole row. It looks
// at the newest records of the table that hold whole rows, and so knows of audit tags
// where the models are not at hand. A column that was only ever NULL is not among them,
// nor is any of a table that has no such records; the names of columns are not looked
// at, since the plugin does that by itself.
//
// A program that writes to a table without knowing its model leaves these columns out
// of its own records:
//
//	secret, err := history.HiddenColumns(ctx, db, "users")
//	auditplugin.New(auditplugin.WithoutColumns(secret...))
//
// The table's name is before each of them: "users.phone".
func HiddenColumns(ctx context.Context, db *gorm.DB, table string, opts ...Option) ([]string, error) {
	_, name, err := meant(db, &TableRow{Table: table})
	if err != nil {
		return nil, err
	}
	t, err := openTable(ctx, db, settingsOf(opts), nil, name)
	if err != nil {
		return nil, err
	}
	defer t.close()
	found, _, err := t.secrets(ctx, nil)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(found))
	for column := range found {
		names = append(names, t.bare+"."+column)
	}
	slices.Sort(names)
	return names, nil
}

// secrets learns from records which columns are kept secret, and which are booleans; those
// of one row count beside the newest of the table.
func (t *rowTable) secrets(ctx context.Context, id *rowID) (found map[string]secrecy, booleans map[string]bool, err error) {
	whole, err := t.q.ofTable(t.name).rows().Action(audit.Create, audit.Delete, audit.Event).Newest().Limit(evidence).Find(ctx)
	if err != nil {
		return nil, nil, err
	}
	all := whole
	if id != nil {
		own, err := t.q.ofRow(t.name, id.recordID).rows().Newest().Limit(evidence).Find(ctx)
		if err != nil {
			return nil, nil, err
		}
		all = append(slices.Clone(whole), own...)
	}
	spoken, hidden := map[string]bool{}, map[string]bool{}
	booleans = map[string]bool{}
	for _, r := range all {
		for _, image := range []map[string]any{r.Before, r.After} {
			for name, v := range image {
				spoken[name] = true
				hidden[name] = hidden[name] || hides(v, false)
				if _, is := v.(bool); is {
					booleans[name] = true
				}
			}
		}
	}
	found = map[string]secrecy{}
	for _, c := range t.columns {
		switch {
		case hidden[c.name]:
			found[c.name] = redactedThere
		case !spoken[c.name] && len(whole) > 0 && !spoken["<truncated>"] && !c.computed:
			found[c.name] = neverRecorded
		}
	}
	return found, booleans, nil
}
