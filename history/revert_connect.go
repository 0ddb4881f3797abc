package history

import (
	"slices"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// place is a value of a row's columns to which foreign keys may refer.
type place struct{ table, columns, values string }

func placeOf(schemaName, table string, columns []string, image map[string]any) (place, bool) {
	p := place{table: schemaName + "." + table}
	for _, name := range columns {
		v, ok := image[name]
		if !ok || v == nil {
			return p, false
		}
		p.columns += name + "\x00"
		p.values += jsonText(v) + "\x00"
	}
	return p, len(columns) > 0
}

func (o *ordering) connect(refs map[*rowTable][]catalog.Reference) {
	n := len(o.todo)
	o.after, o.before, o.waits, o.turns = make([][]int, n), make([]int, n), make([]map[int][]string, n), make([]map[int][]string, n)
	restores, removes := map[place][]int{}, map[place][]int{}
	targets := map[string][][]string{} // columns referred to, by table
	each := func(f func(i int, u *undoing, ref catalog.Reference, columns []string)) {
		for i, u := range o.todo {
			for _, ref := range refs[u.t] {
				columns := ref.RefColumns
				for other := range refs {
					if len(columns) == 0 && other.tbl.Name == ref.Table && other.tbl.Schema == ref.Schema {
						columns = other.tbl.PrimaryKey
					}
				}
				f(i, u, ref, columns)
			}
		}
	}
	each(func(_ int, _ *undoing, ref catalog.Reference, columns []string) {
		name := ref.Schema + "." + ref.Table
		if !slices.ContainsFunc(targets[name], func(c []string) bool { return slices.Equal(c, columns) }) {
			targets[name] = append(targets[name], columns)
		}
	})
	last := map[string]int{}
	for i, u := range o.todo {
		tbl := u.t.tbl
		for _, columns := range targets[tbl.Schema+"."+tbl.Name] {
			was, ok := placeOf(tbl.Schema, tbl.Name, columns, u.before())
			is, also := placeOf(tbl.Schema, tbl.Name, columns, u.after())
			if ok && also && was == is {
				continue // it is there all the time
			}
			if ok {
				restores[was] = append(restores[was], i)
			}
			if also {
				removes[is] = append(removes[is], i)
			}
		}
		// What happened to one row stays in order, under whichever key.
		row := tbl.Schema + "." + tbl.Name + " "
		for _, id := range []string{row + u.id.recordID, row + u.r.RecordID} {
			if k, ok := last[id]; ok && k != i {
				o.edge(k, i, nil)
			}
			last[id] = i
		}
	}
	each(func(i int, u *undoing, ref catalog.Reference, columns []string) {
		refersTo := func(image map[string]any) (place, bool) {
			mapped := map[string]any{}
			for n, own := range ref.Columns {
				if v, ok := image[own]; ok && n < len(columns) {
					mapped[columns[n]] = v
				}
			}
			return placeOf(ref.Schema, ref.Table, columns, mapped)
		}
		was, ok := refersTo(u.before())
		is, also := refersTo(u.after())
		if ok && also && was == is {
			return
		}
		if ok {
			for _, k := range restores[was] {
				if k != i {
					o.edge(k, i, ref.Columns)
				}
			}
		}
		if also {
			for _, k := range removes[is] {
				if k != i && (u.goal != nil || u.r.Cause != o.todo[k].r.ID) { // a cascade follows by itself
					o.edge(i, k, ref.Columns)
				}
			}
		}
	})
}

// edge says that k comes behind i, because of the columns of a foreign key.
func (o *ordering) edge(i, k int, columns []string) {
	if slices.Contains(o.after[i], k) {
		return
	}
	o.after[i] = append(o.after[i], k)
	o.before[k]++
	if columns == nil {
		return
	}
	if o.waits[k] == nil {
		o.waits[k] = map[int][]string{}
	}
	o.waits[k][i] = columns
}
