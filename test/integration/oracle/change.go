package oracle

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// change is one row change as the database made it.
type change struct {
	n             int64
	op            string // insert, update, delete
	table, key    string
	stmt, tx      string // equal for changes of one statement, of one transaction; tx may be unknown
	before, after map[string]any
	call          Call // the call that made it, if the test marks its calls
}

func (c change) String() string {
	return fmt.Sprintf("%s %s %s\n      before %v\n      after  %v", c.op, c.table, c.key, c.before, c.after)
}

// changes reads what the triggers wrote, without updates that changed nothing.
func (o *Oracle) changes(t testing.TB) []change {
	t.Helper()
	rows, err := o.db.Query("SELECT n, op, tbl, stmt, tx, " + quote(o.dialect, "before") + ", " + quote(o.dialect, "after") +
		" FROM " + sideTable + " ORDER BY n")
	if err != nil {
		t.Fatalf("oracle: %v", err)
	}
	defer func() { _ = rows.Close() }()
	var all []change
	for rows.Next() {
		var c change
		var before, after []byte
		if err := rows.Scan(&c.n, &c.op, &c.table, &c.stmt, &c.tx, &before, &after); err != nil {
			t.Fatalf("oracle: %v", err)
		}
		if slices.Contains(o.options.snapshot, c.table) {
			continue
		}
		c.before, c.after = object(t, before), object(t, after)
		c.call = o.callOf(t, c)
		if c = o.tidy(c); c.op != "" {
			all = append(all, c)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("oracle: %v", err)
	}
	return all
}

// tidy drops ignored columns, reduces an update to its changed columns, and finds
// the key under which the row was known before the change.
func (o *Oracle) tidy(c change) change {
	image := c.before
	if c.op == "insert" {
		image = c.after
	}
	c.key = keyOf(image, o.keyColumns(c.table))
	c.before, c.after = o.visible(c.table, c.before), o.visible(c.table, c.after)
	if c.op != "update" {
		return c
	}
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

func (o *Oracle) visible(table string, image map[string]any) map[string]any {
	image = maps.Clone(image)
	for name := range image {
		if o.ignored(table, name) {
			delete(image, name)
		}
	}
	return image
}

// keyOf is the text under which rows are grouped; "" for tables without a key.
func keyOf(image map[string]any, columns []string) string {
	values := make([]string, 0, len(columns))
	for _, name := range columns {
		values = append(values, keyText(image[name]))
	}
	switch len(values) {
	case 0:
		return ""
	case 1:
		return values[0]
	}
	text, _ := json.Marshal(values)
	return string(text)
}

func keyText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if at, ok := instant(v); ok {
			return at.UTC().String()
		}
		return v
	}
	return fmt.Sprint(v)
}
