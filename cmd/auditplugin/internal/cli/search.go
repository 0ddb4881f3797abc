package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

// page is how much of an answer is shown.
type page struct {
	limit  int
	oldest bool
	after  string
	count  bool
}

const defaultLimit = 50

func (g *page) add(c *cobra.Command) {
	c.Flags().IntVarP(&g.limit, "limit", "n", defaultLimit, "at most so many; 0 is all")
	c.Flags().BoolVar(&g.oldest, "oldest", false, "oldest first, not newest first")
	c.Flags().StringVar(&g.after, "after", "", "go on behind a cursor that was told")
	c.Flags().BoolVar(&g.count, "count", false, "only how many there are")
}

// show answers a question.
func (g *page) show(s *session, c *cobra.Command, q history.Query, nothing string, row bool) error {
	if g.limit < 0 {
		return usage("--limit %d", g.limit)
	}
	if !g.oldest {
		q = q.Newest()
	}
	ctx := c.Context()
	if g.count {
		n, err := q.Count(ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(s.app.Stdout, n)
		return err
	}
	if g.after != "" {
		q = q.After(g.after)
	}
	p, err := s.printer()
	if err != nil {
		return err
	}
	if g.limit == 0 {
		n, err := s.write(p, q.All(ctx), row)
		if err != nil {
			return err
		}
		return s.found(p, n, nothing)
	}
	records, next, err := q.Limit(g.limit).Page(ctx)
	if err != nil {
		return err
	}
	if _, err := s.write(p, output.Items(records), row); err != nil {
		return err
	}
	if next != "" && s.app.Interactive {
		fmt.Fprintf(s.app.Stderr, "There are more: add --after %s\n", next)
	}
	return s.found(p, len(records), nothing)
}

func newSearch(s *session) *cobra.Command {
	var f filter
	var g page
	c := &cobra.Command{
		Use:   "search [QUERY…]",
		Short: "Records of all tables, newest first",
		Long: `Records of all tables, newest first.

QUERY is key:value, where the key is one of the flags below, or a part of the
reason: auditplugin search actor:7 column:phone "ticket 1234"`,
		Example: `  auditplugin search --actor 7 --since 7d
  auditplugin search --table users --column phone --to phone=+19876543210
  auditplugin search --action delete --since yesterday --count`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.words(c, args); err != nil {
				return err
			}
			return f.ask(s, c, &g, "No record matches.")
		},
	}
	f.add(c, true)
	g.add(c)
	return c
}

// ask opens the database and answers.
func (f *filter) ask(s *session, c *cobra.Command, g *page, nothing string) error {
	db, err := s.reading(c.Context())
	if err != nil {
		return err
	}
	q, err := f.narrow(s, s.search(db))
	if err != nil {
		return err
	}
	return g.show(s, c, q, nothing, false)
}

// newActor and newTx are searches that people make by name.
func newActor(s *session) *cobra.Command {
	var f filter
	var g page
	c := &cobra.Command{
		Use: "actor ID", Short: "What somebody did, newest first", Args: cobra.ExactArgs(1),
		Example: "  auditplugin actor 7 --since 7d",
		RunE: func(c *cobra.Command, args []string) error {
			f.actors = append(f.actors, args[0])
			return f.ask(s, c, &g, fmt.Sprintf("Nothing is recorded of actor %s.", args[0]))
		},
	}
	f.add(c, true)
	g.add(c)
	return c
}

func newTx(s *session) *cobra.Command {
	var f filter
	g := page{oldest: true, limit: 0}
	c := &cobra.Command{
		Use: "tx TRANSACTION", Short: "Everything that a transaction changed, in order", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.transactions = args
			return f.ask(s, c, &g, fmt.Sprintf("No record has the transaction id %s.", args[0]))
		},
	}
	return c
}
