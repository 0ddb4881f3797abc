package partition

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
)

type postgres struct{}

func (postgres) keyed(statements, primary string) string {
	return strings.Replace(statements, "\n);\n", ",\n  "+primary+"\n) PARTITION BY RANGE ("+dialect.Quote(dialect.Postgres, "occurred_at")+");\n", 1)
}

func (p postgres) divided(statements, table string, months []time.Time) string {
	head := func(name string) string {
		return "CREATE TABLE IF NOT EXISTS " + p.quoted(name) + " PARTITION OF " + p.quoted(table) + " "
	}
	for _, month := range months {
		statements += head(p.Name(table, month)) + p.bound(month) + ";\n"
	}
	return statements + head(beside(table, "default")) + "DEFAULT;\n"
}

func (postgres) quoted(table string) string { return quoted(dialect.Postgres, table) }

// bound names the zone: the session's may be another.
func (postgres) bound(month time.Time) string {
	return "FOR VALUES FROM ('" + month.Format(dayLayout) + " 00:00:00+00') TO ('" + month.AddDate(0, 1, 0).Format(dayLayout) + " 00:00:00+00')"
}

// maxName is PostgreSQL's limit for names, in bytes.
const maxName = 63

// beside is a partition's name, in its table's schema.
func beside(table, suffix string) string {
	t := dialect.ParseTable(table)
	for len(t.Name)+1+len(suffix) > maxName {
		r := []rune(t.Name)
		t.Name = string(r[:len(r)-1])
	}
	t.Name += "_" + suffix
	return t.Dotted()
}

func (postgres) Name(table string, month time.Time) string {
	return beside(table, month.Format(monthSuffix))
}

func (p postgres) List(ctx context.Context, conn audit.Conn, table string) ([]Partition, error) {
	var all []Partition
	err := owntable.Each(ctx, conn, func(row *sql.Rows) error {
		var found Partition
		var from, until sql.NullTime
		err := row.Scan(&found.Name, &found.Rest, &from, &until)
		found.From, found.Until = from.Time.UTC(), until.Time.UTC()
		all = append(all, found)
		return err
	}, `SELECT n.nspname || '.' || c.relname, pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT',
			(regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
			(regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE i.inhparent = to_regclass($1) AND c.relpartbound IS NOT NULL
			AND pg_get_partkeydef(i.inhparent) = 'RANGE (occurred_at)'
		ORDER BY 3 NULLS LAST`, p.quoted(table))
	return all, err
}

func (p postgres) Add(ctx context.Context, conn owntable.Conn, table, rest string, month time.Time) error {
	part, parent := p.quoted(p.Name(table, month)), p.quoted(table)
	statements := []string{limited, "CREATE TABLE " + part + " (LIKE " + parent + " INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"}
	if rest != "" {
		// Attaching checks that nothing in the default partition belongs here.
		rest, next := p.quoted(rest), month.AddDate(0, 1, 0).Format(dayLayout)
		statements = append(statements,
			"LOCK TABLE ONLY "+rest+" IN ACCESS EXCLUSIVE MODE",
			"WITH moved AS (DELETE FROM "+rest+" WHERE occurred_at >= '"+month.Format(dayLayout)+" 00:00:00+00' AND occurred_at < '"+
				next+" 00:00:00+00' RETURNING *) INSERT INTO "+part+" SELECT * FROM moved")
	}
	return owntable.Run(ctx, conn, append(statements, "ALTER TABLE "+parent+" ATTACH PARTITION "+part+" "+p.bound(month)))
}

// limited is for a transaction that must not wait for long.
var limited = fmt.Sprintf("SET LOCAL lock_timeout = '%ds'", lockWait)

func (p postgres) Rows(_, name string) string { return p.quoted(name) }

func (p postgres) Drop(ctx context.Context, db *sql.DB, _, name string) error {
	return owntable.InTx(ctx, db, func(tx *sql.Tx) error {
		return owntable.Run(ctx, tx, []string{limited, "DROP TABLE " + p.quoted(name)})
	})
}
