package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// asOfPage is how many rows AsOfAll holds at once.
const asOfPage = 500

// AsOfAll returns an iterator over all rows that a table had at a moment, each as
// [AsOf] would give it: first those that still exist, in the order of their key,
// then those that are gone. Soft-deleted rows are left out, as GORM's Find does,
// unless db is Unscoped.
//
//	for order, err := range history.AsOfAll[Order](ctx, db, lastMonth) {
//		if err != nil {
//			return err
//		}
//		if order.CustomerID == 7 { … }
//	}
//
// Conditions belong into the loop, where they see the rows as they were; see
// [Present] for one that the database can help with. It reads 500 rows at a time,
// and their records after the moment: a few questions for each page, and a few more
// for rows with very many records. The body of the loop
// may use the same connection. Rows that others change meanwhile are still given as
// they were; one that is deleted or created meanwhile may be given twice or not at
// all, unless the loop runs in a transaction with a snapshot (REPEATABLE READ).
//
// An error ends the iteration; it comes with a zero row. A moment from before the trail is
// [ErrBeforeTrail], unless all rows came later. Rows with columns that are
// not known are such an error, see [Partial].
func AsOfAll[T any, M When](ctx context.Context, db *gorm.DB, when M, opts ...Option) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		err := asOfAll(ctx, db, reflect.TypeFor[T](), settingsOf(opts),
			func(ctx context.Context, q Query) (Moment, error) { return momentOf(ctx, q, when) },
			func(row reflect.Value) bool {
				v, _ := row.Interface().(T)
				return yield(v, nil)
			})
		if err != nil && !errors.Is(err, errEnough) {
			yield(zero, err)
		}
	}
}

// errEnough is a loop that was left.
var errEnough = errors.New("auditplugin: enough")

func asOfAll(ctx context.Context, db *gorm.DB, typ reflect.Type, set settings,
	moment func(context.Context, Query) (Moment, error), yield func(reflect.Value) bool,
) error {
	if err := set.alone("AsOfAll"); err != nil {
		return err
	}
	if typ.Kind() != reflect.Struct {
		return fmt.Errorf("%w: %s is not a struct", ErrInvalidQuery, typ)
	}
	s, err := schemaIn(db, reflect.New(typ).Interface())
	if err != nil {
		return err
	}
	t, err := openModel(ctx, db, set, s)
	if err != nil {
		return err
	}
	defer t.close()
	a := &asOfRows{t: t, unscoped: db.Statement.Unscoped, seen: map[string]bool{}}
	if a.m, err = moment(ctx, t.q); err != nil {
		return err
	}
	if err := t.checkPruned(ctx, a.m, ""); err != nil {
		return err
	}
	if err := t.checkBegun(ctx, a.m); err != nil {
		return err
	}
	a.emit = func(p past, id rowID) error {
		if !a.unscoped && a.softDeleted(p.img) {
			return nil
		}
		row := reflect.New(typ).Elem()
		if err := t.give(ctx, db, p.img, id.recordID, row); err != nil {
			return err
		}
		if !yield(row) {
			return errEnough
		}
		return nil
	}
	if err := t.arrivals(ctx, a.m); err != nil {
		return err
	}
	if err := a.present(ctx); err != nil {
		return err
	}
	return a.gone(ctx)
}

// asOfRows goes through a table's rows and its records.
type asOfRows struct {
	t        *rowTable
	m        Moment
	unscoped bool
	emit     func(p past, id rowID) error
	seen     map[string]bool // changed rows that were given, by record id
}

