package history

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// removal deletes a present row.
func (v *reverter) removal(u *undoing, present []any) (*deed, error) {
	d := u.nothing(present)
	if whole, err := v.wholeRow(u); err != nil || !whole {
		return d, err
	}
	d.step.Action = audit.Delete
	return d, nil
}

// insertion writes the row again.
func (v *reverter) insertion(ctx context.Context, u *undoing, want map[int]cell) (*deed, error) {
	t := u.t
	d := u.nothing(nil)
	if whole, err := v.wholeRow(u); err != nil || !whole {
		return d, err
	}
	d.step.Action, d.want, d.set = audit.Create, want, map[int]any{}
	gaps := Gaps{}
	for i, column := range t.columns {
		c, ok := want[i]
		if ok && column.counts && c.state == known {
			if n := next(c.value); n != nil {
				c.value = n
				want[i] = c
			}
		}
		switch {
		case column.computed:
		case !ok:
			d.step.Left = append(d.step.Left, column.name)
		case c.state != known:
			t.unknown(&gaps, i, c)
		case u.loose[i]:
			delete(want, i)
		default:
			var err error
			if d.set[i], err = t.argument(ctx, i, c.value); err != nil {
				return nil, err
			}
		}
	}
	if u.goal == nil && u.part != secondHalf && slices.ContainsFunc(t.columns, func(c rowColumn) bool {
		_, ok := u.r.Before[c.name]
		return !ok && !c.computed && !c.ignored
	}) {
		gaps.Lost = append(gaps.Lost, t.homeless(u.r.Before)...)
	}
	return d, v.settings.refuse(&d.step, t.bare, u.id.recordID, gaps)
}

// homeless are the columns of an image that the table does not have, and may have under
// another name.
func (t *rowTable) homeless(columns map[string]any) (names []string) {
	for name, v := range columns {
		if _, ok := t.index[name]; !ok && v != nil && !t.q.isDropped(name) && !allTruncated(columns) {
			names = append(names, name)
		}
	}
	return names
}

// change writes the wanted values that differ from the present ones.
func (v *reverter) change(ctx context.Context, u *undoing, present []any, want map[int]cell) (*deed, error) {
	t, r := u.t, u.r
	d := u.nothing(present)
	d.want, d.set, d.key = want, map[int]any{}, slices.Clone(u.id.key)
	only, err := v.only(t)
	if err != nil {
		return nil, err
	}
	gaps := Gaps{}
	for i, column := range t.columns {
		c, ok := want[i]
		if !ok || only != nil && !only[i] || column.computed || column.counts || u.part == firstHalf && u.kind() != audit.Create && u.loose[i] {
			delete(want, i)
			continue
		}
		now := t.now(i, present[i]).value
		if c.state == known && values.MayBeBytes(c.value, now) && !column.rule.IsBinary() {
			c.state = lost // recorded by who did not know the column for one of bytes
		}
		if c.state != known {
			t.unknown(&gaps, i, c)
			continue
		}
		if values.Equal(now, c.value) {
			continue
		}
		if d.set[i], err = t.argument(ctx, i, c.value); err != nil {
			return nil, err
		}
		if n := slices.Index(t.key, i); n >= 0 {
			d.key[n] = c.value
		}
	}
	if u.part == undivided && only == nil {
		for _, name := range r.Changed {
			if _, ok := t.index[name]; !ok && r.Action != audit.Delete && r.Action != audit.Create {
				gaps.Lost = append(gaps.Lost, name) // the column is gone
			}
		}
	}
	if err := v.settings.refuse(&d.step, t.bare, u.id.recordID, gaps); err != nil {
		return nil, err
	}
	if len(d.set) == 0 {
		return d, nil
	}
	d.step.Action = audit.Update
	return d, v.alongside(ctx, d)
}

// alongside counts on what counts, and holds what the database would set.
func (v *reverter) alongside(ctx context.Context, d *deed) error {
	t := d.u.t
	for i, column := range t.columns {
		now := t.now(i, d.present[i]).value
		_, written := d.set[i]
		switch {
		case column.counts:
			if now = next(now); now == nil {
				continue
			}
		case written || !column.onUpdate:
			continue
		}
		var err error
		if d.set[i], err = t.argument(ctx, i, now); err != nil {
			return err
		}
		d.want[i] = cell{state: known, value: now}
	}
	return nil
}

// refuse makes an error of unknown columns, unless they are to be skipped.
func (s *settings) refuse(step *RevertStep, table, recordID string, g Gaps) error {
	slices.Sort(g.Redacted)
	slices.Sort(g.Lost)
	slices.Sort(g.Erased)
	if g.empty() {
		return nil
	}
	if s.revert.skipLost {
		step.Left = slices.Sorted(slices.Values(slices.Concat(step.Left, g.Redacted, g.Lost, g.Erased)))
		return nil
	}
	return &UnknownError{Table: table, RecordID: recordID, Gaps: g}
}

// unknown notes a column whose old value is not known.
func (t *rowTable) unknown(gaps *Gaps, i int, c cell) {
	name := t.columns[i].name
	switch c.state {
	case redacted:
		gaps.Redacted = append(gaps.Redacted, name)
	case erased:
		gaps.Erased = append(gaps.Erased, name)
	default:
		gaps.Lost = append(gaps.Lost, name)
	}
}

// note says what became of a row: what was changed, as records would show it, and
// where that is not what was meant.
func (v *reverter) note(d *deed, stored []any) error {
	t := d.u.t
	d.step.Changes, d.step.Differs = nil, nil
	secretRow := t.secretRow(d.present, stored)
	for i, column := range t.columns {
		var from, to any
		if d.present != nil {
			from = t.now(i, d.present[i]).value
		}
		if stored != nil {
			to = t.now(i, stored[i]).value
		}
		if c, ok := d.want[i]; ok && c.state == known && stored != nil && !values.Equal(c.value, to) {
			d.step.Differs = append(d.step.Differs, column.name)
		}
		if values.Equal(from, to) || column.ignored {
			continue
		}
		change := audit.Change{Path: column.name}
		if secretRow && column.setting {
			change.From, change.To = redact.Named(from), redact.Named(to)
			d.step.Changes = append(d.step.Changes, change)
			continue
		}
		var err error
		if change.From, err = v.shown(t, i, from); err != nil {
			return err
		}
		if change.To, err = v.shown(t, i, to); err != nil {
			return err
		}
		d.step.Changes = append(d.step.Changes, change)
	}
	return nil
}

// shown redacts a value; where the plugin's key is not at hand, hashes are masks.
func (v *reverter) shown(t *rowTable, i int, value any) (any, error) {
	if value == nil {
		return nil, nil
	}
	if p := pluginOf(v.db); p != nil && slices.Contains(t.key, i) {
		return keyShown(p, t.schema, t.bare, t.columns[i].name, value)
	} else if p != nil {
		return p.Shown(t.schema, t.bare, t.columns[i].name, value)
	}
	if hidden := t.plan.Column(t.bare, t.columns[i].name, value); !isHash(hidden) {
		return hidden, nil
	}
	return "***", nil
}

func keyPart(v any) string { return values.KeyText(v) }

// message is what the records of an undoing say, unless the context says something.
func message(u *undoing, several bool) string {
	if several {
		return strings.TrimSpace(fmt.Sprintf("%s of %s undone", u.r.Action, u.r.RecordType))
	}
	return fmt.Sprintf("%s of %s %s undone", u.r.Action, u.r.RecordType, u.r.RecordID)
}
