package postgres

import (
	"maps"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// beforeSetting is the setting that carries a row's before image from the conflict's
// WHERE, which sees the locked row, to RETURNING, which is evaluated right after
// that row was written. It is local to the transaction and emptied each time.
const beforeSetting = "auditplugin.before"

var errArray = fault.Quiet("auditplugin: before image in an unknown form")

// Upsert takes the before images inside the statement. Reading ahead could miss a row that
// another transaction inserts in between.
func (i Images) Upsert(s *statement.Statement, oc clause.OnConflict) (statement.Outcome, error) {
	returning, ok := s.Returning()
	if !ok || !i.shortcuts || len(s.Table.Columns) == 0 || s.Table.Catalog.HasRules || !s.Name.Simple || !s.PoliciesCount() {
		return i.Portable.Upsert(s, oc)
	}
	t := s.Table
	b := s.SQL()
	if !oc.DoNothing {
		takeBefore(b, oc, t)
	}
	statement.Build(b, "INSERT", "VALUES", "ON CONFLICT")
	statement.Write(b, " ")
	if returning == "" {
		statement.Write(b, "RETURNING ")
	} else {
		statement.Write(b, returning, ",")
	}
	form := TextForm{}
	statement.Write(b, strings.Join(form.Columns(t), ","))
	statement.Write(b, ",current_setting('"+beforeSetting+"', true),set_config('"+beforeSetting+"', '', true),", ZoneProbe)
	n := len(t.Columns)
	theirs, added, err := s.Added(strings.TrimSpace(b.SQL.String()), b.Vars, n+3)
	if err != nil {
		return statement.Outcome{}, err
	}
	passed := mayPass(s, len(added)) && !oc.DoNothing
	for _, raw := range added {
		form.Zone = statement.ZoneOf(raw[n+2])
		after := form.Row(t, raw[:n]).Image
		var before table.Image
		if text := textOf(raw[n]); text != "" {
			fields, err := parseArray(text)
			if err != nil || len(fields) != n {
				return statement.Outcome{}, s.Unreadable(errArray)
			}
			before = form.Row(t, fields).Image
		}
		if before != nil && passed {
			own, err := isOwn(s, oc, before, after)
			if err != nil {
				return statement.Outcome{}, err
			}
			if !own {
				before = nil
			}
		}
		if before != nil && table.Same(before, after) {
			continue
		}
		s.Changed(t, before, after)
	}
	if passed {
		if err := s.Ledger.Exec(s.Ctx, forget); err != nil {
			return statement.Outcome{}, s.Unreadable(err)
		}
	}
	return s.Answer(theirs, int64(len(added)))
}

// textOf is a text, which lib/pq gives as bytes.
func textOf(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	s, _ := v.(string)
	return s
}

// takeBefore makes the conflict's WHERE note the row that it sees.
func takeBefore(b *gorm.Statement, oc clause.OnConflict, t *table.Table) {
	row := strings.Join(TextForm{Qualified: true}.Columns(t), ",")
	note := clause.Expr{SQL: "set_config('" + beforeSetting + "', ARRAY[" + row + "]::text, true) IS NOT NULL"}
	if len(oc.Where.Exprs) > 0 {
		oc.Where = clause.Where{Exprs: []clause.Expression{caseWhen{oc.Where, note}}}
	} else {
		oc.Where = clause.Where{Exprs: []clause.Expression{note}}
	}
	c := b.Clauses["ON CONFLICT"]
	c.Expression = oc
	b.Clauses = maps.Clone(b.Clauses)
	b.Clauses["ON CONFLICT"] = c
}

// caseWhen evaluates then only where cond holds; AND promises no order.
type caseWhen struct {
	cond clause.Where
	then clause.Expression
}

func (c caseWhen) Build(b clause.Builder) {
	_, _ = b.WriteString("CASE WHEN ")
	c.cond.Build(b)
	_, _ = b.WriteString(" THEN ")
	c.then.Build(b)
	_, _ = b.WriteString(" ELSE false END")
}
