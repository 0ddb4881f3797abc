package alert

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// Planned is a message that a dry run would have sent.
type Planned struct {
	Message
	// At is when it would have been sent.
	At time.Time
}

// Suppressed is a record that a rule applies to and that would not have been told,
// because the rule was silent about it (see [Rule.Dedupe]).
type Suppressed struct {
	Rule, Channel, Record string
	// At is when the change was made.
	At time.Time
}

// Report is what a dry run found.
type Report struct {
	// Messages are what would have been sent, by time.
	Messages []Planned
	// Suppressed is what would not, because it was told already.
	Suppressed []Suppressed
	// Records is how many records were read, Unreadable how many of them this
	// version cannot read.
	Records, Unreadable int
}

// DryRun applies rules to the records of changes made from since until before
// until, and returns what would have been sent, as if the relay had never lagged
// behind and every channel had worked. Nothing is sent or written. Rules may name
// any channel. Of the options, WithAuditTable and those about wording and quiet
// hours count. It reads the audit table in small pages, and keeps what would have
// been sent in memory.
func DryRun(ctx context.Context, db *gorm.DB, rules []Rule, since, until time.Time, opts ...Option) (*Report, error) {
	s, err := newSettings(db, opts)
	if err != nil {
		return nil, err
	}
	c, err := newConfig(db, rules, nil, s)
	if err != nil {
		return nil, err
	}
	st, err := openStore(ctx, db, s.outbox, s.audit)
	if err != nil {
		return nil, err
	}
	run := &dryRun{store: st, config: c, past: newMemory(), report: &Report{}}
	if err := run.all(ctx, since, until); err != nil {
		return nil, err
	}
	return run.finish(), nil
}

type dryRun struct {
	store  *store
	config *config
	past   *memory
	report *Report
	now    time.Time
}

// dryRunPage is how many records are read at a time.
const dryRunPage = 500

func (d *dryRun) all(ctx context.Context, since, until time.Time) error {
	var first, last sql.NullInt64
	within := "occurred_at >= " + d.store.timeMark() + " AND occurred_at < " + d.store.timeMark()
	bounds := []any{d.store.timeArg(since), d.store.timeArg(until)}
	err := d.store.db.QueryRowContext(ctx, d.store.bind("SELECT MIN(seq), MAX(seq) FROM "+d.store.auditLog+" WHERE "+within), bounds...).Scan(&first, &last)
	if err != nil {
		return failed("reading the audit table", err)
	}
	for next := first.Int64; first.Valid && next <= last.Int64; {
		records, err := d.page(ctx, within, append(bounds[:2:2], next, last.Int64))
		if err != nil {
			return err
		}
		if len(records) == 0 {
			return nil
		}
		for i := range records {
			if records[i].SchemaVersion < 0 {
				d.report.Unreadable++
				continue
			}
			if err := d.record(ctx, &records[i]); err != nil {
				return err
			}
		}
		d.report.Records += len(records)
		next = records[len(records)-1].Seq + 1
	}
	return nil
}

// page reads records. One that cannot be read has the schema version -1.
func (d *dryRun) page(ctx context.Context, within string, args []any) ([]audit.Record, error) {
	var records []audit.Record
	err := d.store.records(ctx, func(r audit.Record, unreadable error) error {
		if unreadable != nil {
			if r.Seq == 0 {
				return unreadable
			}
			r.SchemaVersion = -1
		}
		records = append(records, r)
		return nil
	}, within+" AND seq >= ? AND seq <= ? ORDER BY seq LIMIT ?", append(args, dryRunPage)...)
	return records, err
}

func (d *dryRun) record(ctx context.Context, r *audit.Record) error {
	if r.Time.After(d.now) {
		d.now = r.Time
	}
	for _, rule := range d.config.rules {
		if !rule.when.holds(r) {
			continue
		}
		m := match{rule: rule, record: r, dedupe: about(rule, r)}
		if rule.count != nil {
			var err error
			if m.count, err = d.store.count(ctx, rule, r, r.Seq); err != nil {
				return err
			}
			if m.count <= rule.count.limit {
				continue
			}
		}
		m.texts, _ = rule.render(d.config.words, r, m.count) // the default text stands in
		for _, channel := range rule.rule.channels {
			planned, err := plan(ctx, rule.rule, m.row(channel, d.now), d.now, d.config.settings.quietOn(channel), d.past)
			if err != nil {
				return err
			}
			if planned.status == statusSuppressed {
				d.report.Suppressed = append(d.report.Suppressed, Suppressed{planned.rule, channel, r.ID, r.Time})
				continue
			}
			d.past.add(planned)
		}
	}
	return nil
}

// finish puts the rows together as they would have been sent.
func (d *dryRun) finish() *Report {
	type key struct{ rule, channel, bundle string }
	bundles := map[key][]row{}
	var order []key
	for _, r := range d.past.rows {
		k := key{r.rule, r.channel, firstOf(r.bundle, "alone:"+r.record)}
		if bundles[k] == nil {
			order = append(order, k)
		}
		bundles[k] = append(bundles[k], r)
	}
	for _, k := range order {
		rows := bundles[k]
		for len(rows) > 0 {
			n := min(len(rows), maxBundle)
			for i := range rows[:n] {
				rows[i].messageID, rows[i].attempts = messageID(rows[0]), 1
			}
			d.report.Messages = append(d.report.Messages, Planned{Message: compose(rows[:n]), At: rows[0].due})
			rows = rows[n:]
		}
	}
	slices.SortStableFunc(d.report.Messages, func(a, b Planned) int { return a.At.Compare(b.At) })
	return d.report
}

// String is the report for a terminal.
func (r *Report) String() string {
	var b strings.Builder
	for _, m := range r.Messages {
		b.WriteString(m.At.UTC().Format("2006-01-02 15:04:05") + "  " + m.Channel + "  " + m.Severity.String() + "  " + m.Rule +
			"\n    " + strings.ReplaceAll(m.Body(), "\n", "\n    ") + "\n")
	}
	for _, s := range r.Suppressed {
		b.WriteString(s.At.UTC().Format("2006-01-02 15:04:05") + "  " + s.Channel + "  not sent: told already  " + s.Rule + "  record " + s.Record + "\n")
	}
	return b.String()
}
