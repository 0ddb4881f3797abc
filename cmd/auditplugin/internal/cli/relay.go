package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/relay"
)

// subscriberState is relay.Stats for programs.
type subscriberState struct {
	Name        string        `json:"name"`
	Seq         int64         `json:"seq"`
	Missing     int           `json:"missing"`
	Lag         int64         `json:"lag"`
	Behind      time.Duration `json:"behind_ns"`
	Delivered   int64         `json:"delivered"`
	Failed      int64         `json:"failed"`
	Dead        int64         `json:"dead"`
	Holder      string        `json:"holder"`
	LastError   string        `json:"last_error,omitempty"`
	LastErrorAt time.Time     `json:"last_error_at,omitzero"`
}

// deadLetter is relay.DeadLetter for programs.
type deadLetter struct {
	ID        int64        `json:"id"`
	Record    audit.Record `json:"record"`
	Error     string       `json:"error"`
	Attempts  int          `json:"attempts"`
	FailedAt  time.Time    `json:"failed_at"`
	Replaying bool         `json:"replaying,omitempty"`
}

func newRelay(s *session) *cobra.Command {
	c := &cobra.Command{Use: "relay", Short: "The relay's subscribers: how they are doing, and their dead letters"}
	c.AddCommand(relayStatus(s), relayDead(s), plain(relayReplay(s)), plain(relayRewind(s)))
	return c
}

// relay opens the relay's tables, which must be there.
func (s *session) relay(ctx context.Context, readOnly bool) (*relay.Relay, error) {
	db, err := s.open(ctx, readOnly)
	if err != nil {
		return nil, err
	}
	return relay.New(db, relay.AuditTable(s.auditTable()), relay.NoCreate(), relay.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
}

func (s *session) subscribers(ctx context.Context, r *relay.Relay) ([]subscriberState, error) {
	names, err := r.Names(ctx)
	if err != nil {
		return nil, err
	}
	var all []subscriberState
	for _, name := range names {
		st, err := r.Subscriber(name).Stats(ctx)
		if errors.Is(err, relay.ErrNoSubscriber) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, subscriberState(st))
	}
	return all, nil
}

func relayStatus(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Who is served by whom, and how far behind", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := s.relay(c.Context(), true)
			if err != nil {
				return err
			}
			all, err := s.subscribers(c.Context(), r)
			if err != nil {
				return err
			}
			return show(s, all, "The relay has no subscribers.", []output.Column[subscriberState]{
				{Name: "subscriber", Text: func(st subscriberState) string { return st.Name }},
				{Name: "served_by", Text: func(st subscriberState) string {
					if st.Holder == "" {
						return "nobody"
					}
					return st.Holder
				}},
				number("seq", func(st subscriberState) int64 { return st.Seq }),
				{Name: "waiting", Text: func(st subscriberState) string {
					if st.Lag >= relay.MostLag {
						return strconv.Itoa(relay.MostLag) + " or more"
					}
					return strconv.FormatInt(st.Lag, 10)
				}},
				{Name: "behind", Text: func(st subscriberState) string { return st.Behind.Round(time.Second).String() }},
				number("dead", func(st subscriberState) int64 { return st.Dead }),
				number("delivered", func(st subscriberState) int64 { return st.Delivered }),
				number("failed", func(st subscriberState) int64 { return st.Failed }),
				{Name: "last_error", Text: func(st subscriberState) string { return s.target.Scrub(st.LastError) }},
				{Name: "last_error_at", Text: func(st subscriberState) string { return s.clock(st.LastErrorAt) }, Wide: true},
			})
		},
	}
}

func relayDead(s *session) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "dead SUBSCRIBER", Short: "The records that it did not accept", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := s.relay(c.Context(), true)
			if err != nil {
				return err
			}
			letters, err := r.Subscriber(args[0]).DeadLetters(c.Context(), 0, limit)
			if err != nil {
				return err
			}
			all := make([]deadLetter, len(letters))
			for i, l := range letters {
				all[i] = deadLetter(l)
			}
			return show(s, all, "No dead letters.", []output.Column[deadLetter]{
				number("letter", func(l deadLetter) int64 { return l.ID }),
				{Name: "failed_at", Text: func(l deadLetter) string { return s.clock(l.FailedAt) }},
				number("attempts", func(l deadLetter) int { return l.Attempts }),
				{Name: "action", Text: func(l deadLetter) string { return string(l.Record.Action) }},
				{Name: "row", Text: func(l deadLetter) string { return rowText(l.Record) }},
				{Name: "error", Text: func(l deadLetter) string { return l.Error }},
				{Name: "replaying", Text: func(l deadLetter) string { return strconv.FormatBool(l.Replaying) }, Wide: true},
				number("seq", func(l deadLetter) int64 { return l.Record.Seq }),
				{Name: "id", Text: func(l deadLetter) string { return l.Record.ID }, Wide: true},
			})
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", 100, "at most so many")
	return c
}

func relayReplay(s *session) *cobra.Command {
	var yes, all bool
	c := &cobra.Command{
		Use: "replay SUBSCRIBER [LETTER…]", Short: "Have dead letters delivered again; only told unless --yes", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			if all != (len(args) == 1) {
				return usage("replay takes the numbers of letters, or --all")
			}
			ids := make([]int64, 0, len(args))
			for _, text := range args[1:] {
				id, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					return usage("%q is no number of a dead letter", text)
				}
				ids = append(ids, id)
			}
			r, err := s.relay(ctx, !yes)
			if err != nil {
				return err
			}
			sub := r.Subscriber(args[0])
			if _, err := sub.Stats(ctx); err != nil {
				return err
			}
			if all {
				if ids, err = allLetters(ctx, sub); err != nil {
					return err
				}
			}
			if !yes {
				_, err = fmt.Fprintf(s.app.Stdout, "%s would be delivered again: add --yes to do it.\n", output.Count(int64(len(ids)), "dead letter"))
				return err
			}
			n, err := sub.Replay(ctx, ids...)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.app.Stdout, "%s will be delivered again, by the process that serves %s.\n", output.Count(int64(n), "dead letter"), output.Visible(args[0]))
			return err
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	c.Flags().BoolVar(&all, "all", false, "all of them")
	return c
}

func allLetters(ctx context.Context, sub *relay.Subscriber) (ids []int64, err error) {
	for after := int64(0); ; {
		letters, err := sub.DeadLetters(ctx, after, 1000)
		if err != nil || len(letters) == 0 {
			return ids, err
		}
		for _, l := range letters {
			ids, after = append(ids, l.ID), l.ID
		}
	}
}

func relayRewind(s *session) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "rewind SUBSCRIBER SEQ", Short: "Have it go on from a record, forwards or backwards; only told unless --yes",
		Long: "Have a subscriber go on from the record with the given seq: 1 is the whole table\nagain. Nobody may be serving it meanwhile.",
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := c.Context()
			seq, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || seq < 1 {
				return usage("%q is no seq", args[1])
			}
			r, err := s.relay(ctx, !yes)
			if err != nil {
				return err
			}
			st, err := r.Subscriber(args[0]).Stats(ctx)
			if err != nil {
				return err
			}
			if !yes {
				_, err = fmt.Fprintf(s.app.Stdout, "%s would go on at %d; it is at %d: add --yes to do it.\n", output.Visible(args[0]), seq, st.Seq)
				return err
			}
			if err := r.Subscriber(args[0]).Rewind(ctx, seq); err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.app.Stdout, "%s goes on at %d.\n", output.Visible(args[0]), seq)
			return err
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}
