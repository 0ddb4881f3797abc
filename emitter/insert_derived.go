package emitter

import (
	"context"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// minPowerDerived is how many rows, as a power of two, are worth a derived table.
const minPowerDerived = 5

// varchar is a parameter that a derived table keeps as it is. By itself it is a CHAR, which
// loses the spaces at its end, or gets some under PAD_CHAR_TO_FULL_LENGTH. The first row
// of a union decides for the others.
const varchar = "CONCAT(?)"

// derives reports whether MariaDB should take many rows as INSERT … SELECT from a
// derived table: what they share is then sent once, which takes a third off the
// statement's time. MySQL was not tried. Where statements are replicated as text the
// server would call it unsafe, each time, in its log.
func (in inspector) derives(ctx context.Context) (bool, error) {
	server, err := catalog.LoadServer(ctx, in.conn, in.dialect)
	if err != nil || !server.MariaDB {
		return false, err
	}
	// Other servers that speak this protocol need not know these.
	var format string
	var logs bool
	if err := in.conn.QueryRowContext(ctx, "SELECT @@binlog_format, @@log_bin").Scan(&format, &logs); err != nil {
		return false, failed("binlog_format", err)
	}
	return !logs || !strings.EqualFold(format, "STATEMENT"), nil
}

// buildDerived makes the INSERT of rows that share columns, whose arguments come first.
// A UNION ALL of rows takes its types from all of them; a VALUES list would take them
// from the first. The records are numbered in the order in which the union has them.
func (v *valuesInserter) buildDerived(f form, rows int) string {
	var columns, shared, first, next strings.Builder
	comma := func(b *strings.Builder) {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
	}
	for at := range entry.Columns {
		comma(&columns)
		name := "c" + strconv.Itoa(at)
		switch {
		case f.literal.has(at):
			columns.WriteString(literalText(at))
		case f.shared.has(at):
			columns.WriteString("s." + name)
			comma(&shared)
			shared.WriteString(varchar + " AS " + name)
		default:
			columns.WriteString("r." + name)
			comma(&first)
			first.WriteString(varchar + " AS " + name)
			comma(&next)
			next.WriteByte('?')
		}
	}
	return v.into + "SELECT " + columns.String() + " FROM (SELECT " + shared.String() + ") s STRAIGHT_JOIN (SELECT " + first.String() +
		strings.Repeat(" UNION ALL SELECT "+next.String(), rows-1) + ") r"
}
