package history

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
)

// parts are the records of a family, cut into questions that databases take.
type parts struct {
	family *family
	all    []part
}

// part is some of the rows.
type part struct {
	whole   map[string][]string    // record ids, by table
	bounded map[string][]boundedID // by table
	size    int                    // of whole
	bounds  int
}

// boundedID is a row of which some records only belong.
type boundedID struct {
	recordID string
	spans    []span
}

// boundsAtOnce is how many rows with bounds one question has.
const boundsAtOnce = 200

// gathered finds out which rows belong, unless that is known.
func (q Query) gathered(ctx context.Context) (Query, error) {
	if len(q.with) == 0 || q.kin != nil || q.err != nil {
		return q, q.err
	}
	f, err := q.family(ctx)
	if err != nil {
		return q, err
	}
	all, err := f.parts(ctx)
	if err != nil {
		return q, err
	}
	q.kin = &parts{f, all}
	return q, nil
}

// parts cuts the family. Rows of which all records belong are told by their id.
func (f *family) parts(ctx context.Context) ([]part, error) {
	rows := map[string]map[string][]span{} // by table, as records name it
	for _, k := range f.kin {
		if rows[k.table.name] == nil {
			rows[k.table.name] = map[string][]span{}
		}
		for recordID, m := range k.rows {
			// Those of several associations are kept apart: each shows its own transaction.
			rows[k.table.name][recordID] = append(rows[k.table.name][recordID], m.spans...)
		}
	}
	cut := cutter{}
	cut.next()
	for _, k := range f.kin {
		t := k.table
		if rows[t.name] == nil {
			continue
		}
		bounded := map[string][]span{}
		for _, recordID := range slices.Sorted(maps.Keys(rows[t.name])) {
			spans := rows[t.name][recordID]
			if slices.ContainsFunc(spans, func(s span) bool { return s.from == math.MinInt64 && s.until == math.MaxInt64 }) {
				cut.whole(t.name, recordID)
				continue
			}
			bounded[recordID] = spans
		}
		if err := t.unbind(ctx, bounded); err != nil {
			return nil, err
		}
		for _, recordID := range slices.Sorted(maps.Keys(bounded)) {
			if bounded[recordID] == nil {
				cut.whole(t.name, recordID)
				continue
			}
			cut.bounded(t.name, boundedID{recordID, bounded[recordID]})
		}
		delete(rows, t.name)
	}
	return cut.all, nil
}

type cutter struct{ all []part }

func (c *cutter) next() {
	c.all = append(c.all, part{whole: map[string][]string{}, bounded: map[string][]boundedID{}})
}

func (c *cutter) whole(table, recordID string) {
	if c.all[len(c.all)-1].size == idsAtOnce {
		c.next()
	}
	p := &c.all[len(c.all)-1]
	p.whole[table] = append(p.whole[table], recordID)
	p.size++
}

func (c *cutter) bounded(table string, b boundedID) {
	if p := &c.all[len(c.all)-1]; p.bounds > 0 && p.bounds+len(b.spans) > boundsAtOnce {
		c.next()
	}
	p := &c.all[len(c.all)-1]
	p.bounded[table] = append(p.bounded[table], b)
	p.bounds += len(b.spans)
}

// unbind sets the spans of rows that have no records outside of them to nil.
func (t *rowTable) unbind(ctx context.Context, rows map[string][]span) error {
	for some := range slices.Chunk(slices.Sorted(maps.Keys(rows)), idsAtOnce) {
		tx, _, err := t.q.ofTable(t.name).anyOf("record", "record_id", some).conditioned(ctx)
		if err != nil {
			return err
		}
		if err := each(tx.Select("record_id, MIN(seq), MAX(seq)").Group("record_id"), func(scan func(...any) error) error {
			var recordID string
			var first, last int64
			if err := scan(&recordID, &first, &last); err != nil {
				return err
			}
			if slices.ContainsFunc(rows[recordID], func(s span) bool { return s.from <= first && s.until >= last }) {
				rows[recordID] = nil
			}
			return nil
		}); err != nil {
			return fmt.Errorf("auditplugin: reading records: %w", err)
		}
	}
	return nil
}

