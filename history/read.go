package history

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// DB returns the question as a GORM query, not asked yet, on a session of its own:
// the table, the conditions, the cursor's among them, and the scopes. The columns,
// the order and the limit are the caller's. It is for what this package has no
// method for, such as grouping by actor; mistakes are in its Error.
func (q Query) DB(ctx context.Context) *gorm.DB {
	tx, _, _ := q.conditioned(ctx) // the error is in tx
	return tx
}

// Find returns the records that match.
func (q Query) Find(ctx context.Context) ([]audit.Record, error) {
	var records []audit.Record
	err := q.each(ctx, 0, func(r audit.Record, _ int) bool {
		records = append(records, r)
		return true
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// First returns the first record that matches, or [ErrNotFound].
func (q Query) First(ctx context.Context) (audit.Record, error) {
	records, err := q.Limit(1).Find(ctx)
	if err != nil {
		return audit.Record{}, err
	}
	if len(records) == 0 {
		return audit.Record{}, ErrNotFound
	}
	return records[0], nil
}

// Count returns how many records match, whatever the limit and the cursor say.
func (q Query) Count(ctx context.Context) (int64, error) {
	q.limit, q.after = 0, ""
	q, err := q.gathered(ctx)
	if err != nil {
		return 0, err
	}
	if q.kin != nil && len(q.kin.all) > 1 {
		return q.countBelonging(ctx)
	}
	tx, _, err := q.conditioned(ctx)
	if err != nil {
		return 0, err
	}
	var n int64
	if err := tx.Count(&n).Error; err != nil {
		return 0, fmt.Errorf("auditplugin: counting records: %w", err)
	}
	return n, nil
}

// each reads the records that match, at most page of them unless that is 0, and
// hands each to f with the number of bytes read so far, until f has enough.
func (q Query) each(ctx context.Context, page int, f func(r audit.Record, size int) bool) (err error) {
	if q, err = q.gathered(ctx); err != nil {
		return err
	}
	if q.kin != nil && len(q.kin.all) > 1 {
		return q.eachBelonging(ctx, page, f)
	}
	tx, b, err := q.conditioned(ctx)
	if err != nil {
		return err
	}
	if page > 0 {
		q.limit = page
	}
	tx = q.ordered(tx, b)
	tx = tx.Clauses(b.selected())
	if tx.DryRun {
		return tx.Find(&[]map[string]any{}).Error
	}
	rows, err := tx.Rows()
	if err != nil {
		return fmt.Errorf("auditplugin: reading records: %w", err)
	}
	defer func() {
		if cerr := rows.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("auditplugin: reading records: %w", cerr)
		}
	}()
	row := &measured{rows: rows}
	rename := renamer(q.aliases)
	if q.asWritten {
		rename = nil
	}
	for rows.Next() {
		r, err := emitter.ReadRecord(row)
		if err != nil {
			return err
		}
		rename.record(&r)
		if !f(r, row.size) {
			return nil
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("auditplugin: reading records: %w", err)
	}
	return nil
}

// measured adds up the sizes of what is scanned.
type measured struct {
	rows *sql.Rows
	size int
}

func (m *measured) Scan(dest ...any) error {
	if err := m.rows.Scan(dest...); err != nil {
		return err
	}
	for _, d := range dest {
		if b, ok := d.(*[]byte); ok {
			m.size += len(*b)
		}
	}
	return nil
}

// conditioned starts a session of its own and adds the conditions and scopes.
func (q Query) conditioned(ctx context.Context) (*gorm.DB, *builder, error) {
	if q.err != nil {
		broken := &gorm.DB{Config: &gorm.Config{}, Error: q.err}
		if q.db != nil && q.db.Config != nil && q.db.Statement != nil {
			broken = q.db.Session(&gorm.Session{NewDB: true, Context: ctx})
			_ = broken.AddError(q.err)
		}
		return broken, nil, q.err
	}
	from := q.db
	if q.in != nil {
		from = q.in
	}
	tx := from.Session(&gorm.Session{NewDB: true, Context: ctx})
	// Such as dbresolver's choice between source and replica.
	from.Statement.Settings.Range(func(k, v any) bool {
		if name, ok := k.(string); ok {
			tx = tx.Set(name, v)
		}
		return true
	})
	b := &builder{ctx: ctx, q: &q, db: tx, facts: dialect.FactsOf(from.Name())}
	b.sql = condition.Of(from.Name(), condition.Server{IsMariaDB: b.isMariaDB, Unknown: unsupported(from.Name())})
	tx = tableOn(tx, q.auditTable())
	exprs, err := q.expressions(b)
	if err != nil {
		_ = tx.AddError(err)
		return tx, nil, err
	}
	if len(exprs) > 0 {
		tx = tx.Clauses(clause.Where{Exprs: exprs})
	}
	tx = tx.Scopes(q.scopes...)
	if tx.Error != nil {
		return tx, nil, tx.Error
	}
	return tx, b, nil
}

func (q Query) expressions(b *builder) ([]clause.Expression, error) {
	var exprs []clause.Expression
	if q.model != nil {
		s, err := schemaOf(q.db, q.model)
		if err != nil {
			return nil, err
		}
		if b.named, err = tableOf(q.db, s); err != nil {
			return nil, err
		}
		b.schema, b.table = s, bareTable(b.named)
	}
	if q.of != nil {
		t, err := q.of(b.ctx)
		if err != nil {
			return nil, err
		}
		b.table = bareTable(t.table)
		if len(q.with) > 0 {
			if q, err = q.gathered(b.ctx); err != nil {
				return nil, err
			}
			exprs = append(exprs, b.belonging(q.kin.all))
		} else {
			exprs = append(exprs, b.inTable(t.table), equals("record_id", t.recordID))
		}
	}
	for _, c := range q.conditions {
		e, err := c(b)
		if err != nil {
			return nil, err
		}
		exprs = append(exprs, e)
	}
	if q.after != "" {
		seq, err := q.position(q.after)
		if err != nil {
			return nil, err
		}
		if q.newest {
			exprs = append(exprs, clause.Lt{Column: condition.Column("seq"), Value: seq})
		} else {
			exprs = append(exprs, clause.Gt{Column: condition.Column("seq"), Value: seq})
		}
	}
	return exprs, nil
}

func (q Query) ordered(tx *gorm.DB, b *builder) *gorm.DB {
	if q.limit > 0 {
		tx = tx.Limit(q.limit)
	}
	by := "?"
	switch {
	case q.limit > 0 && q.isWindow():
		// Databases take the window's records for spread evenly, and would walk the
		// table by seq up to them to save a sort.
		by = "? + 0"
	case q.limit == 0 && q.timed && b.facts.GuessesWindows:
		// The planner would walk all of the table by seq to save the sort.
		by = "+?"
	}
	if q.newest {
		by += " DESC"
	}
	return tx.Clauses(clause.OrderBy{Expression: clause.Expr{SQL: by, Vars: []any{condition.Column("seq")}}})
}

// isWindow reports whether it is better to read all records of the time between
// Since and Until, and sort them, than to walk to them from one end of the table:
// when they are fewer than those on the way, as far as the clock tells.
func (q Query) isWindow() bool {
	if q.of != nil || q.indexed || q.since.IsZero() || q.until.IsZero() || q.after != "" {
		return false
	}
	length := q.until.Sub(q.since)
	if q.newest {
		return length < time.Since(q.until)
	}
	return length < longWindow
}

// longWindow is how long a window may be to be read as a whole when the way to it
// leads from the beginning of the table, which nobody knows.
const longWindow = 31 * 24 * time.Hour

// selected lists the columns in the order that emitter.ReadRecord expects.
func (b *builder) selected() clause.Expression {
	names := emitter.Columns()
	e := clause.CommaExpression{}
	for _, name := range names {
		sql := "?"
		if name == "occurred_at" {
			sql = cmp.Or(b.facts.MomentRead, sql)
		}
		e.Exprs = append(e.Exprs, clause.Expr{SQL: sql, Vars: []any{condition.Column(name)}})
	}
	return clause.Select{Expression: e}
}

// auditTable is the table to ask.
func (q Query) auditTable() string {
	if q.table != "" {
		return q.table
	}
	if q.in == nil {
		if p := pluginOf(q.db); p != nil {
			name := p.AuditTable()
			if at, ok := p.(interface{ AuditTableAt(db *gorm.DB) string }); ok {
				name = at.AuditTableAt(q.db)
			}
			if name != "" {
				return name
			}
		}
	}
	return defaultTable
}

// tableOn names the table. GORM takes a name with a space for SQL, so that one is
// quoted here and given an alias.
func tableOn(tx *gorm.DB, name string) *gorm.DB {
	if !strings.ContainsAny(name, " `\"'") {
		return tx.Table(name)
	}
	return tx.Table(qualified(tx.Name(), name) + " AS records")
}
