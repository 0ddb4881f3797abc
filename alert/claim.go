package alert

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// maxBundle is how many rows one message can be about.
const maxBundle = 1000

// claimed is a message that this process may send for a while, and nobody else.
type claimed struct {
	token   string
	rows    []row
	message Message
}

// due returns the channels that have something to send.
func (s *store) due(ctx context.Context, now time.Time) ([]string, error) {
	names, err := owntable.Texts(ctx, s.db, s.bind("SELECT DISTINCT channel FROM "+s.outbox+
		" WHERE status = ? AND due_at <= ? AND lease_until <= ?"), statusPending, now.UnixMicro(), now.UnixMicro())
	return names, failed("looking for due messages", err)
}

// claim takes the next message of a channel, and reports whether there was one: nil
// and true is one that another process took in between. Rows are chosen by reading
// and taken by key, so that no range is locked.
func (s *store) claim(ctx context.Context, channel string, lease time.Duration) (c *claimed, found bool, err error) {
	now, err := s.now(ctx, s.db)
	if err != nil {
		return nil, false, err
	}
	const free = "status = ? AND channel = ? AND due_at <= ? AND lease_until <= ?"
	args := []any{statusPending, channel, now.UnixMicro(), now.UnixMicro()}
	first, err := s.read(ctx, s.db, "WHERE "+free+" ORDER BY due_at, id LIMIT 1", args...)
	if err != nil || len(first) == 0 {
		return nil, false, err
	}
	rows := first
	switch f := first[0]; {
	case f.messageID != "":
		// It was tried before: the same rows again.
		rows, err = s.read(ctx, s.db, "WHERE message_id = ? AND channel = ? AND status = ? ORDER BY id", f.messageID, channel, statusPending)
	case f.bundle != "":
		rows, err = s.read(ctx, s.db, "WHERE "+free+" AND rule = ? AND bundle = ? AND message_id = '' ORDER BY id LIMIT ?",
			append(args, f.rule, f.bundle, maxBundle)...)
	}
	if err != nil || len(rows) == 0 {
		return nil, true, err
	}
	c = &claimed{token: uuid.NewString()}
	id := rows[0].messageID
	if id == "" {
		id = messageID(rows[0])
	}
	err = owntable.InTx(ctx, s.db, func(tx *sql.Tx) error {
		for _, r := range rows {
			n, err := owntable.Affected(tx.ExecContext(ctx, s.bind("UPDATE "+s.outbox+
				" SET lease_owner = ?, lease_until = ?, attempts = attempts + 1, message_id = ?"+
				" WHERE id = ? AND status = ? AND lease_until <= ? AND (message_id = '' OR message_id = ?)"),
				c.token, now.Add(lease).UnixMicro(), id, r.id, statusPending, now.UnixMicro(), id))
			if err != nil {
				return failed("claiming a message", err)
			}
			if n == 0 {
				if r.id == rows[0].id {
					return nil // another process has it
				}
				continue
			}
			r.attempts++
			r.messageID = id
			c.rows = append(c.rows, r)
		}
		return nil
	})
	if err != nil || len(c.rows) == 0 {
		return nil, true, err
	}
	c.message = compose(c.rows)
	return c, true, nil
}

// finish records what came of a claimed message, unless it was claimed by another
// process meanwhile.
func (s *store) finish(ctx context.Context, c *claimed, status string, now, due time.Time, text string) error {
	sent := int64(0)
	if status == statusSent {
		sent = now.UnixMicro()
	}
	_, err := s.db.ExecContext(ctx, s.bind("UPDATE "+s.outbox+
		" SET status = ?, sent_at = ?, due_at = CASE WHEN ? > due_at THEN ? ELSE due_at END, error = ?, lease_owner = '', lease_until = 0"+
		" WHERE message_id = ? AND lease_owner = ?"),
		status, sent, due.UnixMicro(), due.UnixMicro(), text, c.message.ID, c.token)
	return failed("recording what came of a message", err)
}

// release gives a claimed message back as if it had not been claimed.
func (s *store) release(ctx context.Context, c *claimed) error {
	_, err := s.db.ExecContext(ctx, s.bind("UPDATE "+s.outbox+
		" SET lease_owner = '', lease_until = 0, attempts = attempts - 1 WHERE message_id = ? AND lease_owner = ?"),
		c.message.ID, c.token)
	return failed("giving a message back", err)
}

// pause is how long to wait after the given attempt failed: doubled each time, up
// to most, and of that between half and all.
func pause(attempt int, first, most time.Duration) time.Duration {
	d := first
	for range attempt - 1 {
		if d >= most/2 {
			d = most
			break
		}
		d *= 2
	}
	return d/2 + time.Duration(rand.Int64N(int64(d/2)+1))
}
