package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

// sequence looks at where the numbers come from. Only PostgreSQL's can fall behind,
// after a restore, or run ahead of each other.
func sequence(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	if e.DB.Name() != "postgres" {
		report(OK, "the database counts on from the largest number", "")
		return nil
	}
	var name string
	if err := e.ask(ctx, &name, "SELECT COALESCE(pg_get_serial_sequence(?, 'seq'), '')", e.quoted()); err != nil {
		return err
	}
	if name == "" {
		report(Fail, "column seq has no sequence of its own", "make it GENERATED ALWAYS AS IDENTITY, as auditplugin schema prints it")
		return nil
	}
	var of struct{ Cache, Last, Largest int64 }
	err := e.ask(ctx, &of, "SELECT s.seqcache AS cache, COALESCE(pg_sequence_last_value(s.seqrelid), 0) AS last, (SELECT COALESCE(MAX(seq), 0) FROM "+e.quoted()+") AS largest "+
		"FROM pg_catalog.pg_sequence s WHERE s.seqrelid = to_regclass(?)", name)
	if err != nil {
		return without("SELECT on sequence "+name, err)
	}
	switch {
	case of.Cache > 1:
		report(Fail, fmt.Sprintf("the sequence has CACHE %d: numbers do not tell what came after what", of.Cache), "ALTER SEQUENCE "+name+" CACHE 1")
	case of.Last < of.Largest:
		report(Fail, fmt.Sprintf("the sequence is at %d, and there is a record %d: writes will fail", of.Last, of.Largest),
			fmt.Sprintf("SELECT setval('%s', %d)", name, of.Largest))
	default:
		report(OK, fmt.Sprintf("it is at %d", of.Last), "")
	}
	return nil
}

// ahead is how far a clock may be ahead.
const ahead = 5 * time.Second

// clock compares the times of the newest records, and the database's, with this
// machine's.
func clock(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	var seconds float64
	query := map[string]string{
		"sqlite": "SELECT CAST(strftime('%s', 'now') AS REAL)", "postgres": "SELECT extract(epoch FROM clock_timestamp())::float8",
		"mysql": "SELECT UNIX_TIMESTAMP(NOW(6)) + 0e0",
	}[e.DB.Name()]
	if err := e.ask(ctx, &seconds, query); err != nil {
		return err
	}
	now := e.Now()
	if skew := time.Unix(int64(seconds), 0).Sub(now); e.DB.Name() != "sqlite" && (skew > ahead || skew < -ahead) {
		report(Warn, fmt.Sprintf("the database's clock and this machine's differ by %s", skew.Round(time.Second).Abs()), "set both by NTP")
		return nil
	}
	records, err := e.search().Newest().Limit(sample).Find(ctx)
	if err != nil {
		return err
	}
	late, host := time.Duration(0), ""
	for _, r := range records {
		if d := r.Time.Sub(now); d > late {
			late, host = d, r.Host
		}
	}
	if late > ahead {
		text := fmt.Sprintf("records were made %s ahead of now", late.Round(time.Second))
		if host != "" {
			text += " by " + host
		}
		report(Warn, text, "set its clock by NTP: questions about times find them at the wrong one")
		return nil
	}
	report(OK, "no record is of the future", "")
	return nil
}

// sample is how many of the newest records are looked at.
const sample = 1000

