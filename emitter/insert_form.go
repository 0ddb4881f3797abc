package emitter

import (
	"strconv"
	"sync"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// columnSet is a set of the columns of an INSERT.
type columnSet uint64

func (s columnSet) has(at int) bool { return s&(1<<at) != 0 }

// form is what the text of an INSERT depends on, besides the number of its rows.
type form struct {
	// literal are the columns that the text itself gives a value: those that are
	// empty in all rows, and the version if it is the present one.
	literal columnSet
	// shared are the columns that have one value, which is sent once.
	shared columnSet
}

const (
	allColumns columnSet = 1<<entry.Columns - 1
	// ownColumns are those that the rows of one statement mostly differ in.
	ownColumns = 1<<entry.AtID | 1<<entry.AtTime | 1<<entry.AtRecordID | 1<<entry.AtBefore | 1<<entry.AtAfter | 1<<entry.AtChanged | 1<<entry.AtChanges
	// commonColumns are the others. If not all rows agree in them, none is shared:
	// there would be too many forms.
	commonColumns = allColumns &^ ownColumns
)

// entryColumns are the columns that entries have themselves.
var entryColumns = [...]int{entry.AtID, entry.AtRecordID, entry.AtBefore, entry.AtAfter, entry.AtChanged, entry.AtChanges, entry.AtCause}

// formOf is the form of an INSERT of entries.
func formOf(entries []entry.Entry) form {
	literal := allColumns
	first := &entries[0]
	alike, sameTime, sameChanged, sameCause := true, true, true, true
	var last *entry.Shared
	for i := range entries {
		e := &entries[i]
		if e.Shared != last {
			last = e.Shared
			literal &= literalColumns(last)
			alike = alike && last.Like(first.Shared)
			sameTime = sameTime && last.Time.Equal(first.Shared.Time)
		}
		for _, at := range entryColumns {
			if e.Text(at) != "" {
				literal &^= 1 << at
			}
		}
		sameChanged = sameChanged && e.Changed == first.Changed
		sameCause = sameCause && e.Cause == first.Cause
	}
	f := form{literal: literal}
	if alike && len(entries) > 1 {
		f.shared = commonColumns
		if sameTime {
			f.shared |= 1 << entry.AtTime
		}
		if sameChanged {
			f.shared |= 1 << entry.AtChanged
		}
		if !sameCause {
			f.shared &^= 1 << entry.AtCause
		}
	}
	return f
}

// plain is the form to fall back on: without literals, and with as much shared as f
// allows.
func (f form) plain() form {
	if f.shared&commonColumns == commonColumns {
		return form{shared: commonColumns}
	}
	return form{}
}

func literalColumns(s *entry.Shared) columnSet {
	set := allColumns &^ (1<<entry.AtTime | 1<<entry.AtVersion)
	for at := range s.Texts {
		if s.Texts[at] != "" {
			set &^= 1 << at
		}
	}
	if s.Version == audit.SchemaVersion {
		set |= 1 << entry.AtVersion
	}
	return set
}

// literalText is what an INSERT says of a column that needs no argument.
func literalText(at int) string {
	switch {
	case at == entry.AtVersion:
		return strconv.Itoa(audit.SchemaVersion)
	case entry.IsJSON(at):
		return "NULL"
	}
	return "''"
}

// maxForms bounds how many forms of INSERT a table has. Which columns are empty
// depends on what the application says of its changes, mostly the same few.
const maxForms = 64

// lengths is how many lengths of statement a form has.
const lengths = maxPower + 1

// forms remembers the texts of INSERTs, by form and length.
type forms struct {
	build func(f form, length int) string
	mu    sync.RWMutex
	texts map[form]*[lengths]string
}

// text is the statement for rows of form f, and the form that it has.
func (c *forms) text(f form, length int) (string, form) {
	c.mu.RLock()
	known, ok := c.texts[f]
	if ok && known[length] != "" {
		defer c.mu.RUnlock()
		return known[length], f
	}
	c.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if known = c.texts[f]; known == nil {
		if plain := f.plain(); len(c.texts) >= maxForms && f != plain {
			if f = plain; c.texts[f] != nil {
				known = c.texts[f]
			}
		}
		if known == nil {
			if c.texts == nil {
				c.texts = map[form]*[lengths]string{}
			}
			known = new([lengths]string)
			c.texts[f] = known
		}
	}
	if known[length] == "" {
		known[length] = c.build(f, length)
	}
	return known[length], f
}
