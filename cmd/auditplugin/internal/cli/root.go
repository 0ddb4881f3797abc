package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// newRoot makes the tree of commands.
func newRoot(s *session) *cobra.Command {
	root := &cobra.Command{
		Use:   "auditplugin",
		Short: "Who changed which row, from what, to what, when and why",
		Long: `auditplugin asks and mends the audit table that the auditplugin package writes.

The database is --dsn, --dsn-file, $AUDIT_DSN, $DATABASE_URL, one of those in the
file .env, or dsn in auditplugin.yaml, whichever is given first. Questions are asked in a session that the
database itself keeps from writing; commands that write do so with --yes only.`,
		Example: `  auditplugin trail users 42
  auditplugin search --actor 7 --since 7d
  auditplugin asof users 42 --at 2026-10-01
  auditplugin doctor`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddGroup(&cobra.Group{ID: "ask", Title: "Questions:"}, &cobra.Group{ID: "row", Title: "One row:"}, &cobra.Group{ID: "keep", Title: "Upkeep:"})
	s.addFlags(root)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("ask", newSearch(s), newShow(s), newTx(s), newActor(s), newEvents(s), newTail(s), newStats(s), newExport(s), plain(newOpen(s)))
	add("row", newTrail(s), newAsOf(s), newBlame(s), newDiff(s), newRevert(s))
	add("keep", newDoctor(s), plain(newSchema(s)), newPrune(s), newPartitions(s), newRelay(s), newAlerts(s), newTrigger(s))
	root.AddCommand(alone(newVersion(s)), alone(newMan(s)), topic("exit-codes", "What the exit codes say", exitTopic), topic("output", "How results are written", outputTopic),
		topic("environment", "The variables that are read", environmentTopic))
	s.wrap(root)
	return root
}

// wrap has every command that begins say so: what goes wrong before is a mistake of the
// command line.
func (s *session) wrap(c *cobra.Command) {
	if c.RunE == nil && c.HasSubCommands() {
		c.Args = cobra.NoArgs
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := s.readSettings(c); err != nil {
				return err
			}
			if err := s.startPager(); err != nil {
				return err
			}
			s.begun, s.question = true, question(c, args)
			if err := s.startQuery(c.Context(), c); err != nil {
				return err
			}
			if err := run(c, args); err != nil {
				return err
			}
			return s.query.Failed()
		}
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usage("%v; see %s --help", err, c.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		s.wrap(sub)
	}
}

func topic(name, short, long string) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Long: long}
}

const outputTopic = `Output (-o):

  table   for people, as wide as the terminal: the default there
  wide    the same with all columns, and no line cut
  text    records one below the other, with what changed on lines of its own
  ndjson  one JSON object a line, as it is found: the default where the output is
          not a terminal
  json    one array, or one object
  yaml    one list, or one object
  csv     all columns, with a header

Text from the database is escaped so that no value can speak to a terminal, forge
a line, or, in CSV, be a formula. JSON has values as they are, escaped as JSON
escapes. --fields picks columns, and members of JSON and YAML objects.
--jq writes what a jq expression makes of each object (ndjson), or of the whole
array (json): a result a line, as JSON, also texts.
--pager shows it through $PAGER, or less, where the output is a terminal.
Masked and hashed values look as they were recorded.
`

const environmentTopic = `Environment:

  AUDIT_DSN, DATABASE_URL   the database, if --dsn and --dsn-file are not given
  AUDIT_TABLE               the audit table, if it is not audit_logs
  AUDIT_ACTOR               who is recorded for what this program changes, if not the
                            user of the operating system
  PAGER                     the program of --pager, if it is not less
  NO_COLOR, CLICOLOR_FORCE  no colour; colour also outside a terminal
  PGPASSWORD, PGPASSFILE    as for all PostgreSQL clients

The file .env in the current folder (another one: --env) may set the first two.
What is given neither by flags nor there, auditplugin.yaml in the current folder may
say (another one: --config):

  dsn: postgres://reader@db.internal/shop
  audit-table: audit_logs
  output: table
  utc: true
  limit: 20                      # as -n, where a command has it
  doctor:
    ignore: [schema_migrations]
    limit: 50GB
    role: app
    relay-role: relay

A password in it is taken only if nobody but the file's owner may read it.
`

func newVersion(s *session) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Which version this is", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		_, err := fmt.Fprintln(s.app.Stdout, version())
		return err
	}}
}

// version is the module's, as it was built.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
