package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/doctor"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/relay"
)

func newSchema(s *session) *cobra.Command {
	var dialect, what string
	var months int
	var diff bool
	c := &cobra.Command{
		Use:   "schema",
		Short: "The SQL that makes the tables, or what a table lacks",
		Example: `  auditplugin schema --dialect postgres
  auditplugin schema --dialect mysql --for relay
  auditplugin schema --dialect postgres --months 12
  auditplugin schema --diff`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if diff {
				db, err := s.reading(c.Context())
				if err != nil {
					return err
				}
				statements, err := doctor.Missing(c.Context(), db, s.auditTable())
				if err != nil {
					return err
				}
				for _, st := range statements {
					if _, err := fmt.Fprintln(s.app.Stdout, st+";"); err != nil {
						return err
					}
				}
				if len(statements) == 0 && s.flags.failEmpty {
					return errNone
				}
				return nil
			}
			if dialect == "" {
				db, err := s.reading(c.Context())
				if err != nil {
					return err
				}
				dialect = db.Name()
			}
			if dialect == "mariadb" {
				dialect = "mysql"
			}
			text, err := s.schema(dialect, what, months)
			if err != nil {
				return err
			}
			_, err = io.WriteString(s.app.Stdout, text)
			return err
		},
	}
	c.Flags().StringVar(&dialect, "dialect", "", "sqlite, postgres, mysql or mariadb (default the database's)")
	c.Flags().StringVar(&what, "for", "audit", "audit, relay, alerts, or outbox: a view for tools that want one")
	c.Flags().IntVar(&months, "months", 0, "the audit table in so many monthly partitions")
	c.Flags().BoolVar(&diff, "diff", false, "the SQL that gives the database's audit table what it lacks")
	_ = c.RegisterFlagCompletionFunc("for", cobra.FixedCompletions([]string{"audit", "relay", "alerts", "outbox"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	_ = c.RegisterFlagCompletionFunc("dialect", cobra.FixedCompletions([]string{"sqlite", "postgres", "mysql", "mariadb"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (s *session) schema(dialect, what string, months int) (string, error) {
	switch what {
	case "audit":
		if months > 0 {
			return history.PartitionSchema(dialect, s.auditTable(), s.app.Now(), months)
		}
		return emitter.Table(emitter.Name(s.auditTable())).Schema(dialect)
	case "relay":
		return relay.Schema(dialect, relay.AuditTable(s.auditTable()))
	case "alerts":
		return alert.Schema(dialect)
	case "outbox":
		return relay.OutboxView(dialect, relay.AuditTable(s.auditTable()))
	}
	return "", usage("--for %s: there are audit, relay, alerts and outbox", what)
}
