package history

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// rowActions are those of records about rows, as SQL.
var rowActions = "'" + strings.Join([]string{
	string(audit.Create), string(audit.Update), string(audit.Delete), string(audit.SoftDelete), string(audit.Restore),
}, "','") + "'"

const (
	// rowsAtOnce is how many rows are looked at for records to let go of, and
	// crowdedAtOnce how many are found by one question.
	rowsAtOnce    = 200
	crowdedAtOnce = 5000
)

// auditedRow is a row, as its records name it.
type auditedRow struct{ table, recordID string }

// thin deletes, of each row, what is beyond the records to keep, a batch at a time.
func (p *pruning) thin(ctx context.Context) error {
	return p.eachCrowded(ctx, func(rows []auditedRow) (bool, error) { return true, p.thinRows(ctx, rows) })
}

// anySurplus reports whether there is anything to do.
func (p *pruning) anySurplus(ctx context.Context) (found bool, err error) {
	err = p.eachCrowded(ctx, func(rows []auditedRow) (bool, error) {
		kept, err := p.firstKept(ctx, rows)
		if err != nil || len(kept) == 0 {
			return true, err
		}
		seqs, err := p.surplus(ctx, rows[0].table, kept)
		found = len(seqs) > 0
		return !found, err
	})
	return found, err
}

// eachCrowded goes through the rows that have more records than are kept, some of one
// table at a time, by the index on them, until f has enough.
func (p *pruning) eachCrowded(ctx context.Context, f func(rows []auditedRow) (more bool, err error)) error {
	table := ""
	for {
		var err error
		if table, err = p.nextTable(ctx, table); err != nil || table == "" {
			return err
		}
		for behind := ""; ; {
			rows, err := p.crowded(ctx, table, behind)
			if err != nil {
				return err
			}
			for some := range slices.Chunk(rows, rowsAtOnce) {
				if more, err := f(some); err != nil || !more {
					return err
				}
			}
			if len(rows) < crowdedAtOnce {
				break
			}
			behind = rows[len(rows)-1].recordID
		}
	}
}

// nextTable returns the table behind another one, of those that have records, "" at the
// end. It reads one place of the index.
func (p *pruning) nextTable(ctx context.Context, table string) (string, error) {
	args := &arguments{p: p}
	query := "SELECT MIN(table_name) FROM " + qualified(p.store.dialect, p.store.name) + " WHERE table_name > " + args.add(table)
	if len(p.o.Tables) > 0 {
		marks := make([]string, len(p.o.Tables))
		for i, name := range p.o.Tables {
			marks[i] = args.add(name)
		}
		query += " AND table_name IN (" + strings.Join(marks, ",") + ")"
	}
	var next sql.NullString
	if err := p.store.db.QueryRowContext(ctx, query, args.list...).Scan(&next); err != nil {
		return "", fmt.Errorf("auditplugin: tables with records to prune: %w", err)
	}
	return next.String, nil
}

func (p *pruning) thinRows(ctx context.Context, rows []auditedRow) error {
	kept, err := p.firstKept(ctx, rows)
	if err != nil {
		return err
	}
	for len(kept) > 0 {
		seqs, err := p.surplus(ctx, rows[0].table, kept)
		if err != nil || len(seqs) == 0 {
			p.passed = ""
			return err
		}
		if p.o.DryRun {
			p.done.Deleted += int64(len(seqs))
			p.passed = seqs[len(seqs)-1]
		} else {
			n, err := p.delete(ctx, seqs, nil)
			if err != nil {
				return err
			}
			p.done.Deleted += n
		}
		p.tell()
		if len(seqs) < p.o.Batch {
			p.passed = ""
			return nil
		}
		if err := wait(ctx, p.o.Pause); err != nil {
			return err
		}
	}
	return nil
}

