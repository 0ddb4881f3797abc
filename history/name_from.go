package history

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// NameFrom returns a resolver that reads a column of the model's rows: the name of a
// field, or of the column.
//
//	history.NameColumn("users.role_id", history.NameFrom(db, &Role{}, "Name"))
//
// Keys are those of the model. It asks one question for a few hundred keys. Rows that
// are gone have the name that the records know last; soft-deleted ones have theirs. A
// column that the model's tags, or its name, keep secret is [ErrRedacted]. db's own
// context counts where no other is given. It is safe for concurrent use. Of the options,
// [Asking] counts: where tenants share a trail, it says whose rows are named.
func NameFrom(db *gorm.DB, model any, column string, opts ...Option) Resolver {
	return func(ctx context.Context, keys []string) (map[string]string, error) {
		s, err := schemaIn(db, model)
		if err != nil {
			return nil, err
		}
		if ctx == context.Background() && db.Statement.Context != nil {
			ctx = db.Statement.Context
		}
		t, err := openModel(ctx, db, settingsOf(opts), s)
		if err != nil {
			return nil, err
		}
		name := column
		if f := s.LookUpField(column); f != nil && f.DBName != "" {
			name = f.DBName
		}
		i, ok := t.index[name]
		if !ok {
			return nil, fmt.Errorf("%w: NameFrom: table %q has no column %q", ErrInvalidQuery, t.bare, name)
		}
		if c := t.columns[i]; c.secret || c.ignored {
			return nil, fmt.Errorf("%w: NameFrom: column %q", ErrRedacted, name)
		}
		return t.names(ctx, i, keys)
	}
}

func (t *rowTable) names(ctx context.Context, i int, keys []string) (map[string]string, error) {
	var present [][]any
	for _, text := range keys {
		if key := t.keyOfID(text); key != nil {
			present = append(present, key)
		}
	}
	rows := map[string][]any{}
	if err := t.readInto(ctx, present, false, rows); err != nil {
		return nil, err
	}
	names := map[string]string{}
	var gone []string
	for _, text := range keys {
		raw, ok := rows[text]
		if !ok {
			gone = append(gone, text)
			continue
		}
		if v := t.now(i, raw[i]).value; v != nil {
			names[text] = values.KeyText(v)
		}
	}
	records := map[string][]audit.Record{}
	for some := range slices.Chunk(gone, idsAtOnce) {
		if err := t.collect(ctx, t.about(t.q, some, []int{i}), []int{i}, records); err != nil {
			return nil, err
		}
	}
	for text, trail := range records {
		if c := t.lastKnown(i, trail); c.state == known && c.value != nil {
			names[text] = values.KeyText(c.value)
		}
	}
	return names, nil
}

// lastKnown is what the records say last of a column.
func (t *rowTable) lastKnown(i int, trail []audit.Record) cell {
	for _, r := range slices.Backward(trail) {
		for _, image := range []map[string]any{r.After, r.Before} {
			if v, ok := image[t.columns[i].name]; ok {
				return t.fromRecord(i, v)
			}
		}
	}
	return cell{}
}
