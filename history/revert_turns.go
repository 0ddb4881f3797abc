package history

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// handOver sees to it that a unique value is free before a row gets it: rows that are set
// back to a moment have no order, as records do.
func (o *ordering) handOver() {
	givers := map[place]int{}
	uniques := map[*rowTable][][]string{}
	each := func(f func(i int, columns []string, was, is place, had, has bool)) {
		for i, u := range o.todo {
			if u.goal == nil {
				continue
			}
			if _, ok := uniques[u.t]; !ok {
				uniques[u.t] = u.t.uniques()
			}
			for _, columns := range uniques[u.t] {
				was, had := u.holds(columns, u.goal.was)
				is, has := u.holds(columns, u.goal.is)
				if !had || !has || was != is {
					f(i, columns, was, is, had, has)
				}
			}
		}
	}
	each(func(i int, _ []string, _, is place, _, has bool) {
		if has {
			givers[is] = i
		}
	})
	each(func(i int, columns []string, was, _ place, had, _ bool) {
		k, held := givers[was]
		if !had || !held || k == i || slices.Contains(o.after[k], i) {
			return
		}
		o.edge(k, i, nil)
		if o.turns[i] == nil {
			o.turns[i] = map[int][]string{}
		}
		o.turns[i][k] = columns
	})
}

// uniques are the columns of the table's unique indexes, and of those that the model has
// for some of the rows.
func (t *rowTable) uniques() [][]string {
	all := slices.Clone(t.tbl.Uniques)
	if t.schema == nil || !t.tbl.PartialUniques {
		return all
	}
	for _, index := range t.schema.ParseIndexes() {
		var columns []string
		for _, f := range index.Fields {
			if f.Field != nil && f.DBName != "" && f.Expression == "" {
				columns = append(columns, f.DBName)
			}
		}
		if index.Class == "UNIQUE" && len(columns) == len(index.Fields) {
			all = append(all, columns)
		}
	}
	return all
}

// holds is the unique value that a row has, as databases that ignore case and padding
// compare it.
func (u *undoing) holds(columns []string, row map[string]any) (place, bool) {
	lower := make(map[string]any, len(columns))
	for _, name := range columns {
		text, ok := row[name].(string)
		if !ok {
			return place{}, false // NULL, or not known
		}
		lower[name] = strings.TrimRight(strings.ToLower(text), " ")
	}
	return placeOf(u.t.tbl.Schema, u.t.tbl.Name, columns, lower)
}

// park frees a row's unique value for others, where rows hand theirs on in a ring: it is
// NULL for a while, or what the row had in between.
func (o *ordering) park(ctx context.Context, done []bool) (*undoing, error) {
	for i, u := range o.todo {
		if done[i] || u.goal == nil || u.kind() != audit.Update {
			continue
		}
		for _, k := range o.after[i] {
			columns := o.turns[k][i]
			if columns == nil || done[k] {
				continue
			}
			between, err := o.between(ctx, u, columns)
			if err != nil {
				return nil, err
			}
			if between == nil {
				continue
			}
			half := *u
			half.part, half.between = parked, between
			o.forget(i, k)
			return &half, nil
		}
	}
	return nil, nil
}

// between finds a value for one of the columns that no row has or is to have.
func (o *ordering) between(ctx context.Context, u *undoing, columns []string) (map[int]cell, error) {
	t := u.t
	for _, name := range columns {
		if i, ok := t.index[name]; ok && u.goal.was[name] != u.goal.is[name] && t.mayBeNull([]string{name}, map[int]bool{}) && !t.isFollowed(name) {
			return map[int]cell{i: {state: known}}, nil
		}
	}
	for r, err := range t.q.ofRow(t.name, u.r.RecordID).rows().behind(u.r.Seq - 1).All(ctx) {
		if err != nil {
			return nil, err
		}
		for _, name := range columns {
			i, ok := t.index[name]
			v, says := r.After[name]
			if !ok || !says || slices.Contains(t.key, i) || u.goal.was[name] == u.goal.is[name] {
				continue
			}
			c := t.fromRecord(i, v)
			if c.state != known || c.value == nil {
				continue
			}
			free, err := o.free(ctx, u, columns, name, c)
			if err != nil {
				return nil, err
			}
			if free {
				return map[int]cell{i: c}, nil
			}
		}
	}
	return nil, nil
}

// isFollowed reports whether rows that refer to a column change with it: with NULL they
// would be lost.
func (t *rowTable) isFollowed(name string) bool {
	return slices.ContainsFunc(t.tbl.Incoming, func(fk catalog.ForeignKey) bool { return slices.Contains(fk.RefColumns, name) })
}

// free reports whether no row of the table has the unique value that a row has with one of
// its columns changed.
func (o *ordering) free(ctx context.Context, u *undoing, columns []string, name string, c cell) (bool, error) {
	t := u.t
	tx := tableOn(t.db.Session(&gorm.Session{NewDB: true, Context: ctx}), t.name)
	conditions := map[string]any{}
	for _, column := range columns {
		value := c.value
		i, ok := t.index[column]
		if !ok {
			return false, nil
		}
		if column != name {
			value = u.goal.now[i].value
		}
		var err error
		if conditions[column], err = t.argument(ctx, i, value); err != nil {
			return false, err
		}
	}
	var found []int
	err := tx.Where(conditions).Select("1").Limit(1).Find(&found).Error
	return len(found) == 0, err
}
