package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/doctor"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/trigger"
)

func newTrigger(s *session) *cobra.Command {
	c := &cobra.Command{
		Use: "trigger", Short: "Companion triggers, which record what other programs write",
		Long: `Companion triggers, which record what other programs write.

The application makes them best (trigger.Install, or trigger.Generate and a migration):
its models say what is secret, and how values are meant. Here, records and flags do.`,
	}
	c.AddCommand(triggerCheck(s), plain(triggerGenerate(s)), plain(triggerInstall(s)), plain(triggerDrop(s)))
	return c
}

// triggerState is what was found on a table, for programs.
type triggerState struct {
	Table   string `json:"table"`
	State   string `json:"state"`
	Trigger string `json:"trigger,omitempty"`
	Text    string `json:"text,omitempty"`
	Do      string `json:"do,omitempty"`
}

func triggerCheck(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "check [TABLE…]", Short: "Which tables have them, and what is wrong with them",
		Long: `Which tables have companion triggers, and what is wrong with them. Tables that are named
have to have some. The exit code is 1 when there is anything but ok.

What the application's models say now is not known here: that tags or options changed
since is found by trigger.Check in the application.`,
		Example: "  auditplugin trigger check\n  auditplugin trigger check users orders -o json",
		RunE: func(c *cobra.Command, args []string) error {
			db, err := s.reading(c.Context())
			if err != nil {
				return err
			}
			all, err := trigger.Examine(c.Context(), db)
			if err != nil {
				return err
			}
			states, well := triggerStates(all, args)
			if err := show(s, states, "No table has companion triggers.", []output.Column[triggerState]{
				{Name: "table", Text: func(t triggerState) string { return t.Table }},
				{Name: "state", Text: func(t triggerState) string { return t.State }},
				{Name: "finding", Text: func(t triggerState) string { return t.Text }},
				{Name: "what_to_do", Text: func(t triggerState) string { return t.Do }},
				{Name: "trigger", Text: func(t triggerState) string { return t.Trigger }, Wide: true},
			}); err != nil {
				return err
			}
			if !well {
				return errFindings
			}
			return nil
		},
	}
}

// triggerStates are the findings on the tables, or on those that are named.
func triggerStates(all []trigger.Table, named []string) (states []triggerState, well bool) {
	well = true
	is := func(t trigger.Table) func(string) bool {
		return func(name string) bool {
			return name == t.Name || name == t.Schema+"."+t.Name
		}
	}
	add := func(d trigger.Drift) {
		f := doctor.Drift(d)
		states, well = append(states, triggerState{d.Table, string(d.Kind), d.Name, f.Text, f.Do}), false
	}
	for _, t := range all {
		if len(named) > 0 && !slices.ContainsFunc(named, is(t)) {
			continue
		}
		for _, d := range t.Drift {
			add(d)
		}
		if len(t.Drift) == 0 {
			states = append(states, triggerState{Table: t.Name, State: "ok"})
		}
	}
	for _, name := range named {
		if !slices.ContainsFunc(all, func(t trigger.Table) bool { return is(t)(name) }) {
			states = append(states, triggerState{Table: name, State: string(trigger.Missing), Text: "it has no companion triggers", Do: doctor.Drift(trigger.Drift{}).Do})
			well = false
		}
	}
	return states, well
}

func triggerDrop(s *session) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "drop TABLE…", Short: "Take them away from tables; only told unless --yes", Args: cobra.MinimumNArgs(1),
		Long: `Take the companion triggers of tables away. Without --yes the statements are printed,
and nothing is done. What other programs write to the tables is not recorded from then on;
what the application writes is.`,
		RunE: func(c *cobra.Command, args []string) error {
			statements, err := s.dropTriggers(c.Context(), args, yes)
			if err != nil {
				return err
			}
			for _, st := range statements {
				if _, err := fmt.Fprintln(s.app.Stdout, st+";"); err != nil {
					return err
				}
			}
			if !yes {
				_, err = fmt.Fprintln(s.app.Stderr, "Nothing was done: add --yes to do it.")
			}
			return err
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

// dropTriggers returns what takes the triggers away, and runs it if that was asked for.
func (s *session) dropTriggers(ctx context.Context, tables []string, yes bool) ([]string, error) {
	db, err := s.open(ctx, !yes)
	if err != nil {
		return nil, err
	}
	models := make([]any, len(tables))
	for i, name := range tables {
		models[i] = name
	}
	statements, err := trigger.Drop(db, trigger.For(models...))
	if err == nil && yes {
		err = trigger.Remove(db, trigger.For(models...))
	}
	return statements, err
}
