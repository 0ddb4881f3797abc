package lease

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

// ErrLost is a lease that another process took, or that could not be renewed in
// time, so that another one may have.
var ErrLost = errors.New("auditplugin: the lease was lost")

// Store is a table of leases. It is safe for concurrent use.
type Store struct {
	db      *sql.DB
	dialect string
	table   string // quoted
	now     string // the database's time, as SQL
	ttl     time.Duration
}

// New returns the leases in a table that exists (see [DDL]). A lease lapses ttl after
// its last renewal.
func New(db *sql.DB, name string, table dialect.Table, ttl time.Duration) *Store {
	return &Store{db: db, dialect: name, table: table.Quoted(name), now: dialect.FactsOf(name).Now, ttl: ttl}
}

// NewHolder returns a name that no other holder has, for people to recognise:
// host, process and a random part.
func NewHolder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	if len(host) > 100 {
		host = host[:100]
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), uuid.NewString()[:8])
}

// Lease is the right to work under a name, for a while. It is safe for concurrent
// use.
type Lease struct {
	store        *Store
	name, holder string
	token        int64
	until        time.Time // by this process's monotonic clock; the database's comes later
}

// Token is larger than that of every earlier lease of the same name.
func (l *Lease) Token() int64 { return l.token }

// Acquire takes the lease called name for holder. It returns nil without an error
// while another holder has it.
func (s *Store) Acquire(ctx context.Context, name, holder string) (*Lease, error) {
	start := time.Now()
	taken, err := s.exec(ctx, "UPDATE "+s.table+" SET holder = ?, token = token + 1, expires_at = "+s.now+" + ? WHERE name = ? AND (expires_at <= "+s.now+" OR holder = ?)",
		holder, s.ttl.Microseconds(), name, holder)
	if err != nil {
		return nil, failed(name, err)
	}
	if taken == 0 {
		created, err := s.create(ctx, name, holder)
		if err != nil || !created {
			return nil, failed(name, err)
		}
	}
	l := &Lease{store: s, name: name, holder: holder, until: start.Add(s.ttl)}
	// Only this holder writes its own name: if the row still has it, the token is ours.
	row := s.db.QueryRowContext(ctx, dialect.Placeholders(s.dialect, "SELECT token FROM "+s.table+" WHERE name = ? AND holder = ?"), name, holder)
	if err := row.Scan(&l.token); errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, failed(name, err)
	}
	return l, nil
}

// create makes the row of a name that has none, and reports whether it did.
func (s *Store) create(ctx context.Context, name, holder string) (bool, error) {
	// The first token is the time, so that it is larger than those of a row that an
	// operator deleted.
	values := "(name, holder, token, expires_at) VALUES (?, ?, " + s.now + ", " + s.now + " + ?)"
	n, err := s.exec(ctx, dialect.FactsOf(s.dialect).InsertNew(s.table, "name", values), name, holder, s.ttl.Microseconds())
	return n == 1, err
}

// Renew makes the lease last for its full time again. The error wraps [ErrLost]
// when another holder has it.
func (l *Lease) Renew(ctx context.Context) error {
	n, err := l.store.exec(ctx, "UPDATE "+l.store.table+" SET expires_at = "+l.store.now+" + ? WHERE name = ? AND holder = ? AND token = ?",
		l.store.ttl.Microseconds(), l.name, l.holder, l.token)
	if err != nil {
		return failed(l.name, err)
	}
	if n == 0 {
		return fmt.Errorf("%w: %q", ErrLost, l.name)
	}
	return nil
}

// Release gives the lease back, so that another process need not wait for it to
// lapse. A lease that was lost is left alone.
func (l *Lease) Release(ctx context.Context) error {
	_, err := l.store.exec(ctx, "UPDATE "+l.store.table+" SET expires_at = 0 WHERE name = ? AND holder = ? AND token = ?",
		l.name, l.holder, l.token)
	return failed(l.name, err)
}

// Holder returns who has the lease called name, "" if nobody, and for how long.
func (s *Store) Holder(ctx context.Context, name string) (string, time.Duration, error) {
	var holder string
	var left int64
	row := s.db.QueryRowContext(ctx, dialect.Placeholders(s.dialect, "SELECT holder, expires_at - "+s.now+" FROM "+s.table+" WHERE name = ?"), name)
	if err := row.Scan(&holder, &left); errors.Is(err, sql.ErrNoRows) {
		return "", 0, nil
	} else if err != nil {
		return "", 0, failed(name, err)
	}
	if left <= 0 {
		return "", 0, nil
	}
	return holder, time.Duration(left) * time.Microsecond, nil
}

func (s *Store) exec(ctx context.Context, query string, args ...any) (int64, error) {
	return owntable.Affected(s.db.ExecContext(ctx, dialect.Placeholders(s.dialect, query), args...))
}

func failed(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("auditplugin: lease %q: %w", name, err)
}
