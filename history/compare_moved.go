package history

import (
	"context"
	"errors"

	"github.com/gorm-audit/auditplugin/audit"
)

// moved reports whether the row came to its key, or left it for another one, among the
// records behind first and up to last: its own do not tell the whole of it then.
func (t *rowTable) moved(ctx context.Context, id rowID, d *difference, first, last int64) (bool, error) {
	if d.left || d.created || first >= last {
		return d.left, nil
	}
	before, err := t.q.ofRow(t.name, id.recordID).rows().upTo(AtSeq(first)).Newest().First(ctx)
	if err == nil && t.stays(id, &before) {
		return false, nil
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, err
	}
	arrival, err := t.arrival(ctx, id, t.q.behind(first).upTo(AtSeq(last)))
	return arrival != nil, err
}

// apart compares whole rows, of which one may not have been there.
func (t *rowTable) apart(ctx context.Context, id rowID, a, b Moment) ([]audit.Change, error) {
	present, err := t.one(ctx, id.key, false)
	if err != nil {
		return nil, err
	}
	d := difference{secret: map[string]audit.Change{}}
	rowAt := func(m Moment) (map[string]any, error) {
		p, err := t.atFrom(ctx, id, m, present)
		if errors.Is(err, ErrNotFound) {
			return map[string]any{}, nil
		}
		if err != nil {
			return nil, err
		}
		return t.shownRow(id, p.img)
	}
	if d.from, err = rowAt(a); err != nil {
		return nil, err
	}
	if d.to, err = rowAt(b); err != nil {
		return nil, err
	}
	for name := range d.to {
		if _, known := d.from[name]; !known {
			d.from[name] = nil
		}
	}
	return d.changes()
}

// shownRow is a row as records would show it.
func (t *rowTable) shownRow(id rowID, img image) (map[string]any, error) {
	row := map[string]any{}
	var g Gaps
	for i, c := range img {
		if t.columns[i].ignored || c.state == absent {
			continue
		}
		switch c.state {
		case known:
			shown, err := t.shownPlain(i, c.value)
			if err != nil {
				return nil, err
			}
			row[t.columns[i].name] = shown
		case redacted:
			row[t.columns[i].name] = "***"
		default:
			t.unknown(&g, i, c)
		}
	}
	if !g.empty() {
		return nil, &UnknownError{Table: t.bare, RecordID: id.recordID, Gaps: g}
	}
	return row, nil
}
