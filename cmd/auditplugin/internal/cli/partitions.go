package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

func newPartitions(s *session) *cobra.Command {
	c := &cobra.Command{Use: "partitions", Short: "The audit table's months, where it is partitioned"}
	list := &cobra.Command{
		Use: "list", Short: "The partitions and what they hold", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			db, err := s.reading(c.Context())
			if err != nil {
				return err
			}
			all, err := history.Partitions(c.Context(), db, s.asking())
			if err != nil {
				return err
			}
			p, err := s.printer()
			if err != nil {
				return err
			}
			day := func(t time.Time) string {
				if t.IsZero() {
					return ""
				}
				return t.UTC().Format(time.DateOnly) // months are in UTC
			}
			_, err = output.List(p, []output.Column[history.Partition]{
				{Name: "name", Text: func(p history.Partition) string { return p.Name }},
				{Name: "from", Text: func(p history.Partition) string { return day(p.From) }},
				{Name: "until", Text: func(p history.Partition) string {
					if p.Rest {
						return "(all other times)"
					}
					return day(p.Until)
				}},
			}, output.Items(all))
			return err
		},
	}
	var ahead int
	ensure := &cobra.Command{
		Use: "ensure", Short: "Make the partitions of this month and the ones ahead, where they are missing", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			db, err := s.writing(c.Context())
			if err != nil {
				return err
			}
			made, err := history.EnsurePartitions(c.Context(), db, ahead, s.asking())
			if err != nil {
				return err
			}
			if len(made) == 0 {
				_, err = fmt.Fprintln(s.app.Stdout, "All are there.")
				return err
			}
			_, err = fmt.Fprintln(s.app.Stdout, "Made", output.Visible(strings.Join(made, ", ")))
			return err
		},
	}
	ensure.Flags().IntVar(&ahead, "ahead", 2, "months ahead")
	c.AddCommand(list, plain(ensure))
	return c
}