// records looks for ones that cannot be read as they are meant.
func records(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	of := func(where string, args ...any) (history.Query, error) {
		q := e.search().Scopes(func(tx *gorm.DB) *gorm.DB { return tx.Where(where, args...) })
		_, err := q.Newest().First(ctx)
		if errors.Is(err, history.ErrNotFound) {
			return q, err
		}
		return q, err
	}
	found := false
	newest, err := e.search().Newest().First(ctx)
	if errors.Is(err, history.ErrNotFound) {
		report(OK, "there are none yet", "")
		return nil
	}
	if err != nil {
		return err
	}
	window := max(0, newest.Seq-100_000)
	q, err := of("schema_version > ? AND seq > ?", audit.SchemaVersion, window)
	if err == nil {
		n, err := q.Count(ctx)
		if err != nil {
			return err
		}
		found = true
		report(Fail, fmt.Sprintf("schema version above %d in %s: a newer release writes them", audit.SchemaVersion, output.Count(n, "record")), "update this program, and every reader of the table")
	} else if !errors.Is(err, history.ErrNotFound) {
		return err
	}
	q, err = of("record_id = '' AND action IN ('create', 'update', 'delete', 'soft_delete', 'restore') AND seq > ?", window)
	if err == nil {
		r, err := q.Newest().First(ctx)
		if err != nil {
			return err
		}
		found = true
		report(Warn, fmt.Sprintf("records of table %s do not name their row: it has no primary key", r.Table), "give it one")
	} else if !errors.Is(err, history.ErrNotFound) {
		return err
	}
	if !found {
		report(OK, fmt.Sprintf("the newest is %d", newest.Seq), "")
	}
	return nil
}

// gaps counts the numbers that are missing. They are no fault: a rollback leaves one.
func gaps(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	var of struct{ Missing, Oldest int64 }
	err := e.ask(ctx, &of, "SELECT COALESCE(SUM(seq - before_it - 1), 0) AS missing, COALESCE(MIN(CASE WHEN seq - before_it > 1 THEN before_it + 1 END), 0) AS oldest FROM ("+
		"SELECT seq, LAG(seq) OVER (ORDER BY seq) AS before_it FROM "+e.quoted()+" WHERE seq > (SELECT COALESCE(MAX(seq), 0) - 100000 FROM "+e.quoted()+")) g WHERE before_it IS NOT NULL")
	if err != nil {
		return err
	}
	switch of.Missing {
	case 0:
		report(OK, "no number is missing among the last 100,000", "")
	default:
		report(OK, fmt.Sprintf("%s missing among the last 100,000, the first is %d: rolled back, still open, or pruned", output.Count(of.Missing, "number"), of.Oldest), "")
	}
	return nil
}

// bookkeeping are tables that other tools keep.
var bookkeeping = []string{"schema_migrations", "goose_db_version", "gorp_migrations", "flyway_schema_history", "databasechangelog", "databasechangeloglock", "atlas_schema_revisions", "migrations"}

// unaudited looks for tables with rows of which nothing was ever recorded.
func unaudited(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	query := map[string]string{
		"sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
		"postgres": `SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relkind IN ('r', 'p')
			AND NOT c.relispartition ORDER BY 1`,
		"mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY 1",
	}[e.DB.Name()]
	var tables []string
	if err := e.ask(ctx, &tables, query); err != nil {
		return err
	}
	var any []int
	if err := e.ask(ctx, &any, "SELECT 1 FROM "+e.quoted()+" LIMIT 1"); err != nil || len(any) == 0 {
		report(OK, "nothing is recorded yet", "")
		return err
	}
	_, own := e.parts()
	var found, unseen []string
	for _, t := range tables {
		if t == own || strings.HasPrefix(t, "audit_") || strings.HasPrefix(t, "auditplugin_") || slices.Contains(bookkeeping, t) || slices.Contains(e.Ignore, t) {
			continue
		}
		var rows, known []int
		if err := e.ask(ctx, &known, "SELECT 1 FROM "+e.quoted()+" WHERE table_name = ? LIMIT 1", t); err != nil {
			return err
		}
		if len(known) > 0 {
			continue
		}
		err := e.ask(ctx, &rows, "SELECT 1 FROM "+e.DB.Statement.Quote(t)+" LIMIT 1")
		if denied(err) {
			unseen = append(unseen, t)
			continue
		}
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			found = append(found, t)
		}
	}
	if len(found) > 0 {
		report(Warn, "tables with rows and without any record: "+strings.Join(found, ", "), "write them through GORM with the plugin, or say --ignore "+strings.Join(found, ","))
	}
	if len(unseen) > 0 {
		return lacking("SELECT on " + strings.Join(unseen, ", "))
	}
	if len(found) > 0 {
		return nil
	}
	seen := ""
	if e.DB.Name() == "mysql" {
		seen = " that this user sees"
	}
	report(OK, "every table with rows"+seen+" has records", "")
	return nil
}
