package history

import (
	"container/heap"
	"context"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// ordering finds the order in which records are undone: the last change first, except
// that a row is there before others refer to it, and until none does.
type ordering struct {
	v    *reverter
	todo []*undoing // in the order wanted
	// after[i] are those that come behind i, before[i] how many i still waits for.
	after  [][]int
	before []int
	// waits are the foreign keys for which i waits, by what it waits for.
	waits []map[int][]string
	// turns are the unique values for which i waits, by what it waits for.
	turns []map[int][]string
}

// order puts the records in order, and splits in two what foreign keys that lead in a
// circle would never let through.
func (v *reverter) order(ctx context.Context, todo []*undoing) ([]*undoing, error) {
	if len(todo) < 2 {
		return todo, nil
	}
	v.involved = map[string][]*undoing{}
	for _, u := range todo {
		name := u.t.tbl.Schema + "." + u.t.tbl.Name
		v.involved[name] = append(v.involved[name], u)
	}
	o := &ordering{v: v, todo: todo}
	refs := map[*rowTable][]catalog.Reference{}
	for _, u := range todo {
		if _, known := refs[u.t]; known {
			continue
		}
		var err error
		if refs[u.t], err = u.t.references(ctx); err != nil {
			return nil, err
		}
	}
	o.connect(refs)
	o.handOver()
	return o.sort(ctx, refs)
}

func (o *ordering) sort(ctx context.Context, refs map[*rowTable][]catalog.Reference) ([]*undoing, error) {
	ready := &positions{}
	done := make([]bool, len(o.todo))
	for i, n := range o.before {
		if n == 0 {
			heap.Push(ready, i)
		}
	}
	var sorted, rest []*undoing
	for {
		for ready.Len() > 0 {
			i, _ := heap.Pop(ready).(int)
			if done[i] {
				continue
			}
			done[i] = true
			sorted = append(sorted, o.todo[i])
			for _, k := range o.after[i] {
				if o.before[k]--; o.before[k] == 0 {
					heap.Push(ready, k)
				}
			}
		}
		i := slices.Index(done, false)
		if i < 0 {
			return append(sorted, rest...), nil
		}
		// A circle.
		if half, later := o.split(done); half != nil {
			sorted, rest = append(sorted, half...), append(rest, later...)
			for k := range o.before {
				if !done[k] && o.before[k] == 0 {
					heap.Push(ready, k)
				}
			}
			continue
		}
		half, err := o.park(ctx, done)
		if err != nil {
			return nil, err
		}
		if half != nil {
			sorted = append(sorted, half)
			for k := range o.before {
				if !done[k] && o.before[k] == 0 {
					heap.Push(ready, k)
				}
			}
			continue
		}
		if err := o.v.deferKeys(ctx, refs); err != nil {
			return nil, err
		}
		heap.Push(ready, i)
	}
}

// split frees a row of a circle from those that it waits for: one that is inserted or
// updated gets its foreign keys later, one that is deleted gives up its own before. It
// takes columns that may be NULL.
func (o *ordering) split(done []bool) (now, later []*undoing) {
	for i, u := range o.todo {
		if done[i] {
			continue
		}
		if u.kind() == audit.Create {
			if half := o.giveUp(i, done); half != nil {
				return []*undoing{half}, nil
			}
			continue
		}
		loose, others := map[int]bool{}, false
		for _, k := range o.pending(i, done) {
			columns, fk := o.waits[i][k]
			others = others || !fk || !u.t.mayBeNull(columns, loose)
		}
		if others || len(loose) == 0 {
			continue
		}
		for k := range o.waits[i] {
			if !done[k] {
				o.forget(k, i)
			}
		}
		finish := *u
		finish.part, finish.loose = secondHalf, loose
		u.part, u.loose = firstHalf, loose
		return []*undoing{}, []*undoing{&finish}
	}
	return nil, nil
}

// giveUp is the half of a deletion that sets the row's foreign keys NULL, so that the
// ones that it refers to can go.
func (o *ordering) giveUp(i int, done []bool) *undoing {
	u := o.todo[i]
	loose := map[int]bool{}
	var free []int
	for _, k := range o.after[i] {
		if columns, fk := o.waits[k][i]; !done[k] && fk && u.t.mayBeNull(columns, loose) {
			free = append(free, k)
		}
	}
	if len(free) == 0 {
		return nil
	}
	for _, k := range free {
		o.forget(i, k)
	}
	half := *u
	half.part, half.loose = firstHalf, loose
	return &half
}

// pending lists what i waits for.
func (o *ordering) pending(i int, done []bool) []int {
	var all []int
	for k := range o.todo {
		if !done[k] && slices.Contains(o.after[k], i) {
			all = append(all, k)
		}
	}
	return all
}

// forget takes back that k comes behind i.
func (o *ordering) forget(i, k int) {
	o.after[i] = slices.DeleteFunc(o.after[i], func(n int) bool { return n == k })
	o.before[k]--
	delete(o.waits[k], i)
	delete(o.turns[k], i)
}

// mayBeNull adds the columns, unless one of them may not.
func (t *rowTable) mayBeNull(columns []string, to map[int]bool) bool {
	var found []int
	for _, name := range columns {
		i, ok := t.index[name]
		if !ok || t.columns[i].notNull || slices.Contains(t.key, i) {
			return false
		}
		found = append(found, i)
	}
	for _, i := range found {
		to[i] = true
	}
	return true
}

// positions is a heap of places in the order wanted.
type positions []int

func (p positions) Len() int           { return len(p) }
func (p positions) Less(i, j int) bool { return p[i] < p[j] }
func (p positions) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }

// Push adds a place.
func (p *positions) Push(x any) {
	if i, ok := x.(int); ok {
		*p = append(*p, i)
	}
}

// Pop takes the last.
func (p *positions) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}
