package alert

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/gorm-audit/auditplugin/emitter"
)

// outbox is the past as the table has it, seen from one transaction.
type outbox struct {
	*store
	q querier
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
	rows, err := o.q.QueryContext(ctx, o.bind("SELECT MIN(due_at) FROM "+o.outbox+
		" WHERE rule = ? AND channel = ? AND due_at > ?"+
		" GROUP BY bundle, CASE WHEN bundle = '' THEN id ELSE 0 END"),
		rule, channel, since.UnixMicro())
	if err != nil {
		return nil, failed("counting messages", err)
	}
	defer rows.Close()
	var times []time.Time
	for rows.Next() {
		var micros int64
		if err := rows.Scan(&micros); err != nil {
			return nil, failed("counting messages", err)
		}
		times = append(times, time.UnixMicro(micros).UTC())
	}
	return times, failed("counting messages", rows.Err())
}

// has returns which of the records have rows already, by rule and channel.
func (o outbox) has(ctx context.Context, records []string) (map[[3]string]bool, error) {
	found := map[[3]string]bool{}
	for page := range slices.Chunk(records, 500) {
		if err := o.hasSome(ctx, page, found); err != nil {
			return nil, failed("reading the outbox", err)
		}
	}
	return found, nil
}

func (o outbox) hasSome(ctx context.Context, records []string, found map[[3]string]bool) error {
	args := make([]any, len(records))
	for i, id := range records {
		args[i] = id
	}
	rows, err := o.q.QueryContext(ctx, o.bind("SELECT rule, channel, record FROM "+o.outbox+
		" WHERE record IN "+placeholders(len(args))), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var key [3]string
		if err := rows.Scan(&key[0], &key[1], &key[2]); err != nil {
			return err
		}
		found[key] = true
	}
	return rows.Err()
}

// insert adds a row unless the record has one for that rule and channel.
func (o outbox) insert(ctx context.Context, r row) error {
	names := columnNames()[1:]
	query := "INSERT INTO " + o.outbox + " (" + quoteAll(o.dialect, names) + ") VALUES " + placeholders(len(names))
	if o.dialect == mysql {
		// IGNORE would hide other errors as well.
		query += " ON DUPLICATE KEY UPDATE id = id"
	} else {
		query += " ON CONFLICT DO NOTHING"
	}
	_, err := o.q.ExecContext(ctx, o.bind(query),
		r.rule, r.channel, r.record, int(r.severity), r.dedupe, r.bundle, r.title, r.subject, r.text, r.link,
		r.occurred.UnixMicro(), r.created.UnixMicro(), r.status, r.due.UnixMicro(), 0, r.attempts, r.lastError, "", "", 0)
	return failed("writing to the outbox", err)
}

// readColumns are what scan reads.
func (s *store) readColumns() string {
	return quoteAll(s.dialect, []string{
		"id", "rule", "channel", "record", "severity", "dedupe", "bundle", "title", "subject", "body", "link",
		"occurred_at", "created_at", "status", "due_at", "attempts", "error", "message_id",
	})
}

func (s *store) read(ctx context.Context, q querier, where string, args ...any) ([]row, error) {
	rows, err := q.QueryContext(ctx, s.bind("SELECT "+s.readColumns()+" FROM "+s.outbox+" "+where), args...)
	if err != nil {
		return nil, failed("reading the outbox", err)
	}
	defer rows.Close()
	var out []row
	for rows.Next() {
		var r row
		var occurred, created, due int64
		if err := rows.Scan(&r.id, &r.rule, &r.channel, &r.record, &r.severity, &r.dedupe, &r.bundle, &r.title, &r.subject,
			&r.text, &r.link, &occurred, &created, &r.status, &due, &r.attempts, &r.lastError, &r.messageID); err != nil {
			return nil, failed("reading the outbox", err)
		}
		r.occurred, r.created, r.due = time.UnixMicro(occurred).UTC(), time.UnixMicro(created).UTC(), time.UnixMicro(due).UTC()
		out = append(out, r)
	}
	return out, failed("reading the outbox", rows.Err())
}

// write adds what was planned for the matches, in one transaction, and returns the
// channels that have something to send.
func (s *store) write(ctx context.Context, matches []match, quiet func(channel string) []Hours) ([]string, error) {
	var channels []string
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		if s.dialect == sqlite {
			// Read first and write then would fail when somebody wrote in between:
			// this takes the write lock and changes nothing.
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+s.outbox+" WHERE 0"); err != nil {
				return failed("locking the outbox", err)
			}
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
