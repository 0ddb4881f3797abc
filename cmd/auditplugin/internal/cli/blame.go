package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

// origin says where the value of a column comes from.
type origin struct {
	Column string        `json:"column"`
	Value  any           `json:"value"`
	Record *audit.Record `json:"record"`
}

func newBlame(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "blame TABLE KEY…",
		Short:   "Who set each column of a row, when and why",
		Long:    "Who set each column of a row to what it is now, when and why.\n\n" + noModels,
		Example: "  auditplugin blame users 42",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			db, err := s.reading(ctx)
			if err != nil {
				return err
			}
			row := rowArgs(args)
			lines, err := history.Blame(ctx, db, &row, s.asking())
			if err != nil {
				return err
			}
			all := make([]origin, len(lines))
			for i, l := range lines {
				all[i] = origin(l)
			}
			p, err := s.printer()
			if err != nil {
				return err
			}
			of := func(f func(audit.Record) string) func(origin) string {
				return func(o origin) string {
					if o.Record == nil {
						return ""
					}
					return f(*o.Record)
				}
			}
			_, err = output.List(p, []output.Column[origin]{
				{Name: "column", Text: func(o origin) string { return o.Column }},
				{Name: "value", Text: func(o origin) string {
					if o.Record == nil {
						return "(no record has set it)"
					}
					return output.Value(o.Value)
				}},
				{Name: "since", Text: of(func(r audit.Record) string { return s.clock(r.Time) })},
				{Name: "by", Text: of(func(r audit.Record) string { return actorText(r.Actor) })},
				{Name: "reason", Text: of(func(r audit.Record) string { return r.Reason })},
				{Name: "action", Text: of(actionText), Wide: true},
				{Name: "seq", Text: of(func(r audit.Record) string { return strconv.FormatInt(r.Seq, 10) })},
				{Name: "id", Text: of(func(r audit.Record) string { return r.ID }), Wide: true},
			}, output.Items(all))
			return err
		},
	}
}
