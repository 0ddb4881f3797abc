package cli

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/trigger"
)

const makeHelp = `
The application's models are not here. What the newest 20 records of a table that hold
whole rows show masked, hashed or not at all is masked or left out, and so is what
--mask and --leave-out name; columns such as password are masked by their names. Where
none of these says whether a column may be seen, and with JSON documents, of which a
part may have been left out, nothing is made, unless one of these flags says something of
the table: then the rest may be seen. --nothing-hidden says that of all.

The application must have the plugin with WithCompanion in every process, and log in as
one of --role: otherwise what it writes is recorded twice. So must who reverts with this
command.`

// making are the flags of what makes triggers.
type making struct {
	hideFlags
	roles []string
}

func (m *making) add(c *cobra.Command) {
	f := c.Flags()
	f.StringSliceVar(&m.mask, "mask", nil, "columns whose values are not shown; of several tables TABLE.COLUMN")
	f.StringSliceVar(&m.leaveOut, "leave-out", nil, "columns that are not recorded, likewise")
	f.BoolVar(&m.nothing, "nothing-hidden", false, "what neither records, names nor flags hide may be seen")
	f.StringSliceVar(&m.roles, "role", nil, "the database users of the application's processes; not on SQLite")
}

func triggerGenerate(s *session) *cobra.Command {
	var m making
	c := &cobra.Command{
		Use: "generate TABLE…", Short: "The SQL that makes them, for a migration; runs nothing", Args: cobra.MinimumNArgs(1),
		Long:    "The SQL that makes the companion triggers of tables. Nothing is run.\n" + makeHelp,
		Example: "  auditplugin trigger generate users orders --role app\n  auditplugin trigger generate tokens --role app --mask value --leave-out note",
		RunE: func(c *cobra.Command, args []string) error {
			db, err := s.reading(c.Context())
			if err != nil {
				return err
			}
			made, err := m.prepare(c.Context(), s, db, args)
			if err != nil {
				return err
			}
			return s.script(db, made)
		},
	}
	m.add(c)
	return c
}

func triggerInstall(s *session) *cobra.Command {
	var m making
	var yes bool
	c := &cobra.Command{
		Use: "install TABLE…", Short: "Make them; only told unless --yes", Args: cobra.MinimumNArgs(1),
		Long:    "Make the companion triggers of tables, in the place of older ones. Without --yes their\nSQL is printed, and nothing is done.\n" + makeHelp,
		Example: "  auditplugin trigger install users orders --role app\n  auditplugin trigger install users orders --role app --yes",
		RunE: func(c *cobra.Command, args []string) error {
			db, err := s.open(c.Context(), !yes)
			if err != nil {
				return err
			}
			made, err := m.prepare(c.Context(), s, db, args)
			if err != nil {
				return err
			}
			if yes {
				if err := trigger.Install(db, made.options...); err != nil {
					return err
				}
				return s.tellHidden(made.hidden, "")
			}
			if err := s.script(db, made); err != nil {
				return err
			}
			_, err = fmt.Fprintln(s.app.Stderr, "Nothing was done: add --yes to do it.")
			return err
		},
	}
	m.add(c)
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

// made is what triggers are made of.
type made struct {
	hidden  []hidden
	options []trigger.Option
}

// prepare finds out what is to be hidden, and has the plugin know of it.
func (m *making) prepare(ctx context.Context, s *session, db *gorm.DB, tables []string) (made, error) {
	var all made
	m.tables = tables
	if err := m.check(); err != nil {
		return all, err
	}
	if len(m.roles) == 0 && db.Name() != "sqlite" {
		return all, usage("--role names the database users that the application's processes log in as: what others write is recorded by the triggers, and theirs would be twice")
	}
	roles, err := m.loggingIn(ctx, db)
	if err != nil {
		return all, err
	}
	names := auditplugin.New(auditplugin.WithEnabled(false))
	var leftOut []string
	models := make([]any, len(tables))
	for i, table := range tables {
		h, err := s.hiding(ctx, db, table, m.hideFlags, func(column string) (bool, error) {
			shown, err := names.Shown(nil, table, column, "x")
			return shown != "x", err
		})
		if err != nil {
			return all, err
		}
		models[i] = table
		all.hidden = append(all.hidden, h)
		all.options = append(all.options, trigger.RecordType(table, h.recordType))
		for _, c := range h.masked {
			all.options = append(all.options, trigger.Mask(table+"."+c))
		}
		for _, c := range h.leftOut {
			leftOut = append(leftOut, table[strings.LastIndexByte(table, '.')+1:]+"."+c)
		}
	}
	all.options = append(all.options, trigger.For(models...))
	if db.Name() != "sqlite" {
		all.options = append(all.options, trigger.Roles(roles...))
	}
	opts := []auditplugin.Option{
		auditplugin.WithLogger(slog.New(slog.DiscardHandler)),
		auditplugin.WithEmitter(emitter.Table(emitter.Name(s.auditTable()), emitter.NoCreate())),
	}
	if len(leftOut) > 0 {
		opts = append(opts, auditplugin.WithoutColumns(leftOut...))
	}
	plugin := auditplugin.New(opts...)
	if err := db.Use(plugin); err != nil {
		return all, err
	}
	db.Plugins[plugin.Name()] = companion{plugin}
	return all, nil
}

// loggingIn are the roles as the database calls them.
func (m *making) loggingIn(ctx context.Context, db *gorm.DB) ([]string, error) {
	var roles []string
	for _, role := range m.roles {
		switch db.Name() {
		case "mysql":
			role, _, _ = strings.Cut(role, "@") // a session tells its user, not the account
		case "postgres":
			var known bool
			if err := db.WithContext(ctx).Raw("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = ?)", role).Scan(&known).Error; err != nil {
				return nil, err
			}
			if !known {
				return nil, usage("there is no role %s", role)
			}
		}
		roles = append(roles, role)
	}
	return roles, nil
}

// companion is the plugin as if it were one WithCompanion, which on SQLite makes tables as
// soon as it is installed. Nothing is written through GORM here that would need a mark.
type companion struct{ *auditplugin.Plugin }

// Companion is for package trigger.
func (companion) Companion() bool { return true }

// script prints the SQL, as the database's own client reads it.
func (s *session) script(db *gorm.DB, m made) error {
	statements, err := trigger.Generate(db, m.options...)
	if err != nil {
		return err
	}
	if err := s.tellHidden(m.hidden, "-- "); err != nil {
		return err
	}
	end, first, last := ";", "", ""
	if db.Name() == "mysql" {
		// The client ends a statement at the first semicolon, and takes comments out, by
		// which trigger check knows the triggers.
		end = "$auditplugin$" // which no trigger has
		first, last = "-- Run it with the option --comments of the client.\nDELIMITER "+end+"\n", "DELIMITER ;\n"
	}
	_, err = fmt.Fprint(s.app.Stdout, first+strings.Join(statements, end+"\n")+end+"\n"+last)
	return err
}

// tellHidden says what the triggers record of each table.
func (s *session) tellHidden(all []hidden, lead string) error {
	for _, h := range all {
		line := fmt.Sprintf("%s (%s): records %s", h.table, h.recordType, strings.Join(h.open, ", "))
		if len(h.masked) > 0 {
			line += "; masks " + strings.Join(h.masked, ", ")
		}
		if len(h.leftOut) > 0 {
			line += "; leaves out " + strings.Join(h.leftOut, ", ")
		}
		if _, err := fmt.Fprintln(s.app.Stdout, lead+output.Visible(line)); err != nil {
			return err
		}
	}
	return nil
}
