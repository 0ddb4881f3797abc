package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

// account is a record and what stands around it.
type account struct {
	Record audit.Record `json:"record"`
	// Causes are the records that it follows from, the nearest first; Followers follow
	// from it.
	Causes    []audit.Record `json:"causes,omitempty"`
	Followers []audit.Record `json:"followers,omitempty"`
	// Beside is what the same transaction changed, with the record itself.
	Beside []audit.Record `json:"transaction,omitempty"`
	// More tells that there is more in the transaction, or more followers.
	More bool `json:"more,omitempty"`
}

// around is how many records are shown beside one, causes how far a chain is followed.
const (
	around     = 100
	mostCauses = 20
)

func newShow(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "One record, by its id or seq, with what it follows from and what else its transaction did",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			db, err := s.reading(ctx)
			if err != nil {
				return err
			}
			a, err := s.account(ctx, db, args[0])
			if err != nil {
				return err
			}
			p, err := s.printer()
			if err != nil {
				return err
			}
			switch {
			case p.Format.Objects():
				return output.One[audit.Record](p, a, nil, nil)
			case p.Format == output.CSV || p.Format == output.Wide:
				_, err := s.write(p, output.Items([]audit.Record{a.Record}), false)
				return err
			}
			return s.tell(p, a)
		},
	}
}

func (s *session) account(ctx context.Context, db *gorm.DB, id string) (a account, err error) {
	if a.Record, err = s.record(ctx, db, id); err != nil {
		return a, err
	}
	seen := map[string]bool{a.Record.ID: true}
	for cause := a.Record.Cause; cause != "" && !seen[cause] && len(a.Causes) < mostCauses; {
		seen[cause] = true
		r, err := s.search(db).ID(cause).First(ctx)
		if errors.Is(err, history.ErrNotFound) {
			break // it was pruned, or is in another database
		}
		if err != nil {
			return a, err
		}
		a.Causes, cause = append(a.Causes, r), r.Cause
	}
	var more string
	if a.Followers, more, err = s.search(db).Cause(a.Record.ID).Limit(around).Page(ctx); err != nil {
		return a, err
	}
	a.More = more != ""
	if a.Record.TransactionID != "" {
		if a.Beside, more, err = s.search(db).Transaction(a.Record.TransactionID).Limit(around).Page(ctx); err != nil {
			return a, err
		}
		a.More = a.More || more != ""
	}
	return a, nil
}

// tell writes an account for people.
func (s *session) tell(p *output.Printer, a account) error {
	if _, err := s.text(p.Out, output.Items([]audit.Record{a.Record}), history.Details(), history.Width(0), history.Now(s.app.Now())); err != nil {
		return err
	}
	for _, part := range []struct {
		title   string
		records []audit.Record
		least   int
	}{{"It follows from:", a.Causes, 1}, {"From it follow:", a.Followers, 1}, {"The transaction as a whole:", a.Beside, 2}} {
		if len(part.records) < part.least {
			continue
		}
		if _, err := fmt.Fprintf(p.Out, "\n%s\n", part.title); err != nil {
			return err
		}
		table := *p
		table.Format = output.Table
		if _, err := output.List(&table, s.recordColumns(&table, false), output.Items(part.records)); err != nil {
			return err
		}
	}
	if a.More {
		_, err := fmt.Fprintf(p.Out, "…\nThere are more: auditplugin tx %s, auditplugin search --cause %s\n", a.Record.TransactionID, a.Record.ID)
		return err
	}
	return nil
}
