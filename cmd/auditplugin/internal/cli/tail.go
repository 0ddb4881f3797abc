package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/relay"
)

func newTail(s *session) *cobra.Command {
	var f filter
	var follow, fromNow bool
	var limit int
	c := &cobra.Command{
		Use:   "tail",
		Short: "The last records, and with -f what commits from then on",
		Long: `The last records, in order, and with -f what commits from then on: as a line for
each record, or with -o text, json and the like as everywhere.

-f skips nothing, also not what commits behind larger numbers, and goes on when
the database was away. It reads, and keeps no place of its own. With --from-now
it shows nothing of the past.`,
		Example: `  auditplugin tail -f
  auditplugin tail -f --table users --action delete
  auditplugin tail -f --from-now --jq .actor`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if fromNow && !follow {
				return usage("--from-now goes with -f: there is nothing else to show")
			}
			ctx := c.Context()
			db, err := s.reading(ctx)
			if err != nil {
				return err
			}
			q, err := f.narrow(s, s.search(db))
			if err != nil {
				return err
			}
			p, err := s.printer()
			if err != nil {
				return err
			}
			// The place is taken before the last records are read: what commits in
			// between is in one of them, or in both.
			var onwards *relay.Follower
			if follow {
				if onwards, err = relay.Follow(ctx, db, relay.FollowNow, relay.AuditTable(s.auditTable())); err != nil {
					return err
				}
			}
			show, shown := s.liner(p), map[string]bool{}
			if fromNow {
				return s.follow(ctx, onwards, q, shown, show)
			}
			last := q
			if f.since == "" {
				last = last.Limit(limit)
			}
			records, err := last.Newest().Find(ctx)
			if err != nil {
				return err
			}
			for _, r := range slices.Backward(records) {
				shown[r.ID] = true
				if err := show(r); err != nil {
					return err
				}
			}
			if !follow {
				return nil
			}
			return s.follow(ctx, onwards, q, shown, show)
		},
	}
	f.add(c, true)
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what commits")
	c.Flags().BoolVar(&fromNow, "from-now", false, "with -f: nothing of what was there before")
	c.Flags().IntVarP(&limit, "limit", "n", 10, "so many of the last ones, without --since")
	c.MarkFlagsMutuallyExclusive("from-now", "since")
	c.MarkFlagsMutuallyExclusive("from-now", "limit")
	return c
}

// liner writes records one by one.
func (s *session) liner(p *output.Printer) func(audit.Record) error {
	switch p.Format {
	case output.Text, output.NDJSON, output.CSV, output.YAML:
		first := true
		return func(r audit.Record) error {
			p.NoHeader, first = !first, false
			_, err := s.write(p, output.Items([]audit.Record{r}), false)
			return err
		}
	case output.JSON:
		one := *p
		one.Format = output.NDJSON // an array would have no end
		return s.liner(&one)
	}
	return func(r audit.Record) error {
		line := fmt.Sprintf("%s  %-11s  %s", s.clock(r.Time), actionText(r), rowText(r))
		if who := actorText(r.Actor); who != "" {
			line += "  by " + who
		}
		if what := changesText(r); what != "" {
			line += "  " + what
		}
		if r.Reason != "" {
			line += "  (" + r.Reason + ")"
		}
		_, err := io.WriteString(p.Out, output.Cut(output.Visible(line), p.Width)+"\n")
		return err
	}
}

// follow shows what commits, as far as q asks for it and it was not shown yet.
func (s *session) follow(ctx context.Context, onwards *relay.Follower, q history.Query, shown map[string]bool, show func(audit.Record) error) error {
	away := false
	for r, err := range onwards.Records(ctx) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			if !away {
				fmt.Fprintln(s.app.Stderr, "auditplugin: "+s.message(err)+"; trying again")
			}
			away = true
			continue
		}
		away = false
		if shown[r.ID] {
			continue
		}
		// The database decides what matches, as it does for every other question.
		n, err := q.ID(r.ID).Count(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		if err := show(r); err != nil {
			return err
		}
	}
	return ctx.Err() // nothing else ends it
}
