package pgnotify

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// DefaultChannel is the channel that is used unless another one is set.
const DefaultChannel = "audit_relay"

// Listener is a relay.Waker; see [Listen].
type Listener struct {
	dsn     string
	channel string
}

// Listen returns a waker that listens on a connection of its own, which it opens with
// the given data source name when the relay runs. The connection must not go through
// a pooler that hands sessions out by transaction: LISTEN belongs to the session. When
// it breaks, the relay opens it again.
func Listen(dsn string, opts ...Option) *Listener {
	return &Listener{dsn: dsn, channel: newConfig(opts).channel}
}

// Wait is for relays. Errors do not quote the data source name.
func (l *Listener) Wait(ctx context.Context, wake func()) error {
	config, err := pgx.ParseConfig(l.dsn)
	if err != nil {
		return fmt.Errorf("auditplugin: pgnotify: %w", err) // pgx leaves the password out
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("auditplugin: pgnotify: connecting: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{l.channel}.Sanitize()); err != nil {
		return fmt.Errorf("auditplugin: pgnotify: LISTEN: %w", err)
	}
	wake() // for what was notified while nobody listened
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("auditplugin: pgnotify: waiting: %w", err)
		}
		wake()
	}
}
