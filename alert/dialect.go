package alert

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

func columnType(name string, c column) string {
	facts := dialect.FactsOf(name)
	switch {
	case c.kind == "key":
		return facts.Identity
	case c.kind == "time":
		return facts.Long + " NOT NULL"
	case c.kind == "int":
		return facts.Short + " NOT NULL"
	case c.limit > 0:
		return facts.Text(fmt.Sprintf("VARCHAR(%d)", c.limit)) + " NOT NULL"
	}
	return facts.Text("MEDIUMTEXT") + " NOT NULL"
}

func (s *store) facts() *dialect.Facts { return dialect.FactsOf(s.dialect) }

// now is the database's time, so that processes with different clocks agree.
func (s *store) now(ctx context.Context, q owntable.Conn) (time.Time, error) {
	if s.clock != nil {
		return s.clock(), nil
	}
	if s.facts().ClockIsOurs {
		return time.Now().UTC(), nil
	}
	var micros int64
	if err := q.QueryRowContext(ctx, "SELECT "+s.facts().Now).Scan(&micros); err != nil {
		return time.Time{}, failed("reading the database's time", err)
	}
	return time.UnixMicro(micros).UTC(), nil
}

// timeArg is a time as the audit table's column occurred_at is compared with.
func (s *store) timeArg(t time.Time) any {
	return t.UTC().Format(s.facts().MomentLayout)
}

// timeMark is the placeholder for timeArg.
func (s *store) timeMark() string {
	return cmp.Or(s.facts().MomentMark, "?")
}

// unlessThere ends an INSERT of a row that may be there.
func (s *store) unlessThere() string { return s.facts().UnlessThere }

// lock keeps other writers away from the outbox, where read first and write then would
// fail when somebody wrote in between. It changes nothing.
func (s *store) lock(ctx context.Context, q owntable.Conn) error {
	if !s.facts().OneWriter {
		return nil
	}
	_, err := q.ExecContext(ctx, "DELETE FROM "+s.outbox+" WHERE 0")
	return failed("locking the outbox", err)
}