// each runs a query and calls f for each of its rows.
func each(tx *gorm.DB, f func(scan func(...any) error) error) error {
	rows, err := tx.Rows()
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // read to the end
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// countBelonging is Count for a family of several parts.
func (q Query) countBelonging(ctx context.Context) (int64, error) {
	var sum int64
	for _, p := range q.kin.all {
		some := q
		some.kin = &parts{q.kin.family, []part{p}}
		n, err := some.Count(ctx)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// belonging is the condition that a record belongs to the rows of some parts.
func (b *builder) belonging(all []part) clause.Expression {
	var found []clause.Expression
	for _, p := range all {
		for _, table := range slices.Sorted(maps.Keys(p.whole)) {
			ids := make([]any, len(p.whole[table]))
			for i, id := range p.whole[table] {
				ids[i] = id
			}
			found = append(found, condition.AllOf(b.inTableOf(table), among{"record_id", ids}))
		}
		for _, table := range slices.Sorted(maps.Keys(p.bounded)) {
			var rows []clause.Expression
			for _, row := range p.bounded[table] {
				for _, s := range row.spans {
					rows = append(rows, condition.AllOf(equals("record_id", row.recordID), s.condition()))
				}
			}
			found = append(found, condition.AllOf(b.inTableOf(table), condition.OneOf(rows)))
		}
	}
	if len(found) == 0 {
		return clause.Expr{SQL: "1 = 0"}
	}
	return condition.OneOf(found)
}

// inTableOf is inTable for a table of a family, of which only the first was called
// otherwise.
func (b *builder) inTableOf(name string) clause.Expression {
	if name == b.named {
		return b.inTable(name)
	}
	return among{"table_name", b.recordedNames(name)}
}

func (s span) condition() clause.Expression {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	c := condition.Column("seq")
	within := []clause.Expression{clause.Expr{SQL: "1 = 1"}}
	if s.from != math.MinInt64 {
		within = append(within, clause.Expr{SQL: "? >= " + number(s.from), Vars: []any{c}})
	}
	if s.until != math.MaxInt64 {
		within = append(within, clause.Expr{SQL: "? <= " + number(s.until), Vars: []any{c}})
	}
	if s.tx == "" {
		return condition.AllOf(within...)
	}
	return condition.OneOf([]clause.Expression{condition.AllOf(within...), equals("transaction_id", s.tx)})
}

// sized is a record and how many bytes it was.
type sized struct {
	audit.Record
	bytes int
}

// eachBelonging is each for a family of several parts: their records, put in order.
func (q Query) eachBelonging(ctx context.Context, page int, f func(r audit.Record, size int) bool) error {
	all := q.kin.all
	if len(all) == 1 {
		return q.each(ctx, page, f)
	}
	limit := q.limit
	if page > 0 {
		limit = page
	}
	var found []sized
	for _, p := range all {
		some := q
		some.kin = &parts{q.kin.family, []part{p}}
		before := 0
		if err := some.each(ctx, page, func(r audit.Record, size int) bool {
			found = append(found, sized{r, size - before})
			before = size
			return true
		}); err != nil {
			return err
		}
		q.sort(found)
		if limit > 0 && len(found) > limit {
			found = slices.Clip(found[:limit])
		}
	}
	size := 0
	for _, r := range found {
		size += r.bytes
		if !f(r.Record, size) {
			return nil
		}
	}
	return nil
}

// sort puts records into the order of q.
func (q Query) sort(found []sized) {
	slices.SortFunc(found, func(a, b sized) int {
		switch {
		case a.Seq == b.Seq:
			return 0
		case (a.Seq < b.Seq) != q.newest:
			return -1
		}
		return 1
	})
}
