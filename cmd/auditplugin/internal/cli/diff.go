package cli

import (
	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

func newDiff(s *session) *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use:     "diff TABLE KEY…",
		Short:   "What of a row was different at two moments",
		Example: "  auditplugin diff users 42 --from 2026-10-01 --to now",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			first, err := s.when("from", from)
			if err != nil {
				return err
			}
			last, err := s.when("to", to)
			if err != nil {
				return err
			}
			db, err := s.reading(ctx)
			if err != nil {
				return err
			}
			row := rowArgs(args)
			changes, err := history.Diff(ctx, db, &row, first, last, s.asking())
			if err != nil {
				return err
			}
			return show(s, changes, "Nothing differs.", changeColumns())
		},
	}
	c.Flags().StringVar(&from, "from", "", "one moment: "+whenHelp)
	c.Flags().StringVar(&to, "to", "now", "the other moment")
	_ = c.MarkFlagRequired("from") // the flag is there
	return c
}

func changeColumns() []output.Column[audit.Change] {
	return []output.Column[audit.Change]{
		{Name: "path", Text: func(c audit.Change) string { return c.Path }},
		{Name: "from", Text: func(c audit.Change) string { return output.Value(c.From) }},
		{Name: "to", Text: func(c audit.Change) string { return output.Value(c.To) }},
	}
}
