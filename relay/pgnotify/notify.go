package pgnotify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// ErrNotPostgres is a database other than PostgreSQL.
var ErrNotPostgres = errors.New("auditplugin: pgnotify needs PostgreSQL")

// Option changes what [Listen], [Notify] and [Trigger] do.
type Option func(*config)

type config struct {
	channel  string
	interval time.Duration
}

func newConfig(opts []Option) config {
	c := config{channel: DefaultChannel, interval: 5 * time.Millisecond}
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// Channel sets the channel, one for each audit table; the default is
// [DefaultChannel]. PostgreSQL allows 63 bytes.
func Channel(name string) Option { return func(c *config) { c.channel = name } }

// Interval sets the least time between two notifications of one process; the default
// is 5 ms. What happens in between is notified together.
func Interval(d time.Duration) Option { return func(c *config) { c.interval = d } }

// Notifier is an emitter; see [Notify].
type Notifier struct{ config config }

// Notify returns an emitter that sends a NOTIFY after transactions have committed.
// It does not make them wait: the notification is sent by a goroutine, on a
// connection of the pool. Errors are dropped, since the relay polls as well.
func Notify(opts ...Option) *Notifier { return &Notifier{newConfig(opts)} }

// Emit returns emitter.ErrNotBound: the plugin uses what Bind returns.
func (n *Notifier) Emit(context.Context, []audit.Record) error { return emitter.ErrNotBound }

// Bind starts the goroutine for one database. It fails with [ErrNotPostgres].
func (n *Notifier) Bind(db *gorm.DB) (audit.Emitter, error) {
	if db.Name() != "postgres" {
		return nil, fmt.Errorf("%w, not %s", ErrNotPostgres, db.Name())
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("auditplugin: pgnotify: no connection: %w", err)
	}
	b := &bound{config: n.config, pool: pool, wanted: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go b.run()
	return b, nil
}

// bound is a notifier with its database.
type bound struct {
	config config
	pool   *sql.DB
	wanted chan struct{}
	once   sync.Once
	stop   chan struct{}
	done   chan struct{}
}

var _ audit.CommitListener = (*bound)(nil)

// Emit asks for a notification, unless one is due anyway.
func (b *bound) Emit(ctx context.Context, _ []audit.Record) error { return b.Committed(ctx) }

// Committed is Emit without records.
func (b *bound) Committed(context.Context) error {
	select {
	case b.wanted <- struct{}{}:
	default:
	}
	return nil
}

// Close sends what is due and ends the goroutine.
func (b *bound) Close(ctx context.Context) error {
	b.once.Do(func() { close(b.stop) })
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *bound) run() {
	defer close(b.done)
	for {
		select {
		case <-b.stop:
			select {
			case <-b.wanted:
				b.notify()
			default:
			}
			return
		case <-b.wanted:
		}
		b.notify()
		pause := time.NewTimer(b.config.interval)
		select {
		case <-b.stop:
		case <-pause.C:
		}
		pause.Stop()
	}
}

func (b *bound) notify() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _ = b.pool.ExecContext(ctx, "SELECT pg_notify($1, '')", b.config.channel) // a hint
}

// Trigger returns statements, to be run by a migration, that make the audit table,
// whose name must be quoted as needed, notify inside each transaction that writes to
// it. See the package's documentation for what that costs; with it, [Notify] is not
// needed.
func Trigger(table string, opts ...Option) string {
	channel := newConfig(opts).channel
	literal := "'" + strings.ReplaceAll(channel, "'", "''") + "'"
	function := pgx.Identifier{"audit_notify_" + channel}.Sanitize()
	return `CREATE OR REPLACE FUNCTION ` + function + `() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify(` + literal + `, '');
  RETURN NULL;
END $$;
CREATE TRIGGER audit_notify AFTER INSERT ON ` + table + ` FOR EACH STATEMENT EXECUTE FUNCTION ` + function + `();
`
}
