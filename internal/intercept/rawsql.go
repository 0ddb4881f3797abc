package intercept

import (
	"fmt"
	"maps"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// rawWrites returns the audited tables that raw SQL may write to.
func (i *Interceptor) rawWrites(query string) []*table.Model {
	if strings.IndexByte(query, ';') < 0 {
		switch sqltext.First(i.Dialect.Name(), query) {
		case sqltext.Select, sqltext.Savepoint, sqltext.RollbackTo, sqltext.Release, sqltext.DDL, sqltext.Begin, sqltext.Commit, sqltext.Rollback:
			return nil
		}
	}
	var models []*table.Model
	seen := map[string]bool{}
	for _, parsed := range sqltext.Parse(i.Dialect.Name(), query) {
		for _, w := range parsed.Writes {
			// In whatever case the database would take the name.
			name := i.Dialect.Fold(w.Name, w.Quoted)
			if m := i.Tables.Model(nil, name); m.Audited && !seen[m.Table] {
				seen[m.Table] = true
				models = append(models, m)
			}
		}
	}
	return models
}

// ForgetDefinitions forgets what the catalog said when raw SQL has changed definitions, by
// AutoMigrate for one.
func (i *Interceptor) ForgetDefinitions(query string) {
	if sqltext.First(i.Dialect.Name(), query) == sqltext.DDL {
		i.Follower.Catalog.Clear()
	}
}

// rawSQL runs raw SQL and records that it ran: the statement without its literals,
// and how many rows it says it changed. Which rows those were is not known.
func (i *Interceptor) rawSQL(s *statement.Statement, writes []*table.Model) (statement.Outcome, error) {
	reason, skip := audit.SkipFrom(s.Ctx)
	kept := writes
	if !skip {
		kept = i.limited(s.Query, writes)
	}
	var told companion.Context
	switch {
	case !i.Companion:
	case skip:
		s.Silence(writes)
	default:
		told = i.contextOf(s, kept)
	}
	out, err := i.runRaw(s, told)
	if err != nil {
		return out, err
	}
	text := sqltext.Redact(i.Dialect.Name(), s.Query)
	records := make([]audit.Record, 0, len(kept))
	lenient := true
	for _, m := range kept {
		r := i.about(s)
		r.ID, r.Action = told.Causes[m.Table], audit.Raw
		if r.ID == "" {
			r.ID = entry.NewID()
		}
		r.RecordType, r.Table = m.RecordType, m.Table
		r.Message = text
		r.Metadata = withRows(r.Metadata, out.Affected())
		if skip {
			r.Action, r.Reason, r.Message = audit.Event, reason, fmt.Sprintf("raw SQL write to %s not recorded", m.Table)
		}
		records = append(records, r)
		lenient = lenient && m.Keep
	}
	return out, s.Ledger.Add(s.Ctx, records, lenient)
}

func withRows(metadata map[string]any, rows int64) map[string]any {
	m := make(map[string]any, len(metadata)+1)
	maps.Copy(m, metadata)
	m["rows"] = rows
	return m
}

// skipped runs a statement that the application asked not to record, and leaves one event
// that says so.
func (i *Interceptor) skipped(s *statement.Statement, reason string) (statement.Outcome, error) {
	out, err := s.Plain()
	if err != nil {
		return out, err
	}
	n := out.Affected()
	if n == 0 {
		return out, nil
	}
	r := i.about(s)
	r.ID, r.Action = entry.NewID(), audit.Event
	r.Message = fmt.Sprintf("%s of %s not recorded: %d rows", s.Op, s.Model.RecordType, n)
	r.Reason = reason
	r.Metadata = map[string]any{"skipped_action": string(s.Op), "rows": n}
	return out, s.Ledger.Add(s.Ctx, []audit.Record{r}, s.Model.Keep)
}
