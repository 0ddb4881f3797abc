package oracle

import (
	"maps"
	"slices"
	"testing"
)

// mergeNext joins the change at i with the next one of the same row: the net
// effect. op is "" when they undo each other.
func (o *Oracle) mergeNext(changes []change, i int) (at int, merged change, ok bool) {
	a := changes[i]
	key := a.key
	if columns := o.keyColumns(a.table); a.op == "update" && !slices.ContainsFunc(columns, func(k string) bool { _, moved := a.after[k]; return !moved }) && len(columns) > 0 {
		key = keyOf(a.after, columns)
	}
	for j := i + 1; j < len(changes); j++ {
		b := changes[j]
		if b.table != a.table || b.key != key {
			continue
		}
		if b.call != a.call || !o.options.merge && b.stmt != a.stmt {
			return 0, change{}, false // two statements are two records
		}
		merged = change{n: a.n, op: a.op, table: a.table, key: a.key, stmt: a.stmt, tx: a.tx, call: a.call, before: maps.Clone(a.before), after: maps.Clone(a.after)}
		switch {
		case a.op == "insert" && b.op == "update":
			maps.Copy(merged.after, b.after)
			merged.key = keyOf(merged.after, o.keyColumns(a.table)) // the update may have moved it
		case a.op == "insert" && b.op == "delete":
			merged.op = ""
		case a.op == "update" && b.op == "update":
			for name, value := range b.before {
				if _, ok := merged.before[name]; !ok {
					merged.before[name] = value
				}
			}
			maps.Copy(merged.after, b.after)
			merged = o.tidyMerged(merged)
		case a.op == "delete" && b.op == "insert":
			merged.op = "update"
			merged.after = maps.Clone(b.after)
			merged = o.tidyMerged(merged)
		case a.op == "update" && b.op == "delete":
			merged.op, merged.after = "delete", nil
			merged.before = maps.Clone(b.before)
			maps.Copy(merged.before, a.before)
		default:
			return 0, change{}, false
		}
		return j, merged, true
	}
	return 0, change{}, false
}

func (o *Oracle) tidyMerged(c change) change {
	for name := range c.after {
		if Equal(c.before[name], c.after[name]) {
			delete(c.before, name)
			delete(c.after, name)
		}
	}
	if len(c.after) == 0 {
		c.op = ""
	}
	return c
}

// replay applies the trail to what the tables held at first: the outcome must be
// what they hold now. It also judges the tables that triggers do not see.
func (o *Oracle) replay(t testing.TB, entries []Entry) {
	t.Helper()
	for _, table := range o.tables {
		if len(o.keyColumns(table)) == 0 {
			continue
		}
		var own []Entry
		for _, e := range entries {
			if e.Table == table {
				own = append(own, e)
			}
		}
		o.replayTable(t, table, own)
	}
}

func (o *Oracle) replayTable(t testing.TB, table string, entries []Entry) {
	t.Helper()
	columns := o.keyColumns(table)
	state := byKey(o.first[table], columns)
	for _, e := range entries {
		key := o.entryKey(t, e)
		row := maps.Clone(state[key])
		for name, value := range e.Before {
			if !o.redacted(table, name) && !Equal(row[name], value) {
				t.Errorf("entry %d: before the change %s %s had %s = %v, recorded is %v", e.Seq, table, key, name, row[name], value)
			}
		}
		if row == nil {
			row = map[string]any{}
		}
		delete(state, key)
		if e.Action != "delete" {
			maps.Copy(row, e.After)
			state[keyOf(row, columns)] = row
		}
	}
	now := byKey(o.rows(t, table), columns)
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if state[key] == nil {
			t.Errorf("the trail does not lead to the row %s %s", table, key)
			continue
		}
		for name, value := range now[key] {
			if !o.redacted(table, name) && !o.ignored(table, name) && !Equal(value, state[key][name]) {
				t.Errorf("the trail leads to %s %s with %s = %v, the table holds %v", table, key, name, state[key][name], value)
			}
		}
		delete(state, key)
	}
	for _, key := range slices.Sorted(maps.Keys(state)) {
		t.Errorf("the trail leads to a row %s %s that is not there", table, key)
	}
}

func byKey(rows []map[string]any, columns []string) map[string]map[string]any {
	m := map[string]map[string]any{}
	for _, row := range rows {
		m[keyOf(row, columns)] = row
	}
	return m
}
