package history

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
)

// what says what is erased of a record.
type what struct {
	images bool // Records
	actor  bool // Actors, who did it
	behalf bool // Actors, for whom it was done
	values bool // Values
}

// erase takes values out of r and returns the columns of the audit table that changed.
func (e *erasing) erase(r *audit.Record, w what) (changed []string) {
	set := func(column string, done bool) {
		if done && !slices.Contains(changed, column) {
			changed = append(changed, column)
		}
	}
	text := func(column string, s *string, done bool) {
		if done && *s != "" && *s != ErasedText {
			*s = ErasedText
			set(column, true)
			e.columns[column] = true
		}
	}
	if w.images {
		set("before", e.image(r, r.Before))
		set("after", e.image(r, r.After))
		set("changes", e.changes(r))
		if len(e.o.Columns) == 0 {
			set("metadata", e.all("metadata", r.Metadata))
		}
		text("message", &r.Message, e.o.Texts)
		text("reason", &r.Reason, e.o.Texts)
	}
	if w.actor {
		text("actor_name", &r.Actor.Name, true)
		text("actor_id", &r.Actor.ID, e.o.ActorIDs)
		text("ip", &r.IP, true)
		text("user_agent", &r.UserAgent, true)
		text("session_id", &r.Actor.SessionID, true)
	}
	if w.behalf {
		text("on_behalf_of_name", &r.Actor.OnBehalfOf.Name, true)
		text("on_behalf_of_id", &r.Actor.OnBehalfOf.ID, e.o.ActorIDs)
	}
	if w.values {
		prefix := bareTable(r.Table) + "."
		set("before", e.within(prefix, r.Before))
		set("after", e.within(prefix, r.After))
		set("metadata", e.within("metadata", r.Metadata))
		set("changes", e.changesWithin(r))
		for _, t := range []struct {
			column string
			text   *string
		}{
			{"message", &r.Message},
			{"reason", &r.Reason},
			{"actor_name", &r.Actor.Name},
			{"ip", &r.IP},
			{"session_id", &r.Actor.SessionID},
			{"user_agent", &r.UserAgent},
			{"on_behalf_of_name", &r.Actor.OnBehalfOf.Name},
		} {
			if e.cut(t.text) {
				set(t.column, true)
				e.columns[t.column] = true
			}
		}
	}
	return changed
}

// erases reports whether a column's values are to be erased.
func (e *erasing) erases(r *audit.Record, column string) bool {
	for _, a := range e.aliases { // what it is called now is what options speak of
		if a.old == column {
			column = a.now
		}
	}
	if len(e.o.Columns) > 0 {
		return slices.Contains(e.o.Columns, column) || slices.Contains(e.o.Columns, bareTable(r.Table)+"."+column)
	}
	return !slices.Contains(e.keys[bareTable(r.Table)], column) && !e.linked[bareTable(r.Table)][column]
}

// image erases values of an image. NULL says nothing of anybody, and stays.
func (e *erasing) image(r *audit.Record, image map[string]any) (changed bool) {
	for column, v := range image {
		if v != nil && !isErased(v) && (column == "<truncated>" || e.erases(r, column)) {
			image[column] = erasedMark()
			e.columns[bareTable(r.Table)+"."+column] = true
			changed = true
		}
	}
	return changed
}

// changes erases the changes of the columns. Paths inside of documents may be values
// too: one change stands for all of a column.
func (e *erasing) changes(r *audit.Record) (changed bool) {
	var left []audit.Change
	seen := map[string]bool{}
	for _, c := range r.Changes {
		path := diffpath.Split(c.Path)
		if len(path) == 0 || path[0] != "<truncated>" && !e.erases(r, path[0]) {
			left = append(left, c)
			continue
		}
		if len(path) == 1 && (c.From == nil || isErased(c.From)) && (c.To == nil || isErased(c.To)) {
			left = append(left, c)
			continue
		}
		changed = true
		e.columns[bareTable(r.Table)+"."+path[0]] = true
		if len(path) > 1 {
			if !seen[path[0]] {
				left = append(left, audit.Change{Path: diffpath.Join(path[:1]), From: erasedMark(), To: erasedMark()})
			}
			seen[path[0]] = true
			continue
		}
		left = append(left, audit.Change{Path: c.Path, From: erasedOrNil(c.From), To: erasedOrNil(c.To)})
	}
	r.Changes = left
	return changed
}

