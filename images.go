package auditplugin

import (
	"bytes"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/replay"
)

// keyBatch bounds how many keys one read-back names.
const keyBatch = 400

// row is an image with the driver's own values, which serve as parameters.
type row struct {
	image
	raw []any
}

// takeWriteLock makes a SQLite transaction a writer before it reads. A deferred
// transaction that reads first fails at once when another writer came between.
func (j *job) takeWriteLock() error {
	if j.p.server.Dialect != "sqlite" || j.state.locked() || j.t.tbl.Kind != catalog.Plain {
		return nil
	}
	if _, err := j.state.conn.ExecContext(j.ctx, j.t.writeLock); err != nil {
		return j.auditError(err)
	}
	j.state.took()
	return nil
}

// lockBeforeCatalog does the same before the catalog is read, which opens a
// snapshot too. What is no table takes no lock, and the write will say so.
func (j *job) lockBeforeCatalog() error {
	if j.p.server.Dialect != "sqlite" || j.state.locked() {
		return nil
	}
	if _, known := j.p.catalog.Peek("sqlite", j.ref.schema, j.ref.name); known && !j.state.uncertain() {
		return nil
	}
	s := j.scratch()
	write(s, "DELETE FROM ", tableSQL(s, j.ref), " WHERE 0")
	_, err := j.state.conn.ExecContext(j.ctx, s.SQL.String())
	switch {
	case err == nil:
		j.state.took()
	case isSQLiteBusy(err) || j.ctx.Err() != nil:
		return err
	}
	return nil
}

// tableSQL is the table's own name, never its alias, and qualified only where the
// statement qualifies it: the same name may stand for another tenant's table on
// another connection.
func tableSQL(s *gorm.Statement, ref table) string {
	if ref.schema == "" {
		return quoteIdent(s, ref.name)
	}
	return quoteIdent(s, ref.schema) + "." + quoteIdent(s, ref.name)
}

// lockFor is the clause that locks the rows of a SELECT as the write would.
func (j *job) lockFor(t *target, keyChanges bool) string {
	switch j.p.server.Dialect {
	case "mysql":
		return " FOR UPDATE"
	case "postgres":
		if t.tbl.Kind == catalog.View || !t.tbl.CanLock {
			j.note("image", "unlocked")
			return ""
		}
		if keyChanges {
			return " FOR UPDATE OF " + quoteIdent(j.db.Statement, t.ref.alias)
		}
		return " FOR NO KEY UPDATE OF " + quoteIdent(j.db.Statement, t.ref.alias)
	default:
		return ""
	}
}

// readLock is the lock of a read-back: MySQL must not open a snapshot that the
// application did not ask for.
func (j *job) readLock() string {
	if j.p.server.Dialect == "mysql" {
		return " FOR UPDATE"
	}
	return ""
}

// rows turns driver rows into images, leaving out repetitions that a join made.
func (j *job) rows(t *target, raw [][]any) []row {
	out := make([]row, 0, len(raw))
	for _, r := range raw {
		out = append(out, row{image: t.normalise(r), raw: r})
	}
	return out
}

func dedupe(t *target, rows []row) []row {
	if len(t.key) == 0 {
		return rows
	}
	seen := make(map[string]bool, len(rows))
	out := rows[:0]
	for _, r := range rows {
		id := t.identity(r.image)
		if !seen[id] {
			seen[id] = true
			out = append(out, r)
		}
	}
	return out
}

// keyParams are the parameters that find a row again by its key.
func keyParams(t *target, img image, raw []any) []any {
	params := make([]any, len(t.key))
	for i, k := range t.key {
		params[i] = param(img[k], raw[k])
	}
	return params
}

// param prefers the canonical value where a driver's bytes would be compared in
// another collation. Bytes are copied, since a driver uses its own again.
func param(canonical, raw any) any {
	switch canonical.(type) {
	case string, int64, uint64:
		return canonical
	}
	if b, ok := raw.([]byte); ok {
		return bytes.Clone(b)
	}
	return raw
}

// readBy reads the rows whose columns equal one of the tuples.
func (j *job) readBy(t *target, columns []string, tuples [][]any, lock string) ([]row, error) {
	var out []row
	for len(tuples) > 0 {
		n := min(len(tuples), keyBatch)
		s := j.scratch()
		s.Vars = nil
		list := t.bare
		if j.hex {
			list = j.asHex()
		}
		write(s, "SELECT ", strings.Join(list, ","), " FROM ", tableSQL(s, t.ref), " WHERE ")
		writeIn(s, columns, tuples[:n])
		write(s, lock)
		raw, err := j.read(s.SQL.String(), s.Vars)
		if err != nil {
			return nil, err
		}
		if j.hex {
			for _, r := range raw {
				out = append(out, j.fromHex(r))
			}
		} else {
			out = append(out, j.rows(t, raw)...)
		}
		tuples = tuples[n:]
	}
	return out, nil
}

// writeIn writes "(a,b) IN (…)". SQLite wants VALUES for row values.
func writeIn(s *gorm.Statement, columns []string, tuples [][]any) {
	if len(columns) == 1 {
		write(s, quoteIdent(s, columns[0]), " IN (")
		for i, t := range tuples {
			if i > 0 {
				write(s, ",")
			}
			s.AddVar(s, t[0])
		}
		write(s, ")")
		return
	}
	write(s, "(")
	for i, c := range columns {
		if i > 0 {
			write(s, ",")
		}
		write(s, quoteIdent(s, c))
	}
	write(s, ") IN (")
	if s.Dialector.Name() == "sqlite" {
		write(s, "VALUES ")
	}
	for i, t := range tuples {
		if i > 0 {
			write(s, ",")
		}
		write(s, "(")
		s.AddVar(s, t...)
		write(s, ")")
	}
	write(s, ")")
}

// split parts what the application's statement returns from what we added.
func split(set *replay.Set, ours int) (theirs *replay.Set, added [][]any) {
	width := len(set.Columns) - ours
	if width < 0 {
		// MariaDB answers a condition that can not hold without any columns.
		return set, nil
	}
	theirs = &replay.Set{Columns: set.Columns[:width:width], Rows: make([][]any, len(set.Rows)), Err: set.Err}
	added = make([][]any, len(set.Rows))
	for i, r := range set.Rows {
		theirs.Rows[i], added[i] = r[:width:width], r[width:]
	}
	return theirs, added
}

func (t *target) keyNames() []string {
	names := make([]string, len(t.key))
	for i, k := range t.key {
		names[i] = t.cols[k].Name
	}
	return names
}
