package statement

import (
	"fmt"

	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/replay"
)

// Plain runs the statement as it is.
func (s *Statement) Plain() (Outcome, error) {
	if s.WantRows {
		set, err := s.Rows(s.Query, s.Args, 0)
		return Outcome{Rows: set}, err
	}
	return s.Exec(s.Query, s.Args)
}

// Exec runs a statement in the place of the application's.
func (s *Statement) Exec(query string, args []any) (Outcome, error) {
	query, loud, err := s.quietly(query)
	if err != nil {
		return Outcome{}, err
	}
	defer loud.again()
	res, err := s.Ledger.ExecFor(s.Ctx, s.Conn, query, args)
	if err != nil {
		return Outcome{}, err
	}
	s.Wrote = true
	return Outcome{Result: res}, nil
}

// Rows runs a query in the place of the application's statement, perhaps with more to
// return: the last columns, as many as ours says. With an error come the rows before it.
func (s *Statement) Rows(query string, args []any, ours int) (*replay.Set, error) {
	query, loud, err := s.quietly(query)
	if err != nil {
		return nil, err
	}
	defer loud.again()
	set, ran, err := s.Ledger.RowsFor(s.Ctx, s.Conn, query, args, ours)
	s.wrote(ran, err)
	return set, err
}

// Added is Rows, split into what the application asked for and what we added. With an
// error the set is not split yet.
func (s *Statement) Added(query string, args []any, ours int) (*replay.Set, [][]any, error) {
	set, err := s.Rows(query, args, ours)
	if err != nil {
		return set, nil, err
	}
	theirs, added := Split(set, ours)
	return theirs, added, nil
}

// Each runs a query in the place of a statement of which the application wants no rows:
// f is called with each, whose width columns are in a slice that is used again.
func (s *Statement) Each(query string, args []any, width int, f func(raw []any) error) error {
	query, loud, err := s.quietly(query)
	if err != nil {
		return err
	}
	defer loud.again()
	ran, err := s.Ledger.EachFor(s.Ctx, s.Conn, query, args, width, f)
	s.wrote(ran, err)
	return err
}

// wrote notes that a write has changed rows. Where it ran and its rows could not be read,
// it may have done so too, and must not be committed without a record.
func (s *Statement) wrote(ran bool, err error) {
	switch {
	case err == nil:
		s.Wrote = true
	case ran && s.Model != nil && s.Ledger.Remains(err):
		s.Ledger.Poison(fault.Quiet(fmt.Sprintf("%v: %s: it ran, but not all of its rows could be read", fault.ErrAuditFailed, s), fault.ErrAuditFailed, err))
	}
}

// Stream runs a query of ours and calls f with each row, which f must not keep. width is
// how many columns there are, 0 if unknown.
func (s *Statement) Stream(query string, args []any, width int, f func(raw []any) error) error {
	if err := s.Ledger.Each(s.Ctx, query, args, width, f); err != nil {
		return s.Unreadable(err)
	}
	return nil
}

// Read is Stream for all rows at once.
func (s *Statement) Read(query string, args []any) ([][]any, error) {
	var rows [][]any
	err := s.Stream(query, args, 0, func(raw []any) error {
		rows = append(rows, replay.Clone(raw))
		return nil
	})
	return rows, err
}
