package history

import (
	"cmp"
	"context"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// builder is what conditions know of the question when it is asked.
type builder struct {
	ctx context.Context // lives as long as one question
	q   *Query
	// db answers; facts are of its dialect, and sql is how it is asked.
	db    *gorm.DB
	facts *dialect.Facts
	sql   condition.SQL
	// schema is the model of the rows that are asked about, if one was named, named
	// their table, and table the same without a schema.
	schema       *schema.Schema
	named, table string
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
	tx := led(from.Session(&gorm.Session{NewDB: true, Context: ctx}), from)
	b := &builder{ctx: ctx, q: &q, db: tx, facts: dialect.FactsOf(from.Name())}
	b.sql = condition.Of(from.Name(), b)
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

// usedResolver is the clause of dbresolver's Use.
const usedResolver = "gorm:db_resolver:using"

// led leads a new session to where a handle leads, such as by dbresolver's choice of a
// database, and between source and replica.
func led(tx, from *gorm.DB) *gorm.DB {
	from.Statement.Settings.Range(func(k, v any) bool {
		if name, ok := k.(string); ok {
			tx = tx.Set(name, v)
		}
		return true
	})
	if c, ok := from.Statement.Clauses[usedResolver]; ok {
		tx = tx.Scopes() // a statement of its own
		tx.Statement.Clauses[usedResolver] = c
	}
	return tx
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
	by, column := "?", "seq"
	switch {
	case q.byTime:
		column = "occurred_at"
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
	return tx.Clauses(clause.OrderBy{Expression: clause.Expr{SQL: by, Vars: []any{condition.Column(column)}}})
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
	if q.in != nil {
		return owntable.DefaultTrail
	}
	return owntable.TrailOf(q.db)
}

// tableOn names the table. GORM takes a name with a space for SQL, so that one is
// quoted here and given an alias.
func tableOn(tx *gorm.DB, name string) *gorm.DB {
	if !strings.ContainsAny(name, " `\"'") {
		return tx.Table(name)
	}
	return tx.Table(qualified(tx.Name(), name) + " AS records")
}
