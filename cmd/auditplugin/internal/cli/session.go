package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/connect"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/settings"
	"github.com/gorm-audit/auditplugin/history"
)

// session is one run of the program: its flags, and the database once it is open.
type session struct {
	app    App
	flags  globals
	target connect.Target
	db     *gorm.DB
	begun  bool // a command has
	// question is what was asked.
	question string
	// query is the expression of --jq, nil for none.
	query *output.Query
	// settings are those of auditplugin.yaml.
	settings *settings.File
	pager    *pager
}

// globals are the flags of every command.
type globals struct {
	dsn, dsnFile, env string
	config            string
	table             string
	format, jq        string
	fields            []string
	utc, failEmpty    bool
	color             string
	debug, pager      bool
	access            string
}

func (s *session) addFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&s.flags.dsn, "dsn", "", "the database, without a password: postgres://user@host/name, mysql://user@host/name, sqlite:path")
	f.StringVar(&s.flags.dsnFile, "dsn-file", "", "a file that holds the database's address; - is standard input")
	f.StringVar(&s.flags.env, "env", ".env", "a file with AUDIT_DSN or DATABASE_URL, read after the environment; none for none")
	f.StringVar(&s.flags.config, "config", settings.Name, "a file of settings, read last; none for none")
	f.StringVar(&s.flags.table, "audit-table", "", "the audit table (default $AUDIT_TABLE, or audit_logs)")
	f.StringVarP(&s.flags.format, "output", "o", "", strings.Join(output.Formats(), ", ")+" (default table on a terminal, ndjson elsewhere)")
	f.StringSliceVar(&s.flags.fields, "fields", nil, "only these columns, or members of JSON objects")
	f.StringVar(&s.flags.jq, "jq", "", "write what a jq expression makes of each JSON object (ndjson), or of the array (json)")
	f.BoolVar(&s.flags.utc, "utc", false, "times in UTC, not in the local zone")
	f.BoolVar(&s.flags.failEmpty, "fail-empty", false, "exit with 1 when nothing is found")
	f.StringVar(&s.flags.color, "color", "auto", "auto, always or never")
	f.BoolVar(&s.flags.debug, "debug", false, "tell where an error comes from")
	f.BoolVar(&s.flags.pager, "pager", false, "show it through $PAGER, or less, on a terminal")
	f.StringVar(&s.flags.access, "record-access", "", "why this is asked; it is recorded first, by a user that may INSERT")
	choices := func(words ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	}
	_ = root.RegisterFlagCompletionFunc("output", choices(output.Formats()...)) // the flags are there
	_ = root.RegisterFlagCompletionFunc("color", choices("auto", "always", "never"))
}

// printer writes results as the flags say.
func (s *session) printer() (*output.Printer, error) {
	p := &output.Printer{Out: s.app.Stdout, Format: output.Format(s.flags.format), Width: s.app.Width, Fields: s.flags.fields, Query: s.query}
	switch {
	case p.Format == "" && p.Query != nil:
		p.Format = output.NDJSON
	case p.Format == "":
		p.Format = output.NDJSON
		if s.app.Width > 0 {
			p.Format = output.Table
		}
	case !slices.Contains(output.Formats(), s.flags.format):
		return nil, usage("-o %s: there are %s", s.flags.format, strings.Join(output.Formats(), ", "))
	}
	if p.Query != nil && p.Format != output.JSON && p.Format != output.NDJSON {
		return nil, usage("--jq goes with -o ndjson and -o json, not with %s", p.Format)
	}
	if p.Format == output.Wide {
		p.Width = 0
	}
	switch s.flags.color {
	case "always":
		p.Color = true
	case "never":
	case "auto":
		forced := s.app.Getenv("CLICOLOR_FORCE")
		p.Color = s.app.Getenv("NO_COLOR") == "" && (s.app.Width > 0 && s.app.Getenv("TERM") != "dumb" || forced != "" && forced != "0")
	default:
		return nil, usage("--color %s: there are auto, always and never", s.flags.color)
	}
	return p, nil
}

// reading opens the database for questions: the server refuses every write.
func (s *session) reading(ctx context.Context) (*gorm.DB, error) { return s.open(ctx, true) }

// writing opens it for what changes something.
func (s *session) writing(ctx context.Context) (*gorm.DB, error) { return s.open(ctx, false) }

func (s *session) open(ctx context.Context, readOnly bool) (*gorm.DB, error) {
	var err error
	s.target, err = connect.Source{DSN: s.flags.dsn, File: s.flags.dsnFile, EnvFile: s.flags.env, Settings: s.settings, Stdin: s.app.Stdin, Getenv: s.app.Getenv}.Find()
	if err != nil {
		return nil, err
	}
	if s.db, err = s.target.Open(ctx, readOnly); err != nil {
		return nil, err
	}
	if readOnly && s.flags.access != "" {
		if err := s.looked(ctx); err != nil {
			return nil, err
		}
	}
	return s.db.WithContext(ctx), nil
}

func (s *session) close() {
	if s.db == nil {
		return
	}
	if pool, err := s.db.DB(); err == nil {
		_ = pool.Close() // the process ends
	}
}

// auditTable is the name of the audit table.
func (s *session) auditTable() string {
	switch name := s.app.Getenv("AUDIT_TABLE"); {
	case s.flags.table != "":
		return s.flags.table
	case name != "":
		return name
	case s.settings != nil && s.settings.AuditTable != "":
		return s.settings.AuditTable
	}
	return "audit_logs"
}

// search asks the audit table.
func (s *session) search(db *gorm.DB) history.Query {
	return history.Search(db).AuditTable(s.auditTable())
}

// asking is search for the functions that put rows together.
func (s *session) asking() history.Option {
	return history.Asking(func(q history.Query) history.Query { return q.AuditTable(s.auditTable()) })
}

// zone is the zone of times.
func (s *session) zone() *time.Location {
	if s.flags.utc || s.app.Zone == nil {
		return time.UTC
	}
	return s.app.Zone
}

// clock shows a time for people, with the offset of its zone.
func (s *session) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(s.zone()).Format("2006-01-02 15:04:05Z07:00")
}

// missing tells of a table that is not there.
func missing(err error) bool {
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	switch {
	case errors.As(err, &pg):
		return pg.Code == "42P01"
	case errors.As(err, &my):
		return my.Number == 1146
	}
	return err != nil && strings.Contains(err.Error(), "no such table")
}
