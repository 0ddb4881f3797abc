package history

import (
	"context"
	"errors"
	"math"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// familyReverter sets back a row and what belonged to it.
type familyReverter struct {
	v      *reverter
	model  any
	schema *schema.Schema
	table  string
	moment func(context.Context, Query) (Moment, error)

	root   *rowTable
	id     rowID
	m      Moment
	tree   []*branch
	open   *tables
	then   *layer
	now    *layer
	locked map[string]map[string][]any // present rows by table and record id
	done   map[string]map[string]bool  // rows that were dealt with
	todo   []*undoing
}

// revertFamily is RevertTo with associations. The rows are found out beforehand, so
// that inside the transaction they are locked before anything is read: on MySQL, what
// is read first decides what the transaction sees.
func revertFamily(ctx context.Context, db *gorm.DB, set settings, s *schema.Schema, model any,
	moment func(context.Context, Query) (Moment, error),
) (Reverted, error) {
	tx, err := session(ctx, db)
	if err != nil {
		return Reverted{}, err
	}
	table, err := tableOf(db, s)
	if err != nil {
		return Reverted{}, err
	}
	first := &familyReverter{v: &reverter{db: tx, settings: set}, model: model, schema: s, table: table, moment: moment}
	defer first.close()
	if err := first.find(ctx); err != nil {
		return Reverted{}, err
	}
	return inTransaction(ctx, db, set, func(v *reverter) error {
		f := &familyReverter{v: v, model: model, schema: s, table: table, id: first.id, moment: moment}
		defer f.close()
		if err := f.lock(ctx, first); err != nil {
			return err
		}
		if err := f.find(ctx); err != nil {
			return err
		}
		if err := f.check(); err != nil {
			return err
		}
		return f.restore(ctx)
	})
}

// begin opens the row's table.
func (f *familyReverter) begin(ctx context.Context) error {
	if f.root != nil {
		return nil
	}
	var err error
	if f.tree, err = branches(f.schema, f.v.settings.with); err != nil {
		return err
	}
	if f.root, err = openTable(ctx, f.v.db, f.v.settings, f.schema, f.table); err != nil {
		return err
	}
	f.root.thorough = true // whether rows are still under their keys matters as well
	f.open = newTables(f.v.db, f.v.settings, f.root)
	f.open.thorough = true
	if f.id.recordID == "" {
		f.id, _, err = f.root.find(ctx, f.model, false)
	}
	return err
}

func (f *familyReverter) close() {
	if f.open != nil {
		f.open.close()
	}
}

// find finds out what belonged at the moment and what belongs now.
func (f *familyReverter) find(ctx context.Context) error {
	err := f.begin(ctx)
	if err != nil {
		return err
	}
	if f.m, err = f.moment(ctx, f.root.q); err != nil {
		return err
	}
	if f.then, err = f.at(ctx, f.m, nil); err != nil {
		return err
	}
	belonged := map[string]map[string]*rowThen{}
	for _, l := range f.then.all() {
		belonged[l.path] = l.ids()
	}
	f.now, err = f.at(ctx, AtSeq(math.MaxInt64), func(path string, row *rowThen) bool {
		return belonged[path][row.id.recordID] != nil
	})
	return err
}

// at finds what belonged to the row at a moment; if the row did not exist, what
// referred to it.
func (f *familyReverter) at(ctx context.Context, m Moment, keep func(string, *rowThen) bool) (*layer, error) {
	t := f.root
	present, err := t.one(ctx, f.id.key, false)
	if err != nil {
		return nil, err
	}
	row := &rowThen{id: f.id, exists: present != nil}
	p, err := t.atFrom(ctx, f.id, m, present)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	row.past = p
	if err != nil {
		row.past.img = nil
	}
	top := &layer{table: t, rows: []*rowThen{row}}
	walk := &then{open: f.open, m: m, unscoped: true, keep: keep}
	return top, walk.grow(ctx, top, f.tree)
}

// lock locks the rows that were found, and reads them.
func (f *familyReverter) lock(ctx context.Context, first *familyReverter) error {
	if err := f.begin(ctx); err != nil {
		return err
	}
	f.locked = map[string]map[string][]any{}
	for _, l := range append([]*layer{first.now}, slices.Concat(first.now.all()[1:], first.then.all()[1:])...) {
		t, err := f.own(ctx, l.table)
		if err != nil {
			return err
		}
		rows := f.locked[t.name]
		if rows == nil {
			rows = map[string][]any{}
			f.locked[t.name] = rows
		}
		var keys [][]any
		for _, row := range l.rows {
			if _, known := rows[row.id.recordID]; known {
				continue
			}
			rows[row.id.recordID] = nil
			if row.exists { // MySQL would lock the gap
				keys = append(keys, row.id.key)
			}
		}
		if err := t.readInto(ctx, keys, true, rows); err != nil {
			return err
		}
	}
	return nil
}

// own is the transaction's own for a table that was opened outside.
func (f *familyReverter) own(ctx context.Context, t *rowTable) (*rowTable, error) {
	if t.name == f.root.name && t.schema.ModelType == f.schema.ModelType {
		return f.root, nil
	}
	return f.open.open(ctx, t.schema)
}

// check makes sure that what is to be written was locked.
func (f *familyReverter) check() error {
	for _, l := range slices.Concat(f.now.all(), f.then.all()) {
		for _, row := range l.rows {
			if _, ok := f.locked[l.table.name][row.id.recordID]; !ok {
				return &ConflictError{Table: l.table.bare, RecordID: row.id.recordID, Reason: "it came or went meanwhile"}
			}
		}
	}
	return nil
}

// restore takes away what came since, from the bottom up, then sets back what was there,
// in the order of the references, except where single rows need another one.
func (f *familyReverter) restore(ctx context.Context) error {
	f.done = map[string]map[string]bool{}
	belonged := map[string]map[string]bool{}
	for _, l := range f.then.all() {
		for _, row := range l.rows {
			if belonged[l.table.name] == nil {
				belonged[l.table.name] = map[string]bool{}
			}
			belonged[l.table.name][row.id.recordID] = l.branch != nil || row.past.img != nil
		}
	}
	layers := f.now.all()
	slices.Reverse(layers)
	for _, l := range layers {
		if l.branch != nil && !l.joining && !l.branch.owns() {
			continue
		}
		went := map[string]rowID{}
		for _, row := range l.rows {
			if row.past.img != nil && !belonged[l.table.name][row.id.recordID] {
				went[row.id.recordID] = row.id
			}
		}
		if err := f.settle(ctx, l, went); err != nil {
			return err
		}
	}
	if err := f.write(ctx, f.then); err != nil {
		return err
	}
	ordered, err := f.v.order(ctx, f.todo)
	if err != nil {
		return err
	}
	if err := f.v.undoAll(ctx, ordered); err != nil {
		return err
	}
	return f.v.checkDeferred(ctx)
}

// write has the rows of a layer set back: after those that they refer to, before those
// that refer to them.
func (f *familyReverter) write(ctx context.Context, at *layer) error {
	for _, sub := range at.subs {
		if sub.branch.rel.Type == schema.BelongsTo {
			if err := f.write(ctx, sub); err != nil {
				return err
			}
		}
	}
	ids := map[string]rowID{}
	for _, row := range at.rows {
		if row.past.img != nil {
			ids[row.id.recordID] = row.id
		}
	}
	if err := f.settle(ctx, at, ids); err != nil {
		return err
	}
	for _, sub := range at.subs {
		if sub.branch.rel.Type == schema.BelongsTo {
			continue
		}
		if err := f.write(ctx, sub); err != nil {
			return err
		}
		if sub.join != nil {
			if err := f.write(ctx, sub.join); err != nil {
				return err
			}
		}
	}
	return nil
}