// crowded lists the next rows of a table that have more records than are kept.
func (p *pruning) crowded(ctx context.Context, table, behind string) ([]auditedRow, error) {
	args := &arguments{p: p}
	// One table, so that the index gives the rows in order and the limit ends the scan.
	where := "table_name = " + args.add(table) + " AND record_id > " + args.add(behind) +
		" AND action IN (" + rowActions + ") AND action <> 'create' AND seq <= " + strconv.FormatInt(p.last, 10) + p.among(args)
	query := "SELECT table_name, record_id FROM " + qualified(p.store.dialect, p.store.name) + " WHERE " + where +
		" GROUP BY table_name, record_id HAVING COUNT(*) > " + strconv.Itoa(p.o.KeepLast) +
		" ORDER BY table_name, record_id LIMIT " + strconv.Itoa(crowdedAtOnce)
	rows, err := p.store.db.QueryContext(ctx, query, args.list...)
	if err != nil {
		return nil, fmt.Errorf("auditplugin: rows with records to prune: %w", err)
	}
	defer func() { _ = rows.Close() }() // read to the end
	var all []auditedRow
	for rows.Next() {
		var r auditedRow
		if err := rows.Scan(&r.table, &r.recordID); err != nil {
			return nil, fmt.Errorf("auditplugin: rows with records to prune: %w", err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// keptFrom is a row of which the records from seq on are kept.
type keptFrom struct {
	recordID string
	seq      int64
}

// firstKept finds the oldest record that is kept of each row, creations apart.
func (p *pruning) firstKept(ctx context.Context, rows []auditedRow) ([]keptFrom, error) {
	args := &arguments{p: p}
	inner := "table_name = " + args.add(rows[0].table) + " AND record_id IN ("
	for i, r := range rows {
		if i > 0 {
			inner += ","
		}
		inner += args.add(r.recordID)
	}
	inner += ") AND action IN (" + rowActions + ") AND action <> 'create' AND seq <= " + strconv.FormatInt(p.last, 10)
	query := "SELECT record_id, seq FROM (SELECT record_id, seq, ROW_NUMBER() OVER (PARTITION BY record_id ORDER BY seq DESC) AS n FROM " +
		qualified(p.store.dialect, p.store.name) + " WHERE " + inner + ") AS ranked WHERE n = " + strconv.Itoa(p.o.KeepLast)
	found, err := p.store.db.QueryContext(ctx, query, args.list...)
	if err != nil {
		return nil, fmt.Errorf("auditplugin: records to keep: %w", err)
	}
	defer func() { _ = found.Close() }() // read to the end
	var kept []keptFrom
	for found.Next() {
		var k keptFrom
		if err := found.Scan(&k.recordID, &k.seq); err != nil {
			return nil, fmt.Errorf("auditplugin: records to keep: %w", err)
		}
		kept = append(kept, k)
	}
	return kept, found.Err()
}

// surplus lists the next records of the rows that are not kept.
func (p *pruning) surplus(ctx context.Context, table string, kept []keptFrom) ([]string, error) {
	args := &arguments{p: p}
	where := "table_name = " + args.add(table) + " AND record_id IN ("
	for i, k := range kept {
		if i > 0 {
			where += ","
		}
		where += args.add(k.recordID)
	}
	where += ") AND seq < CASE record_id" // not OR, for which databases leave the index
	for _, k := range kept {
		where += " WHEN " + args.add(k.recordID) + " THEN " + strconv.FormatInt(k.seq, 10)
	}
	where += " END AND action IN (" + rowActions + ") AND action <> 'create' AND occurred_at < " + args.add(p.cutoff) +
		" AND seq <= " + strconv.FormatInt(p.seq, 10) + p.among(args)
	if p.passed != "" {
		where += " AND seq > " + p.passed
	}
	query := "SELECT seq FROM " + qualified(p.store.dialect, p.store.name) + " WHERE " + where + " ORDER BY seq LIMIT " + strconv.Itoa(p.o.Batch)
	found, err := p.store.db.QueryContext(ctx, query, args.list...)
	if err != nil {
		return nil, fmt.Errorf("auditplugin: records to prune: %w", err)
	}
	defer func() { _ = found.Close() }() // read to the end
	var seqs []string
	for found.Next() {
		var seq int64
		if err := found.Scan(&seq); err != nil {
			return nil, fmt.Errorf("auditplugin: records to prune: %w", err)
		}
		seqs = append(seqs, strconv.FormatInt(seq, 10))
	}
	return seqs, found.Err()
}

// arguments numbers the arguments of a statement.
type arguments struct {
	p    *pruning
	list []any
}

func (a *arguments) add(v any) string {
	a.list = append(a.list, v)
	return a.p.placeholder(len(a.list))
}

// among are the conditions on types and tables, each with an AND before it.
func (p *pruning) among(args *arguments) string {
	text := ""
	for _, c := range []struct {
		column string
		values []string
	}{{"record_type", p.o.Types}, {"table_name", p.o.Tables}} {
		if len(c.values) == 0 {
			continue
		}
		marks := make([]string, len(c.values))
		for i, v := range c.values {
			marks[i] = args.add(v)
		}
		text += " AND " + c.column + " IN (" + strings.Join(marks, ",") + ")"
	}
	return text
}

// count says what a run without KeepLast would delete.
func (p *pruning) count(ctx context.Context) error {
	where, args := p.condition()
	query := "SELECT COUNT(*) FROM " + qualified(p.store.dialect, p.store.name) + " WHERE " + where + " AND seq <= " + strconv.FormatInt(p.seq, 10)
	if err := p.store.db.QueryRowContext(ctx, query, args...).Scan(&p.done.Deleted); err != nil {
		return fmt.Errorf("auditplugin: records to prune: %w", err)
	}
	p.tell()
	return nil
}

// newestOfAll returns the highest seq in the table.
func (p *pruning) newestOfAll(ctx context.Context) (int64, error) {
	var seq sql.NullInt64
	err := p.store.db.QueryRowContext(ctx, "SELECT MAX(seq) FROM "+qualified(p.store.dialect, p.store.name)).Scan(&seq)
	if err != nil {
		return 0, fmt.Errorf("auditplugin: records to prune: %w", err)
	}
	return seq.Int64, nil
}
