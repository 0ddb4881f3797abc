package auditplugin

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// rawWrites returns the audited tables that raw SQL may write to.
func (p *Plugin) rawWrites(query string) []*model {
	dialect := p.server.Dialect
	if strings.IndexByte(query, ';') < 0 {
		switch sqltext.First(dialect, query) {
		case sqltext.Select, sqltext.Savepoint, sqltext.RollbackTo, sqltext.Release, sqltext.DDL, sqltext.Begin, sqltext.Commit, sqltext.Rollback:
			return nil
		}
	}
	var models []*model
	seen := map[string]bool{}
	for _, s := range sqltext.Parse(dialect, query) {
		for _, w := range s.Writes {
			if m := p.rawModel(w); m.audited && !seen[m.table] {
				seen[m.table] = true
				models = append(models, m)
			}
		}
	}
	return models
}

// rawModel finds what is known of a table that raw SQL names, in whatever case the
// database would take it.
func (p *Plugin) rawModel(t sqltext.Table) *model {
	name := t.Name
	if p.server.Dialect == "postgres" && !t.Quoted {
		name = strings.ToLower(name)
	}
	return p.modelFor(p.schemaOf(nil, name), name)
}

// admitRaw decides whether a raw write may go ahead.
func (p *Plugin) admitRaw(db *gorm.DB, writes []*model) error {
	for _, m := range writes {
		if p.cfg.raw == RawRefuse {
			return p.refuse(db, m, opRaw, ErrRawRefused, "raw SQL writes to audited tables are refused")
		}
		if err := p.admit(db, m, opRaw); err != nil {
			return err
		}
	}
	return nil
}

// runRaw runs raw SQL and records that it ran: the statement without its literals,
// and how many rows it says it changed. Which rows those were is not known.
func (a *armed) runRaw(ctx context.Context, c call, cp gorm.ConnPool, s *state) (outcome, error) {
	j := &job{armed: a, ctx: ctx, call: c, user: cp, state: s}
	out, err := j.plain()
	if err != nil {
		return out, err
	}
	text := sqltext.Redact(a.p.server.Dialect, c.query)
	reason, skip := audit.SkipFrom(ctx)
	records := make([]audit.Record, 0, len(a.raw))
	keep := true
	for _, m := range a.raw {
		r := j.describe(audit.Raw)
		r.RecordType, r.Table = m.recordType, m.table
		r.Message = text
		r.Metadata = withRows(r.Metadata, out.affected())
		if skip {
			r.Action, r.Reason, r.Message = audit.Event, reason, fmt.Sprintf("raw SQL write to %s not recorded", m.table)
		}
		records = append(records, r)
		keep = keep && m.keep
	}
	return out, s.add(ctx, records, keep)
}

func withRows(metadata map[string]any, rows int64) map[string]any {
	m := make(map[string]any, len(metadata)+1)
	for k, v := range metadata {
		m[k] = v
	}
	m["rows"] = rows
	return m
}
