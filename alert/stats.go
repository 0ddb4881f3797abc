package alert

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// ChannelStats tell how a channel is doing, in rows of the outbox: one for each
// record that is told.
type ChannelStats struct {
	// Channel is its name. Configured says whether the engine has it.
	Channel    string
	Configured bool
	// Waiting rows are to be sent, Late ones of them should have been by now. Sent
	// are those that are still kept; Dead were given up.
	Waiting, Late, Sent, Dead int
	// Delay is for how long the row that is most late has been so, 0 if none is.
	Delay time.Duration
}

// Stats returns the state of all channels that the engine or the outbox knows,
// sorted by name.
func (e *Engine) Stats(ctx context.Context) ([]ChannelStats, error) {
	now, err := e.store.now(ctx, e.store.db)
	if err != nil {
		return nil, err
	}
	all := map[string]*ChannelStats{}
	get := func(name string) *ChannelStats {
		if all[name] == nil {
			all[name] = &ChannelStats{Channel: name}
		}
		return all[name]
	}
	for name := range e.current.Load().channels {
		get(name).Configured = true
	}
	err = owntable.Each(ctx, e.store.db, func(row *sql.Rows) error {
		var name, status string
		var n, late int
		var first int64
		if err := row.Scan(&name, &status, &n, &first, &late); err != nil {
			return err
		}
		s := get(name)
		switch status {
		case statusPending:
			s.Waiting, s.Late = n, late
			if late > 0 {
				s.Delay = now.Sub(time.UnixMicro(first))
			}
		case statusSent:
			s.Sent = n
		case statusDead:
			s.Dead = n
		}
		return nil
	}, e.store.bind("SELECT channel, status, COUNT(*), MIN(due_at), COALESCE(SUM(CASE WHEN due_at <= ? THEN 1 ELSE 0 END), 0) FROM "+
		e.store.outbox+" GROUP BY channel, status"), now.UnixMicro())
	if err != nil {
		return nil, failed("counting the outbox", err)
	}
	out := make([]ChannelStats, 0, len(all))
	for _, s := range slices.SortedFunc(maps.Values(all), func(a, b *ChannelStats) int { return strings.Compare(a.Channel, b.Channel) }) {
		out = append(out, *s)
	}
	return out, nil
}
