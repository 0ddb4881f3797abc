package alert

import (
	"context"
	"time"

	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// DeadMessage is a message that was given up.
type DeadMessage struct {
	Message
	// Error is what its channel said last, without what was in URLs.
	Error string
}

// Dead returns the messages that were given up, oldest first, at most limit of them
// (100 if limit is not positive). They stay until [Engine.Replay] or
// [Engine.Discard].
func (e *Engine) Dead(ctx context.Context, limit int) ([]DeadMessage, error) {
	if limit <= 0 {
		limit = 100
	}
	rows, err := e.store.read(ctx, e.store.db, "WHERE status = ? AND message_id IN (SELECT message_id FROM (SELECT message_id, MIN(id) AS first FROM "+
		e.store.outbox+" WHERE status = ? GROUP BY message_id ORDER BY first LIMIT ?) AS oldest) ORDER BY id", statusDead, statusDead, limit)
	if err != nil {
		return nil, err
	}
	var ids []string
	byID := map[string][]row{}
	for _, r := range rows {
		if byID[r.messageID] == nil {
			ids = append(ids, r.messageID)
		}
		byID[r.messageID] = append(byID[r.messageID], r)
	}
	var all []DeadMessage
	for _, id := range ids {
		all = append(all, DeadMessage{Message: compose(byID[id]), Error: byID[id][0].lastError})
	}
	return all, nil
}

// Replay makes dead messages, by their ids, or all of them if none is given, due
// again, with all their attempts. It returns how many there were.
func (e *Engine) Replay(ctx context.Context, ids ...string) (int, error) {
	n, err := e.change(ctx, statusPending, ids)
	if n > 0 {
		signal(e.woken)
	}
	return n, err
}

// Discard gives dead messages up for good, by their ids, or all of them if none is
// given. It returns how many there were.
func (e *Engine) Discard(ctx context.Context, ids ...string) (int, error) {
	return e.change(ctx, statusDiscarded, ids)
}

func (e *Engine) change(ctx context.Context, status string, ids []string) (int, error) {
	if len(ids) == 0 {
		var err error
		ids, err = owntable.Texts(ctx, e.store.db, e.store.bind("SELECT DISTINCT message_id FROM "+e.store.outbox+" WHERE status = ?"), statusDead)
		if err != nil {
			return 0, failed("reading dead messages", err)
		}
	}
	now, err := e.store.now(ctx, e.store.db)
	if err != nil {
		return 0, err
	}
	changed := 0
	for _, id := range ids {
		n, err := owntable.Affected(e.store.db.ExecContext(ctx, e.store.bind("UPDATE "+e.store.outbox+
			" SET status = ?, attempts = 0, due_at = ?, lease_owner = '', lease_until = 0 WHERE message_id = ? AND status = ?"),
			status, now.UnixMicro(), id, statusDead))
		if err != nil {
			return changed, failed("changing dead messages", err)
		}
		if n > 0 {
			changed++
		}
	}
	return changed, nil
}

// Prune removes rows of messages that were sent or discarded and were written
// longer ago than age. Run does it by itself; see [WithKeep]. It returns how many
// rows there were.
func (e *Engine) Prune(ctx context.Context, age time.Duration) (int, error) {
	now, err := e.store.now(ctx, e.store.db)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, status := range []string{statusSent, statusDiscarded} {
		n, err := owntable.Affected(e.store.db.ExecContext(ctx, e.store.bind("DELETE FROM "+e.store.outbox+" WHERE status = ? AND created_at < ?"),
			status, now.Add(-age).UnixMicro()))
		if err != nil {
			return total, failed("removing old messages", err)
		}
		total += int(n)
	}
	return total, nil
}