func erasedOrNil(v any) any {
	if v == nil {
		return nil
	}
	return erasedMark()
}

// all erases all values of a map, except those by which the plugin says what kind of record
// it is: they are nobody's.
func (e *erasing) all(name string, m map[string]any) (changed bool) {
	for k, v := range m {
		if v != nil && !isErased(v) && !ofRecord(k, v) {
			m[k] = erasedMark()
			changed = true
		}
	}
	if changed {
		e.columns[name] = true
	}
	return changed
}

func ofRecord(k string, v any) bool {
	switch v.(type) {
	case bool:
		return k == "baseline"
	case json.Number:
		return k == "rows" || k == "lost"
	case map[string]any:
		return k == "auditplugin"
	}
	return false
}

// within erases the values of a map that hold one of the texts, at any depth: as a
// whole where it is a text, the entry in a document. name ends with a dot for images.
func (e *erasing) within(name string, m map[string]any) (changed bool) {
	for k, v := range m {
		found, cleaned := e.clean(v)
		if !strings.HasSuffix(name, ".") && e.holds(k) { // a key that is a value, such as an address book's
			delete(m, k)
			k, found = ErasedText, true
		}
		if !found {
			continue
		}
		m[k] = cleaned
		changed = true
		if strings.HasSuffix(name, ".") {
			e.columns[name+k] = true
		} else {
			e.columns[name] = true
		}
	}
	return changed
}

// clean returns a value without the texts.
func (e *erasing) clean(v any) (found bool, cleaned any) {
	switch x := v.(type) {
	case string:
		if e.holds(x) {
			return true, erasedMark()
		}
	case json.Number:
		if slices.Contains(e.o.Values, string(x)) {
			return true, erasedMark()
		}
	case map[string]any:
		for k, entry := range x {
			f, c := e.clean(entry)
			if e.holds(k) {
				delete(x, k)
				x[ErasedText], found = erasedMark(), true
				continue
			}
			if f {
				x[k], found = c, true
			}
		}
	case []any:
		for i, entry := range x {
			if f, c := e.clean(entry); f {
				x[i], found = c, true
			}
		}
	}
	return found, v
}

func (e *erasing) changesWithin(r *audit.Record) (changed bool) {
	for i := range r.Changes {
		c := &r.Changes[i]
		from, cleanFrom := e.clean(c.From)
		to, cleanTo := e.clean(c.To)
		elements := diffpath.Split(c.Path)
		path := len(elements) > 1 && slices.ContainsFunc(elements[1:], e.holds) // inside a document
		if !from && !to && !path {
			continue
		}
		c.From, c.To, changed = cleanFrom, cleanTo, true
		if len(elements) > 0 {
			e.columns[bareTable(r.Table)+"."+elements[0]] = true
			if path {
				c.Path = diffpath.Join(elements[:1])
				c.From, c.To = erasedOrNil(c.From), erasedOrNil(c.To)
			}
		}
	}
	return changed
}

func (e *erasing) holds(s string) bool {
	return slices.ContainsFunc(e.o.Values, func(v string) bool { return strings.Contains(s, v) })
}

// cut takes the texts out of s.
func (e *erasing) cut(s *string) bool {
	if !e.holds(*s) {
		return false
	}
	for _, v := range e.o.Values {
		*s = strings.ReplaceAll(*s, v, ErasedText)
	}
	return true
}
