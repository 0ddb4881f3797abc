package cli

import (
	"context"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/history"
)

// moment is a point in a trail, as flags say it.
type moment struct {
	at, before, after string
	seq               int64
}

func (m *moment) add(c *cobra.Command, at string) {
	c.Flags().StringVar(&m.at, at, "", "the moment: "+whenHelp)
	c.Flags().StringVar(&m.before, "before", "", "right before the record with this id or seq")
	c.Flags().StringVar(&m.after, "after", "", "right after it")
	c.Flags().Int64Var(&m.seq, "seq", 0, "behind the record with this seq, whatever row it is about")
	c.MarkFlagsMutuallyExclusive(at, "before", "after", "seq")
	c.MarkFlagsOneRequired(at, "before", "after", "seq")
}

// find finds the moment.
func (m *moment) find(ctx context.Context, s *session, db *gorm.DB, at string) (history.Moment, error) {
	switch {
	case m.seq > 0:
		return history.AtSeq(m.seq), nil
	case m.before != "":
		r, err := s.record(ctx, db, m.before)
		return history.Before(r), err
	case m.after != "":
		r, err := s.record(ctx, db, m.after)
		return history.After(r), err
	}
	t, err := s.when(at, m.at)
	return history.At(t), err
}
