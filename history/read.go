package history

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
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

// few is Find where many records are looked at and few of them match: where the database
// would copy the others as well, those few are found by their seq.
func (q Query) few(ctx context.Context) ([]audit.Record, error) {
	tx, b, err := q.conditioned(ctx)
	if err != nil {
		return nil, err
	}
	if !b.facts.CopiesRows {
		return q.Find(ctx)
	}
	found := clause.Expr{SQL: "? IN (SELECT seq FROM (?) AS found)", Vars: []any{condition.Column("seq"), q.ordered(tx, b).Select("seq")}}
	q.of, q.model, q.conditions = nil, nil, nil
	return q.where(func(*builder) (clause.Expression, error) { return found, nil }).Find(ctx)
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
