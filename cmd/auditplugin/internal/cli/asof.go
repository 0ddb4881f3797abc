package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

// rowThen is a row as it was.
type rowThen struct {
	Table  string         `json:"table"`
	Key    []any          `json:"key"`
	Values map[string]any `json:"values"`
	// Unknown says of which columns nobody knows what they were, and why.
	Unknown map[string]string `json:"unknown,omitempty"`
}

const noModels = `There are no models here: values are as records write them, audit tags are known
from the records of the table, and what they mask is masked. The application's own
history.AsOf knows more.`

func newAsOf(s *session) *cobra.Command {
	var m moment
	c := &cobra.Command{
		Use:   "asof TABLE KEY…",
		Short: "A row as it was at a moment",
		Long:  "A row as it was at a moment, put together from the present row and the records.\n\n" + noModels,
		Example: `  auditplugin asof users 42 --at 2026-10-01
  auditplugin asof users 42 --before 900`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			db, err := s.reading(ctx)
			if err != nil {
				return err
			}
			when, err := m.find(ctx, s, db, "at")
			if err != nil {
				return err
			}
			row, gaps := rowArgs(args), history.Gaps{}
			if err := history.AsOf(ctx, db, &row, when, s.asking(), history.Partial(&gaps)); err != nil {
				return err
			}
			then := rowThen{Table: row.Table, Key: row.Key, Values: row.Values, Unknown: unknown(gaps)}
			p, err := s.printer()
			if err != nil {
				return err
			}
			names := slices.Clone(row.Columns)
			for name := range then.Unknown {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
			slices.Sort(names[len(row.Columns):])
			return output.One(p, then, []output.Column[string]{
				{Name: "column", Text: func(name string) string { return name }},
				{Name: "value", Text: func(name string) string {
					if v, ok := row.Values[name]; ok {
						return output.Value(v)
					}
					return "(not known: " + then.Unknown[name] + ")"
				}},
			}, names)
		},
	}
	m.add(c, "at")
	return c
}

// unknown says why columns are not known.
func unknown(g history.Gaps) map[string]string {
	all := map[string]string{}
	for why, columns := range map[string][]string{
		"the records show it masked": g.Redacted, "it is in no record": g.Lost,
		"it was erased": g.Erased, "it is never recorded": g.Unrecorded,
	} {
		for _, name := range columns {
			all[name] = why
		}
	}
	return all
}
