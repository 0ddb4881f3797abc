package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

// share is how much of the records falls to one table, actor or action.
type share struct {
	By      string `json:"by"`
	Name    string `json:"name"`
	Records int64  `json:"records"`
	Rows    int64  `json:"rows,omitempty"`
	First   string `json:"first_seq"`
	Last    string `json:"last_seq"`
}

func newStats(s *session) *cobra.Command {
	var f filter
	var by string
	var limit int
	c := &cobra.Command{
		Use:   "stats",
		Short: "How many records there are, by table, actor, action, type or application",
		Example: `  auditplugin stats
  auditplugin stats --by actor --since 7d`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			column, ok := map[string]string{"table": "table_name", "actor": "actor_id", "action": "action", "type": "record_type", "application": "application", "reason": "reason"}[by]
			if !ok {
				return usage("--by %s: there are table, actor, action, type, application and reason", by)
			}
			db, err := s.reading(c.Context())
			if err != nil {
				return err
			}
			q, err := f.narrow(s, s.search(db))
			if err != nil {
				return err
			}
			all, err := shares(c.Context(), q, by, column, limit)
			if err != nil {
				return err
			}
			return show(s, all, "No record matches.", []output.Column[share]{
				{Name: by, Text: func(s share) string {
					if s.Name == "" {
						return "(none)"
					}
					return s.Name
				}},
				number("records", func(s share) int64 { return s.Records }),
				number("rows", func(s share) int64 { return s.Rows }),
				{Name: "first_seq", Text: func(s share) string { return s.First }},
				{Name: "last_seq", Text: func(s share) string { return s.Last }},
			})
		},
	}
	f.add(c, true)
	c.Flags().StringVar(&by, "by", "table", "table, actor, action, type, application or reason")
	c.Flags().IntVarP(&limit, "limit", "n", 50, "at most so many, the largest first")
	_ = c.RegisterFlagCompletionFunc("by", cobra.FixedCompletions([]string{"table", "actor", "action", "type", "application", "reason"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return c
}

func shares(ctx context.Context, q history.Query, by, column string, limit int) ([]share, error) {
	var found []struct {
		Name                 string
		Records, First, Last int64
		Many                 int64
	}
	tx := q.DB(ctx).Select(column + " AS name, COUNT(*) AS records, COUNT(DISTINCT record_id) AS many, MIN(seq) AS first, MAX(seq) AS last").
		Group(column).Order("records DESC, name").Limit(limit)
	if err := tx.Scan(&found).Error; err != nil {
		return nil, err
	}
	all := make([]share, len(found))
	for i, f := range found {
		all[i] = share{By: by, Name: f.Name, Records: f.Records, Rows: f.Many, First: strconv.FormatInt(f.First, 10), Last: strconv.FormatInt(f.Last, 10)}
	}
	return all, nil
}
