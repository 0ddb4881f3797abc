package emitter

import (
	"strconv"

	"github.com/gorm-audit/auditplugin/internal/entry"
)

// boxes holds, as arguments, what the entries at hand share, so that it is turned
// into arguments once. Much of it is the same in the next transaction.
type boxes struct {
	of   *entry.Shared
	vals [entry.Columns]any
}

// encoding is how a dialect takes arguments: the layout of times, "" for time.Time
// itself, and whether numbers are texts.
type encoding struct {
	layout string
	text   bool
}

// value is a column as an argument: NULL, a text, or what the encoding says.
func (b *boxes) value(e *entry.Entry, at int, as encoding) any {
	switch at {
	case entry.AtID, entry.AtRecordID, entry.AtCause:
		return e.Text(at)
	case entry.AtBefore, entry.AtAfter, entry.AtChanged, entry.AtChanges:
		if text := e.Text(at); text != "" {
			return text
		}
		return nil
	}
	if b.of != e.Shared {
		b.turn(e.Shared)
	}
	if b.vals[at] == nil {
		b.vals[at] = box(e.Shared, at, as)
	}
	return b.vals[at]
}

// turn forgets what s does not share with the entries before.
func (b *boxes) turn(s *entry.Shared) {
	for at := range b.vals {
		if b.of != nil && b.of.Texts[at] != s.Texts[at] {
			b.vals[at] = nil
		}
	}
	if b.of != nil && !b.of.Time.Equal(s.Time) {
		b.vals[entry.AtTime] = nil
	}
	if b.of != nil && b.of.Version != s.Version {
		b.vals[entry.AtVersion] = nil
	}
	b.of = s
}

func box(s *entry.Shared, at int, as encoding) any {
	switch {
	case at == entry.AtTime && as.layout == "":
		return s.Time
	case at == entry.AtTime:
		return s.Time.Format(as.layout)
	case at == entry.AtVersion && as.text:
		return strconv.Itoa(s.Version)
	case at == entry.AtVersion:
		return int64(s.Version)
	case entry.IsJSON(at) && s.Texts[at] == "":
		return nil
	}
	return s.Texts[at]
}
