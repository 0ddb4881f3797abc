package alert

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// outbox is the past as the table has it, seen from one transaction.
type outbox struct {
	*store
	q owntable.Conn
}

func (o outbox) told(ctx context.Context, channel, key string, at time.Time, d time.Duration) (bool, error) {
	var n int
	err := o.q.QueryRowContext(ctx, o.bind("SELECT COUNT(*) FROM "+o.outbox+
		" WHERE dedupe = ? AND channel = ? AND occurred_at > ? AND occurred_at < ?"),
		key, channel, at.Add(-d).UnixMicro(), at.Add(d).UnixMicro()).Scan(&n)
	return n > 0, failed("looking for earlier messages", err)
}

func (o outbox) open(ctx context.Context, rule, channel, kind string, now time.Time) (string, time.Time, bool, error) {
	var name string
	var due int64
	err := o.q.QueryRowContext(ctx, o.bind("SELECT bundle, due_at FROM "+o.outbox+
		" WHERE rule = ? AND channel = ? AND due_at > ? AND status = ? AND message_id = '' AND bundle LIKE ? ORDER BY due_at, id LIMIT 1"),
		rule, channel, now.UnixMicro(), statusPending, kind+"%").Scan(&name, &due)
	if err == sql.ErrNoRows {
		return "", time.Time{}, false, nil
	}
	return name, time.UnixMicro(due).UTC(), err == nil, failed("looking for a bundle", err)
}

func (o outbox) sending(ctx context.Context, rule, channel string, since time.Time) ([]time.Time, error) {
	var times []time.Time
	err := owntable.Each(ctx, o.q, func(row *sql.Rows) error {
		var micros int64
		err := row.Scan(&micros)
		times = append(times, time.UnixMicro(micros).UTC())
		return err
	}, o.bind("SELECT MIN(due_at) FROM "+o.outbox+
		" WHERE rule = ? AND channel = ? AND due_at > ?"+
		" GROUP BY bundle, CASE WHEN bundle = '' THEN id ELSE 0 END"),
		rule, channel, since.UnixMicro())
	return times, failed("counting messages", err)
}

// has returns which of the records have rows already, by rule and channel.
func (o outbox) has(ctx context.Context, records []string) (map[[3]string]bool, error) {
	found := map[[3]string]bool{}
	for page := range slices.Chunk(records, 500) {
		args := make([]any, len(page))
		for i, id := range page {
			args[i] = id
		}
		err := owntable.Each(ctx, o.q, func(row *sql.Rows) error {
			var key [3]string
			err := row.Scan(&key[0], &key[1], &key[2])
			found[key] = true
			return err
		}, o.bind("SELECT rule, channel, record FROM "+o.outbox+" WHERE record IN "+placeholders(len(args))), args...)
		if err != nil {
			return nil, failed("reading the outbox", err)
		}
	}
	return found, nil
}

// insert adds a row unless the record has one for that rule and channel.
func (o outbox) insert(ctx context.Context, r row) error {
	names := columnNames()[1:]
	query := "INSERT INTO " + o.outbox + " (" + dialect.List(o.dialect, "", names) + ") VALUES " + placeholders(len(names)) + o.unlessThere()
	_, err := o.q.ExecContext(ctx, o.bind(query),
		r.rule, r.channel, r.record, int(r.severity), r.dedupe, r.bundle, r.title, r.subject, r.text, r.link,
		r.occurred.UnixMicro(), r.created.UnixMicro(), r.status, r.due.UnixMicro(), 0, r.attempts, r.lastError, "", "", 0)
	return failed("writing to the outbox", err)
}

// readColumns are what scan reads.
func (s *store) readColumns() string {
	return dialect.List(s.dialect, "", []string{
		"id", "rule", "channel", "record", "severity", "dedupe", "bundle", "title", "subject", "body", "link",
		"occurred_at", "created_at", "status", "due_at", "attempts", "error", "message_id",
	})
}

func (s *store) read(ctx context.Context, q owntable.Conn, where string, args ...any) ([]row, error) {
	var out []row
	err := owntable.Each(ctx, q, func(of *sql.Rows) error {
		var r row
		var occurred, created, due int64
		err := of.Scan(&r.id, &r.rule, &r.channel, &r.record, &r.severity, &r.dedupe, &r.bundle, &r.title, &r.subject,
			&r.text, &r.link, &occurred, &created, &r.status, &due, &r.attempts, &r.lastError, &r.messageID)
		r.occurred, r.created, r.due = time.UnixMicro(occurred).UTC(), time.UnixMicro(created).UTC(), time.UnixMicro(due).UTC()
		out = append(out, r)
		return err
	}, s.bind("SELECT "+s.readColumns()+" FROM "+s.outbox+" "+where), args...)
	return out, failed("reading the outbox", err)
}

// write adds what was planned for the matches, in one transaction, and returns the
// channels that have something to send.
func (s *store) write(ctx context.Context, matches []match, quiet func(channel string) []Hours) ([]string, error) {
	var channels []string
	err := owntable.InTx(ctx, s.db, func(tx *sql.Tx) error {
		if err := s.lock(ctx, tx); err != nil {
			return err
		}
		now, err := s.now(ctx, tx)
		if err != nil {
			return err
		}
		o := outbox{s, tx}
		ids := make([]string, 0, len(matches))
		for _, m := range matches {
			ids = append(ids, emitter.StoredText("id", m.record.ID))
		}
		known, err := o.has(ctx, ids)
		if err != nil {
			return err
		}
		for _, m := range matches {
			for _, channel := range m.rule.rule.channels {
				r := m.row(channel, now)
				if known[[3]string{r.rule, channel, r.record}] {
					continue
				}
				r, err := plan(ctx, m.rule.rule, r, now, quiet(channel), o)
				if err != nil {
					return err
				}
				if r.status == statusSuppressed {
					continue
				}
				if err := o.insert(ctx, r); err != nil {
					return err
				}
				channels = append(channels, channel)
			}
		}
		return nil
	})
	if err != nil {
		return nil, failed("writing to the outbox", err)
	}
	return channels, nil
}