// present goes through the rows that exist, in pages behind the last key.
func (a *asOfRows) present(ctx context.Context) error {
	t := a.t
	if t.tbl.Kind == catalog.Missing {
		return nil // its rows are all gone
	}
	var last []any
	for {
		rows, err := t.selectRows(ctx, func(tx *gorm.DB) *gorm.DB {
			for _, k := range t.key {
				tx = tx.Order(clause.OrderByColumn{Column: clause.Column{Name: t.columns[k].name}})
			}
			for _, c := range t.nullableKey() {
				tx = tx.Where(clause.Neq{Column: c, Value: nil})
			}
			if last != nil {
				tx = tx.Where(t.behindKey(last))
			}
			return tx.Scopes(t.settings.scopes...).Limit(asOfPage)
		})
		if err != nil {
			return err
		}
		if err := a.page(ctx, rows); err != nil {
			return err
		}
		if len(rows) < asOfPage {
			return a.withoutKey(ctx)
		}
		last = make([]any, len(t.key))
		for n, k := range t.key {
			if last[n], err = t.argument(ctx, k, t.columns[k].rule.Normalise(rows[len(rows)-1][k])); err != nil {
				return err
			}
		}
	}
}

// page gives the rows of a page. Only those with records after the moment, or that
// came to their key after it, were different.
func (a *asOfRows) page(ctx context.Context, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	ids := make([]rowID, len(rows))
	names := make([]string, len(rows))
	for i, raw := range rows {
		id, err := a.t.identify(a.t.keyOf(raw))
		if err != nil {
			return err
		}
		ids[i], names[i] = id, id.recordID
	}
	changed, err := a.changed(ctx, names)
	if err != nil {
		return err
	}
	var different []*replayed
	for i, raw := range rows {
		if changed[ids[i].recordID] {
			a.seen[ids[i].recordID] = true
			different = append(different, &replayed{id: ids[i], present: raw})
		}
	}
	pasts := make(map[string]past, len(different))
	err = a.t.pasts(ctx, different, a.m, func(r *replayed, p past, err error) error {
		if err == nil {
			pasts[r.id.recordID] = p
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, raw := range rows {
		p, ok := pasts[ids[i].recordID]
		if !ok {
			if changed[ids[i].recordID] {
				continue // it did not exist then
			}
			if err := a.t.checkGuess(ctx, a.m); err != nil {
				return err
			}
			p.img = make(image, len(a.t.columns))
			a.t.fillPresent(p.img, raw)
		}
		if err := a.emit(p, ids[i]); err != nil {
			return err
		}
	}
	return nil
}

// changed tells which of the rows have records after the moment, or came to their
// key after it.
func (a *asOfRows) changed(ctx context.Context, recordIDs []string) (map[string]bool, error) {
	found, err := a.t.recordIDs(ctx, a.t.q.ofTable(a.t.name).rows().from(a.m).anyOf("record", "record_id", recordIDs), 0)
	if err != nil {
		return nil, err
	}
	changed := make(map[string]bool, len(found))
	for _, id := range found {
		changed[id] = true
	}
	for _, id := range recordIDs {
		changed[id] = changed[id] || a.t.arrived[id]
	}
	return changed, nil
}

// recordIDs returns the ids of the rows that have records, sorted.
func (t *rowTable) recordIDs(ctx context.Context, q Query, limit int) ([]string, error) {
	tx, _, err := q.conditioned(ctx)
	if err != nil {
		return nil, err
	}
	if limit > 0 {
		tx = tx.Limit(limit)
	}
	var ids []string
	if err := tx.Distinct().Order(clause.OrderByColumn{Column: condition.Column("record_id")}).Pluck("record_id", &ids).Error; err != nil {
		return nil, fmt.Errorf("auditplugin: reading records: %w", err)
	}
	return ids, nil
}

// arrivals finds the keys that were given to rows after m.
func (t *rowTable) arrivals(ctx context.Context, m Moment) error {
	t.arrived = map[string]bool{}
	if t.settings.fixedKeys {
		return nil
	}
	names := make([]string, len(t.key))
	for i, k := range t.key {
		names[i] = t.columns[k].name
	}
	q := t.q.ofTable(t.name).Action(audit.Update, audit.SoftDelete, audit.Restore).Column(names...).from(m)
	for r, err := range q.All(ctx) {
		if err != nil {
			return err
		}
		if to, moved := t.movedTo(rowID{recordID: r.RecordID}, &r); moved {
			t.arrived[to.recordID] = true
		}
	}
	return nil
}
