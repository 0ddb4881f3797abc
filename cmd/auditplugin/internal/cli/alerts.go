package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/alert/file"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
)

// channelState is alert.ChannelStats for programs.
type channelState struct {
	Channel string        `json:"channel"`
	Waiting int           `json:"waiting"`
	Late    int           `json:"late"`
	Sent    int           `json:"sent"`
	Dead    int           `json:"dead"`
	Delay   time.Duration `json:"delay_ns"`
}

// deadMessage is alert.DeadMessage for programs.
type deadMessage struct {
	alert.Message
	Error string `json:"error"`
}

func newAlerts(s *session) *cobra.Command {
	c := &cobra.Command{Use: "alerts", Short: "Alerts: what waits, what was given up, and what rules would send"}
	c.AddCommand(alertsStatus(s), alertsDead(s), plain(alertsReplay(s)), alertsTest(s))
	return c
}

// alerts opens the outbox, which must be there.
func (s *session) alerts(ctx context.Context, readOnly bool) (*alert.Engine, error) {
	db, err := s.open(ctx, readOnly)
	if err != nil {
		return nil, err
	}
	return alert.New(db, nil, nil, alert.NoCreate(), alert.WithAuditTable(s.auditTable()), alert.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
}

func channelStates(stats []alert.ChannelStats) []channelState {
	all := make([]channelState, len(stats))
	for i, st := range stats {
		all[i] = channelState{st.Channel, st.Waiting, st.Late, st.Sent, st.Dead, st.Delay}
	}
	return all
}

func alertsStatus(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "What waits in each channel, and what was given up", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := s.alerts(c.Context(), true)
			if err != nil {
				return err
			}
			stats, err := e.Stats(c.Context())
			if err != nil {
				return err
			}
			return show(s, channelStates(stats), "The outbox is empty.", []output.Column[channelState]{
				{Name: "channel", Text: func(st channelState) string { return st.Channel }},
				number("waiting", func(st channelState) int { return st.Waiting }),
				number("late", func(st channelState) int { return st.Late }),
				{Name: "delay", Text: func(st channelState) string { return st.Delay.Round(time.Second).String() }},
				number("dead", func(st channelState) int { return st.Dead }),
				number("sent", func(st channelState) int { return st.Sent }),
			})
		},
	}
}

func alertsDead(s *session) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "dead", Short: "The messages that were given up", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := s.alerts(c.Context(), true)
			if err != nil {
				return err
			}
			dead, err := e.Dead(c.Context(), limit)
			if err != nil {
				return err
			}
			all := make([]deadMessage, len(dead))
			for i, d := range dead {
				all[i] = deadMessage(d)
			}
			return show(s, all, "No message was given up.", []output.Column[deadMessage]{
				{Name: "id", Text: func(d deadMessage) string { return d.ID }},
				{Name: "time", Text: func(d deadMessage) string { return s.clock(d.Time) }},
				{Name: "rule", Text: func(d deadMessage) string { return d.Rule }},
				{Name: "channel", Text: func(d deadMessage) string { return d.Channel }},
				{Name: "subject", Text: func(d deadMessage) string { return d.Subject }},
				{Name: "error", Text: func(d deadMessage) string { return s.target.Scrub(d.Error) }},
			})
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", 100, "at most so many")
	return c
}

func alertsReplay(s *session) *cobra.Command {
	var yes, all bool
	c := &cobra.Command{
		Use: "replay [ID…]", Short: "Have messages sent again that were given up; only told unless --yes", Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if all != (len(args) == 0) {
				return usage("replay takes the ids of messages, or --all")
			}
			e, err := s.alerts(c.Context(), !yes)
			if err != nil {
				return err
			}
			if !yes {
				_, err := fmt.Fprintln(s.app.Stdout, "Nothing was done: add --yes to do it. What was given up, alerts dead lists.")
				return err
			}
			n, err := e.Replay(c.Context(), args...)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.app.Stdout, "%s due again.\n", output.Count(int64(n), "message"))
			return err
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	c.Flags().BoolVar(&all, "all", false, "all of them")
	return c
}

// plannedMessage is what a rule would have sent.
type plannedMessage struct {
	alert.Message
	At time.Time `json:"at"`
}

func alertsTest(s *session) *cobra.Command {
	var since, until string
	c := &cobra.Command{
		Use: "test RULES.yaml", Short: "What rules would have sent; nothing is sent",
		Example: "  auditplugin alerts test alerts.yaml --since 7d",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			from, err := s.when("since", since)
			if err != nil {
				return err
			}
			to, err := s.when("until", until)
			if err != nil {
				return err
			}
			// Channels are not made, and so need no secrets.
			rules, err := file.Load(args[0], file.Env(func(string) (string, bool) { return "x", true }),
				file.URLs(func(string) (alert.Channel, error) { return alert.Func(nobody), nil }))
			if err != nil {
				var bad *file.Error
				if errors.As(err, &bad) {
					return usage("%s", strings.ReplaceAll(bad.Error(), "\n", "; "))
				}
				return err
			}
			db, err := s.reading(c.Context())
			if err != nil {
				return err
			}
			report, err := alert.DryRun(c.Context(), db, rules.Rules, from, to, append(rules.Options, alert.WithAuditTable(s.auditTable()))...)
			if err != nil {
				return err
			}
			all := make([]plannedMessage, len(report.Messages))
			for i, m := range report.Messages {
				all[i] = plannedMessage(m)
			}
			return show(s, all, "The rules would have sent nothing.", []output.Column[plannedMessage]{
				{Name: "at", Text: func(m plannedMessage) string { return s.clock(m.At) }},
				{Name: "rule", Text: func(m plannedMessage) string { return m.Rule }},
				{Name: "channel", Text: func(m plannedMessage) string { return m.Channel }},
				{Name: "severity", Text: func(m plannedMessage) string { return m.Severity.String() }},
				{Name: "subject", Text: func(m plannedMessage) string { return m.Subject }},
			})
		},
	}
	c.Flags().StringVar(&since, "since", "7d", "changes made since: "+whenHelp)
	c.Flags().StringVar(&until, "until", "now", "and before")
	return c
}

func nobody(context.Context, alert.Message) error { return errors.New("nothing is sent here") }
