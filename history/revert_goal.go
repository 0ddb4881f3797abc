package history

import (
	"context"

	"github.com/gorm-audit/auditplugin/audit"
)

// goal is what a row is to be, whatever has happened to it.
type goal struct {
	// undoes is what reaching it undoes: a creation, a deletion or a change.
	undoes audit.Action
	// img is the row; nil where there is to be none.
	img image
	// counted are version columns as they were when the row was deleted.
	counted map[int]cell
	// was and is are the row as it is to be and as it is now, by column, for the order.
	was, is map[string]any
	now     image // the present row
}

// aim makes an undoing of what a row is to be: img, or nothing.
func (v *reverter) aim(ctx context.Context, t *rowTable, id rowID, first audit.Record, img image, present []any) (*undoing, error) {
	g := &goal{undoes: audit.Update, img: img, counted: map[int]cell{}}
	u := &undoing{t: t, r: first, id: id, goal: g}
	only, err := v.only(t)
	if err != nil {
		return nil, err
	}
	if present != nil {
		g.is = map[string]any{}
		for i, c := range t.columns {
			g.now = append(g.now, t.now(i, present[i]))
			g.is[c.name] = textOf(g.now[i])
		}
	}
	switch {
	case img == nil:
		g.undoes = audit.Create
	case present == nil:
		g.undoes = audit.Delete
		err = v.countOn(ctx, u, g.counted)
	}
	if img != nil {
		g.was = map[string]any{}
		for i, c := range img {
			switch {
			case present != nil && (c.present || c.state != known || only != nil && !only[i]):
				g.was[t.columns[i].name] = g.is[t.columns[i].name]
			case c.state == known:
				g.was[t.columns[i].name] = textOf(c)
			}
		}
	}
	return u, err
}

func textOf(c cell) any {
	if c.value == nil {
		return nil
	}
	return keyPart(c.value)
}

// cells are the columns that are written to reach the goal: of a row that is there, those
// of which the present one does not tell.
func (g *goal) cells(present []any) map[int]cell {
	want := map[int]cell{}
	for i, c := range g.img {
		if c.state != absent && (present == nil || !c.present) {
			want[i] = c
		}
	}
	if present == nil {
		for i, c := range g.counted {
			want[i] = c
		}
	}
	return want
}

// reach makes the row what it is to be.
func (v *reverter) reach(ctx context.Context, u *undoing, present []any) (*deed, error) {
	switch {
	case u.part == parked && present != nil:
		return v.change(ctx, u, present, u.between)
	case u.part == parked:
		return u.nothing(nil), nil
	case u.goal.img == nil && present == nil:
		return u.nothing(nil), nil
	case u.goal.img == nil:
		return v.removal(u, present)
	case present == nil: // or something has taken it along
		return v.insertion(ctx, u, u.goal.cells(nil))
	case u.goal.undoes == audit.Delete:
		return nil, u.conflict("there is a row with this key again")
	}
	return v.change(ctx, u, present, u.goal.cells(present))
}

// before and after are what the row is to be and what it is, as far as that is known.
func (u *undoing) before() map[string]any {
	if u.goal != nil {
		return u.goal.was
	}
	return u.r.Before
}

func (u *undoing) after() map[string]any {
	if u.goal != nil {
		return u.goal.is
	}
	return u.r.After
}
