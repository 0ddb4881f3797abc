package alert

import (
	"context"
	"fmt"
	"time"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

func columnType(name string, c column) string {
	switch {
	case c.kind == "key":
		return dialect.Identity(name)
	case c.kind == "time":
		return dialect.Pick(name, "INTEGER", "bigint", "BIGINT") + " NOT NULL"
	case c.kind == "int":
		return dialect.Pick(name, "INTEGER", "integer", "INT") + " NOT NULL"
	case c.limit > 0:
		return dialect.Text(name, fmt.Sprintf("VARCHAR(%d)", c.limit)) + " NOT NULL"
	}
	return dialect.Text(name, "MEDIUMTEXT") + " NOT NULL"
}

// now is the database's time, so that processes with different clocks agree.
func (s *store) now(ctx context.Context, q owntable.Conn) (time.Time, error) {
	if s.clock != nil {
		return s.clock(), nil
	}
	if s.dialect == dialect.SQLite {
		return time.Now().UTC(), nil // the same machine
	}
	var micros int64
	if err := q.QueryRowContext(ctx, "SELECT "+dialect.Now(s.dialect)).Scan(&micros); err != nil {
		return time.Time{}, failed("reading the database's time", err)
	}
	return time.UnixMicro(micros).UTC(), nil
}

// timeArg is a time as the audit table's column occurred_at is compared with.
func (s *store) timeArg(t time.Time) any {
	layout := "2006-01-02 15:04:05.000000"
	if s.dialect != dialect.MySQL {
		layout += "+00:00"
	}
	return t.UTC().Format(layout)
}

// timeMark is the placeholder for timeArg.
func (s *store) timeMark() string {
	if s.dialect == dialect.Postgres {
		return "CAST(? AS timestamptz)"
	}
	return "?"
}

// unlessThere ends an INSERT of a row that may be there. MySQL's IGNORE would hide
// other errors as well.
func (s *store) unlessThere() string {
	if s.dialect == dialect.MySQL {
		return " ON DUPLICATE KEY UPDATE id = id"
	}
	return " ON CONFLICT DO NOTHING"
}

// lock keeps other writers away from the outbox, where read first and write then would
// fail when somebody wrote in between. It changes nothing.
func (s *store) lock(ctx context.Context, q owntable.Conn) error {
	if s.dialect != dialect.SQLite {
		return nil
	}
	_, err := q.ExecContext(ctx, "DELETE FROM "+s.outbox+" WHERE 0")
	return failed("locking the outbox", err)
}
