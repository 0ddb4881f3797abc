package statement

import (
	"context"
	"slices"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// Carries notes another table whose rows the statement changes, and that we record.
func (s *Statement) Carries(t *table.Table) {
	if s.Quiet && t.Audited && !slices.Contains(s.carried, t.Catalog.Name) {
		s.carried = append(s.carried, t.Catalog.Name)
	}
}

// Silence leaves to us what raw SQL writes to some tables: that it is not recorded was asked
// for. Where the mark is of one statement and one table, it has to be that.
func (s *Statement) Silence(writes []*table.Model) {
	if companion.OneTable(s.Dialect.Server) && len(writes) > 1 || !sqltext.Single(s.Query) {
		return
	}
	if _, ok := companion.Mark(s.Dialect.Server, writes[0].Table, s.Query); !ok {
		return
	}
	s.Quiet, s.Name.Name = true, writes[0].Table
	for _, m := range writes[1:] {
		s.carried = append(s.carried, m.Table)
	}
}

// loud takes the marks back.
type loud func()

func (l loud) again() {
	if l != nil {
		l()
	}
}

// quietly marks a statement so that companion triggers leave its changes to us. What is
// returned takes the mark back; it must be called when the statement has ended.
func (s *Statement) quietly(query string) (string, loud, error) {
	if !s.Quiet {
		return query, nil, nil
	}
	name := s.Name.Name
	if s.Table != nil {
		if c := s.Table.Catalog; c.Kind != catalog.Plain && c.Kind != catalog.Partitioned {
			return query, nil, nil // rows of other tables change, under other names
		}
		name = s.Table.Catalog.Name
	}
	if companion.MarksText(s.Dialect.Server) {
		marked, ok := companion.Mark(s.Dialect.Server, name, query)
		if !ok {
			return query, nil, s.Refuse("it can not be marked for the companion triggers, which would record it once more: it does not begin with its verb")
		}
		return marked, nil, nil
	}
	if s.Ledger.IsLost() {
		return query, nil, nil // the mark would be committed by itself, for everybody
	}
	for _, n := range append([]string{name}, s.carried...) {
		if err := s.Ledger.Exec(s.Ctx, companion.Hush, n); err != nil {
			_ = s.loudly()
			return query, nil, s.unmarkable(err)
		}
	}
	return query, func() {
		if err := s.loudly(); err != nil {
			s.Ledger.Poison(s.unmarkable(err)) // a mark that stays would silence the triggers for good
		}
	}, nil
}

func (s *Statement) loudly() error {
	return s.Ledger.Exec(context.WithoutCancel(s.Ctx), companion.Unhush)
}

// unmarkable is an error of the mark. A lock is what the statement itself would have met.
func (s *Statement) unmarkable(err error) error {
	if s.Ctx.Err() != nil || s.Dialect.Is(err, dialect.Transaction) {
		return err
	}
	return s.Refuse("its mark for the companion triggers could not be set; is the table %s there?", companion.QuietTable)
}
