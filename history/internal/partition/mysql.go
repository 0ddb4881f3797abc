package partition

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

type mysql struct{}

func (mysql) keyed(statements, primary string) string {
	return strings.Replace(statements, ",\n  UNIQUE KEY ", ",\n  "+primary+",\n  UNIQUE KEY ", 1)
}

func (m mysql) divided(statements, _ string, months []time.Time) string {
	var parts []string
	for _, month := range months {
		parts = append(parts, m.month(month))
	}
	return strings.TrimSuffix(statements, ";\n") + "\nPARTITION BY RANGE COLUMNS(" + m.quoted("occurred_at") + ") (\n  " +
		strings.Join(append(parts, m.rest("pmax")), ",\n  ") + "\n);\n"
}

func (mysql) quoted(table string) string { return quoted(dialect.MySQL, table) }

func (mysql) month(month time.Time) string {
	return "PARTITION " + month.Format(monthSuffix) + " VALUES LESS THAN ('" + month.AddDate(0, 1, 0).Format(dayLayout) + "')"
}

func (mysql) rest(name string) string { return "PARTITION " + name + " VALUES LESS THAN (MAXVALUE)" }

func (mysql) Name(_ string, month time.Time) string { return month.Format(monthSuffix) }

func (mysql) List(ctx context.Context, conn audit.Conn, table string) ([]Partition, error) {
	var all []Partition
	var from time.Time
	t := dialect.ParseTable(table)
	err := owntable.Each(ctx, conn, func(row *sql.Rows) error {
		p := Partition{From: from}
		var until string
		err := row.Scan(&p.Name, &until)
		if p.Rest = until == "MAXVALUE"; err == nil && !p.Rest {
			p.Until, err = bound(strings.Trim(until, "'"))
		}
		from = p.Until
		all = append(all, p)
		return err
	}, "SELECT partition_name, partition_description FROM information_schema.partitions "+
		"WHERE table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND table_name = ? AND partition_method = 'RANGE COLUMNS' "+
		"AND REPLACE(partition_expression, '`', '') = 'occurred_at' ORDER BY partition_ordinal_position", t.Schema, t.Name)
	return all, err
}

func bound(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04:05.999999", dayLayout} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("a partition ends at %q", text)
}

func (m mysql) Add(ctx context.Context, conn owntable.Conn, table, rest string, month time.Time) error {
	change := "ADD PARTITION (" + m.month(month) + ")"
	if rest != "" {
		// This moves what belongs into the new one.
		rest = dialect.Quote(dialect.MySQL, rest)
		change = "REORGANIZE PARTITION " + rest + " INTO (" + m.month(month) + ", " + m.rest(rest) + ")"
	}
	return impatient(ctx, conn, "ALTER TABLE "+m.quoted(table)+" "+change)
}

// impatient runs DDL without waiting for long for those who use the table, since
// everybody else would wait behind.
func impatient(ctx context.Context, conn owntable.Conn, statement string) error {
	var before int
	if err := conn.QueryRowContext(ctx, "SELECT @@lock_wait_timeout").Scan(&before); err != nil {
		return err
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SET SESSION lock_wait_timeout = "+strconv.Itoa(before))
	}()
	return owntable.Run(ctx, conn, []string{"SET SESSION lock_wait_timeout = " + strconv.Itoa(lockWait), statement})
}

func (m mysql) Rows(table, name string) string {
	return m.quoted(table) + " PARTITION (" + dialect.Quote(dialect.MySQL, name) + ")"
}

func (m mysql) Drop(ctx context.Context, db *sql.DB, table, name string) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // gives it back
	return impatient(ctx, conn, "ALTER TABLE "+m.quoted(table)+" DROP PARTITION "+dialect.Quote(dialect.MySQL, name))
}
