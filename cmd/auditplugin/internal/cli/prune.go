package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

// pruned is what was let go.
type pruned struct {
	Done       bool     `json:"done"`
	Deleted    int64    `json:"deleted"`
	Partitions []string `json:"partitions,omitempty"`
}

func newPrune(s *session) *cobra.Command {
	var w change
	var olderThan string
	var o history.PruneOptions
	c := &cobra.Command{
		Use:   "prune",
		Short: "Let go of old records, a batch at a time; a dry run unless told",
		Example: `  auditplugin prune --older-than 2y
  auditplugin prune --older-than 90d --types session --yes --reason "retention policy"`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, err := w.context(c.Context(), s)
			if err != nil {
				return err
			}
			if olderThan == "" && o.KeepLast == 0 {
				return usage("prune needs --older-than, --keep-last or both")
			}
			if olderThan != "" {
				if o.OlderThan, err = s.when("older-than", olderThan); err != nil {
					return err
				}
			}
			o.DryRun = !w.yes
			open := s.reading
			if w.yes {
				open = s.writing
			}
			db, err := open(ctx)
			if err != nil {
				return err
			}
			if s.app.Interactive {
				o.Progress = func(p history.PruneProgress) { fmt.Fprintf(s.app.Stderr, "\r\x1b[K%d records", p.Deleted) }
			}
			done, err := history.Prune(ctx, db, o, s.asking())
			if s.app.Interactive {
				fmt.Fprint(s.app.Stderr, "\r\x1b[K")
			}
			if err != nil {
				return fmt.Errorf("after %d records: %w", done.Deleted, err)
			}
			return s.tellPruned(pruned{w.yes, done.Deleted, done.Partitions})
		},
	}
	w.add(c)
	f := c.Flags()
	f.StringVar(&olderThan, "older-than", "", "records made before: "+whenHelp)
	f.IntVar(&o.KeepLast, "keep-last", 0, "keep of each row its creation and its last N other records")
	f.StringSliceVar(&o.Types, "types", nil, "only records of these types")
	f.StringSliceVar(&o.Tables, "tables", nil, "only records of these tables")
	f.IntVar(&o.Batch, "batch", 1000, "records in one DELETE")
	f.DurationVar(&o.Pause, "pause", 50*time.Millisecond, "how long to wait after each batch")
	f.BoolVar(&o.KeepPartitions, "keep-partitions", false, "delete rows also where a partition could be dropped")
	return c
}

func (s *session) tellPruned(done pruned) error {
	p, err := s.printer()
	if err != nil {
		return err
	}
	if p.Format.Objects() {
		return output.One[pruned](p, done, nil, nil)
	}
	said := "would go; nothing was deleted: add --yes and --reason to do it"
	if done.Done {
		said = "deleted"
	}
	text := output.Count(done.Deleted, "record")
	if len(done.Partitions) > 0 {
		text += ", among them those of the partitions " + output.Visible(strings.Join(done.Partitions, ", ")) + ","
	}
	_, err = fmt.Fprintf(p.Out, "%s %s.\n", text, said)
	return err
}
