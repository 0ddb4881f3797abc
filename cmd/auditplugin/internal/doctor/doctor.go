// Package doctor looks for what is wrong with a database's audit trail: one finding a
// check, with what to do about it.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/history"
)

// Level is how bad a finding is.
type Level string

// The levels.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Fail Level = "FAIL"
)

// Finding is what one check has found.
type Finding struct {
	// Check names the check.
	Check string `json:"check"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
	// Do says what to do about it.
	Do string `json:"do,omitempty"`
}

// Exam is what a doctor is told.
type Exam struct {
	DB *gorm.DB
	// Table is the audit table.
	Table string
	// Role is the application's, whose rights are looked at; "" is not known.
	Role string
	// RelayRole is the relay's, likewise.
	RelayRole string
	// Ignore names tables that need not be audited.
	Ignore []string
	// Limit is how many bytes the audit table may have; 0 is not known.
	Limit int64
	Now   func() time.Time
}

// check is one of the doctor's; every finding has its name.
type check struct {
	name string
	run  func(ctx context.Context, e *Exam, report func(l Level, text, do string)) error
}

// checks are in the order in which they are told. The first ones that fail end it,
// since nothing more can be said of a table that is not there.
func checks() (first, rest []check) {
	return []check{{"server", server}, {"table", table}, {"columns", columns}},
		[]check{
			{"indexes", indexes},
			{"rights", rights},
			{"sequence", sequence},
			{"clock", clock},
			{"records", records},
			{"gaps", gaps},
			{"unaudited", unaudited},
			{"secrets", secrets},
			{"relay", relays},
			{"relay-rights", relayRights},
			{"alerts", alerts},
			{"companion", companions},
			{"partitions", partitions},
			{"wraparound", wraparound},
			{"size", size},
		}
}

// Examine runs all checks.
func Examine(ctx context.Context, e Exam) ([]Finding, error) {
	var all []Finding
	first, rest := checks()
	for i, c := range append(first, rest...) {
		found, err := e.run(ctx, c)
		if err != nil {
			return all, err
		}
		all = append(all, found...)
		if i < len(first) && len(found) > 0 && found[0].Level == Fail {
			break
		}
	}
	return all, nil
}

// run runs one check. What cannot be looked at is a finding, too; what this user has no
// right to look at is none of the trail's faults.
func (e *Exam) run(ctx context.Context, c check) ([]Finding, error) {
	var found []Finding
	err := c.run(ctx, e, func(l Level, text, do string) { found = append(found, Finding{c.name, l, text, do}) })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var right lacking
	switch {
	case errors.As(err, &right):
		found = append(found, Finding{c.name, OK, right.Error(), right.grant()})
	case denied(err):
		found = append(found, Finding{c.name, OK, "not looked at: " + strings.TrimPrefix(err.Error(), "auditplugin: "), ""})
	case err != nil:
		found = append(found, Finding{c.name, Fail, "cannot be looked at: " + strings.TrimPrefix(err.Error(), "auditplugin: "), ""})
	}
	return found, nil
}

// Worst is the worst of the findings' levels.
func Worst(all []Finding) Level {
	worst := OK
	for _, f := range all {
		switch f.Level {
		case Fail:
			return Fail
		case Warn:
			worst = Warn
		}
	}
	return worst
}

// ask reads rows into dest.
func (e *Exam) ask(ctx context.Context, dest any, query string, args ...any) error {
	return e.DB.WithContext(ctx).Raw(query, args...).Scan(dest).Error
}

// search asks the audit table.
func (e *Exam) search() history.Query { return history.Search(e.DB).AuditTable(e.Table) }

// parts are the schema and the name of the audit table.
func (e *Exam) parts() (schema, name string) {
	if i := strings.LastIndexByte(e.Table, '.'); i >= 0 {
		return e.Table[:i], e.Table[i+1:]
	}
	return "", e.Table
}

// quoted is the table's name in SQL.
func (e *Exam) quoted() string { return e.DB.Statement.Quote(e.Table) }

func server(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	query := map[string]string{"sqlite": "SELECT sqlite_version()", "postgres": "SELECT current_setting('server_version')", "mysql": "SELECT VERSION()"}[e.DB.Name()]
	var version string
	if err := e.ask(ctx, &version, query); err != nil {
		return err
	}
	name := map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MySQL"}[e.DB.Name()]
	if strings.Contains(version, "MariaDB") {
		name = "MariaDB"
	}
	report(OK, name+" "+version, "")
	return nil
}

func table(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	there, err := e.there(ctx, e.Table)
	if denied(err) {
		report(Fail, "this user may not look into its schema", "grant USAGE on the schema, and SELECT on "+e.quoted())
		return nil
	}
	if err != nil {
		return err
	}
	if !there {
		report(Fail, fmt.Sprintf("there is no table %s", e.Table), "start the application with the plugin, or run what auditplugin schema prints; --audit-table names another one")
		return nil
	}
	err = e.readable(ctx, e.Table)
	if errors.As(err, new(lacking)) {
		report(Fail, "it is there, and this user may not read it", "grant SELECT on "+e.quoted())
		return nil
	}
	if err != nil {
		return err
	}
	report(OK, e.Table+" is there", "")
	return nil
}

// there tells whether a table is, as far as the catalog shows it to this user.
func (e *Exam) there(ctx context.Context, name string) (bool, error) {
	at := Exam{DB: e.DB, Table: name}
	found, err := at.columns(ctx)
	return len(found) > 0, err
}

var errUnknown = errors.New("this database is not known")
