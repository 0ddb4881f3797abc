package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

// step is what was done to a row, for programs.
type step struct {
	Done     bool           `json:"done"`
	Action   audit.Action   `json:"action"`
	Table    string         `json:"table"`
	RecordID string         `json:"record_id"`
	Changes  []audit.Change `json:"changes"`
	Differs  []string       `json:"differs,omitempty"`
	Left     []string       `json:"left,omitempty"`
	Undone   string         `json:"undone"`
}

type revert struct {
	change
	transaction, to string
	columns         []string
	force, skip     bool
}

func newRevert(s *session) *cobra.Command {
	var r revert
	c := &cobra.Command{
		Use:   "revert RECORD | --transaction ID | TABLE KEY… --to TIME",
		Short: "Undo a change, a transaction, or all that happened to a row since; a dry run unless told",
		Long: `Undo the change of one record (its id or seq), of a transaction, or all that
happened to a row since a moment.

Without --yes it is a dry run: everything is done in a transaction, and rolled
back. It is one transaction, recorded with the undone record as its cause, and
refused where a row has been changed again (--force), or where the records do not
tell an old value (--skip-unknown).

` + noModels + `
What serializers and hooks of the models do is not done.`,
		Example: `  auditplugin revert 900
  auditplugin revert 900 --yes --reason "ticket 1234"
  auditplugin revert --transaction 0199ad…
  auditplugin revert users 42 --to yesterday --column phone`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			ctx, err := r.change.context(c.Context(), s)
			if err != nil {
				return err
			}
			if err := r.check(args); err != nil {
				return err
			}
			db, err := s.writing(ctx)
			if err != nil {
				return err
			}
			done, err := r.do(ctx, s, db, args)
			if err != nil {
				return err
			}
			return r.tell(s, done)
		},
	}
	r.change.add(c)
	c.Flags().StringVar(&r.transaction, "transaction", "", "undo everything that this transaction did")
	c.Flags().StringVar(&r.to, "to", "", "set a row back to what it was: "+whenHelp)
	c.Flags().StringSliceVar(&r.columns, "column", nil, "only these columns")
	c.Flags().BoolVar(&r.force, "force", false, "overwrite what was changed since")
	c.Flags().BoolVar(&r.skip, "skip-unknown", false, "leave columns alone whose old values no record tells")
	return c
}

func (r *revert) check(args []string) error {
	switch {
	case r.transaction != "" && len(args) == 0 && r.to == "":
	case r.to != "" && len(args) >= 2 && r.transaction == "":
	case r.to == "" && len(args) == 1 && r.transaction == "":
	default:
		return usage("revert takes a record, --transaction, or a table, a key and --to")
	}
	return nil
}

func (r *revert) options(s *session, tables []string) []history.Option {
	opts := []history.Option{s.asking(), history.Tables(tables...)}
	if !r.yes {
		opts = append(opts, history.DryRun())
	}
	if r.force {
		opts = append(opts, history.Force())
	}
	if r.skip {
		opts = append(opts, history.SkipUnknown())
	}
	if len(r.columns) > 0 {
		opts = append(opts, history.Columns(r.columns...))
	}
	return opts
}

func (r *revert) do(ctx context.Context, s *session, db *gorm.DB, args []string) (history.Reverted, error) {
	if r.to != "" {
		t, err := s.when("to", r.to)
		if err != nil {
			return history.Reverted{}, err
		}
		row := rowArgs(args)
		if db, err = s.recorded(ctx, db, []string{row.Table}); err != nil {
			return history.Reverted{}, err
		}
		return history.RevertTo(ctx, db, &row, t, r.options(s, []string{row.Table})...)
	}
	transaction := r.transaction
	var record audit.Record
	var tables []string
	if transaction == "" {
		var err error
		if record, err = s.record(ctx, db, args[0]); err != nil {
			return history.Reverted{}, err
		}
		if record.Action == audit.Event || record.Action == audit.Raw {
			return history.Reverted{}, fmt.Errorf("%w: it is no change of a row", history.ErrNotRevertible)
		}
		transaction, tables = record.TransactionID, []string{record.Table}
	}
	if transaction != "" {
		more, err := s.tablesOf(ctx, db, transaction)
		if err != nil {
			return history.Reverted{}, err
		}
		tables = append(tables, more...)
	}
	db, err := s.recorded(ctx, db, tables)
	if err != nil {
		return history.Reverted{}, err
	}
	if r.transaction != "" {
		return history.RevertTransaction(ctx, db, r.transaction, r.options(s, tables)...)
	}
	return history.Revert(ctx, db, record, r.options(s, tables)...)
}

// tablesOf lists the tables that a transaction changed.
func (s *session) tablesOf(ctx context.Context, db *gorm.DB, transaction string) ([]string, error) {
	var tables []string
	err := s.search(db).Transaction(transaction).DB(ctx).Where("table_name <> ''").Distinct().Pluck("table_name", &tables).Error
	return tables, err
}

func (r *revert) tell(s *session, done history.Reverted) error {
	p, err := s.printer()
	if err != nil {
		return err
	}
	if p.Format == output.Table || p.Format == output.Wide || p.Format == output.Text {
		if err := done.Text(p.Out, history.Zone(s.zone())); err != nil {
			return err
		}
		note := ""
		switch {
		case len(done.Steps) == 0:
			note = "Nothing is to be done."
		case done.DryRun:
			note = "Nothing was written: add --yes and --reason to do it."
		}
		if note != "" {
			_, err = fmt.Fprintln(s.app.Stderr, note)
		}
		return err
	}
	var steps []step
	for _, d := range done.Steps {
		steps = append(steps, step{!done.DryRun, d.Action, d.Table, d.RecordID, d.Changes, d.Differs, d.Left, d.Record.ID})
	}
	_, err = output.List(p, []output.Column[step]{
		{Name: "done", Text: func(d step) string { return fmt.Sprint(d.Done) }},
		{Name: "action", Text: func(d step) string { return string(d.Action) }},
		{Name: "table", Text: func(d step) string { return d.Table }},
		{Name: "record_id", Text: func(d step) string { return d.RecordID }},
		{Name: "changes", Text: func(d step) string { return changesText(audit.Record{Action: audit.Update, Changes: d.Changes}) }},
		{Name: "undone", Text: func(d step) string { return d.Undone }},
	}, output.Items(steps))
	return err
}
