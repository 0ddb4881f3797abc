package history

import (
	"context"
	"fmt"
	"math"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
)

// Line says where the value of one column comes from.
type Line struct {
	// Column is the column's name in the database.
	Column string
	// Value is what the record says it was set to, redacted as records are; nil
	// without a record.
	Value any
	// Record is the record of the change that set it, and so tells who, when, why
	// and in which transaction. It is nil where no record does: the column has not
	// changed since recording began or since its records were pruned, or it is
	// never recorded. The creation is named only if no record behind it was pruned.
	Record *audit.Record
}

// Blame tells for each column of a row which change set its present value, in the
// order of the table's columns; of a row that is gone, its last values.
//
//	lines, err := history.Blame(ctx, db, &user)
//
// model is as for [Of]. A column that was not changed since the row was created
// comes from the record of its creation. A row whose key was changed is followed
// to its old key; see [FixedKeys]. Baselines have set nothing. A value that was set away and back comes from
// the change that set it back. It fails with [ErrNotFound] for a row that neither
// exists nor has records. For one place inside a JSON column, ask
// Of(db, &user).Path("address.city").Newest().First(ctx), which finds nothing if no
// update has changed it.
func Blame(ctx context.Context, db *gorm.DB, model any, opts ...Option) ([]Line, error) {
	set := settingsOf(opts)
	if err := set.alone("Blame"); err != nil {
		return nil, err
	}
	s, name, err := meant(db, model)
	if err != nil {
		return nil, err
	}
	t, err := openTable(ctx, db, set, s, name)
	if err != nil {
		return nil, err
	}
	id, present, err := t.find(ctx, model, false)
	if err != nil {
		return nil, err
	}
	b := &blame{t: t, lines: make([]Line, len(t.columns)), left: len(t.columns)}
	for i, c := range t.columns {
		b.lines[i].Column = c.name
	}
	if err := b.follow(ctx, id, present != nil); err != nil {
		return nil, err
	}
	if present == nil && !b.any {
		return nil, fmt.Errorf("%w: row %q of table %q", ErrNotFound, id.recordID, t.bare)
	}
	return b.lines, nil
}

// schemaIn checks db before it parses model.
func schemaIn(db *gorm.DB, model any) (*schema.Schema, error) {
	if q := Search(db); q.err != nil {
		return nil, q.err
	}
	return schemaOf(db, model)
}

// blame collects lines, newest record first.
type blame struct {
	t     *rowTable
	lines []Line
	left  int
	any   bool // a record was seen
}

// follow goes back through the records of a row, and of the keys it had before.
func (b *blame) follow(ctx context.Context, id rowID, present bool) error {
	until := int64(math.MaxInt64)
	for {
		beginning, since, err := b.under(ctx, id, until, present)
		if err != nil || beginning || b.left == 0 {
			return err
		}
		// What came before happened to the row under another key.
		arrival, err := b.t.arrival(ctx, id, b.t.q.behind(since.behind).ahead(since.seq))
		if err != nil || arrival == nil {
			return err
		}
		b.any = true
		b.set(arrival, arrival.After)
		id, until, present = rowID{recordID: arrival.RecordID}, arrival.Seq, true
	}
}

// since is where the records of a row under one key begin: with seq, and behind the
// end of another row that had the key.
type since struct{ seq, behind int64 }

// under takes the records under one key, before until. present tells that the row
// was there then. It reports whether it came to the row's creation.
func (b *blame) under(ctx context.Context, id rowID, until int64, present bool) (beginning bool, at since, err error) {
	at = since{seq: until, behind: math.MinInt64}
	q := b.t.q.ofRow(b.t.name, id.recordID).Newest()
	records, err := q.rows().ahead(until).Limit(walkPage).Find(ctx)
	for size := walkPage; ; size = walkMore {
		if err != nil {
			return false, at, err
		}
		for i := range records {
			r := &records[i]
			until = r.Seq
			switch {
			case r.Action == audit.Event:
				b.any = true // a baseline has set nothing
				continue
			case !b.t.stays(id, r):
				if present || b.any {
					// An earlier row with the same key.
					at.behind = r.Seq
					return false, at, nil
				}
				b.any = true
				at.seq = r.Seq
				continue // it is gone; what were its last values?
			}
			b.any = true
			at.seq = r.Seq
			if r.Action == audit.Create {
				if gap, err := b.t.gap(ctx, id, r); err != nil || gap {
					return true, at, err // who set what is left is in no record
				}
			}
			b.set(r, r.After)
			if r.Action == audit.Create || b.left == 0 {
				return true, at, nil
			}
		}
		if len(records) < size {
			return false, at, nil
		}
		// Of a trail that is long, the database passes over what says nothing new.
		records, err = q.ahead(until).telling(b.t, b.open(), false).Limit(walkMore).few(ctx)
	}
}

// open lists the columns of which nobody has said who set them.
func (b *blame) open() []string {
	var names []string
	for _, l := range b.lines {
		if l.Record == nil {
			names = append(names, l.Column)
		}
	}
	return names
}

// set names r for the columns that nothing newer has set.
func (b *blame) set(r *audit.Record, columns map[string]any) {
	if allTruncated(columns) {
		columns = map[string]any{}
		for _, name := range r.Changed {
			columns[name] = nil
		}
	}
	for name, v := range columns {
		i, ok := b.t.index[name]
		if !ok || b.lines[i].Record != nil {
			continue
		}
		record := *r
		b.lines[i].Value, b.lines[i].Record = v, &record
		b.left--
	}
}
