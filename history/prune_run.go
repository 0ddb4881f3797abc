package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/history/internal/partition"
)

func (p *pruning) run(ctx context.Context) error {
	if p.o.KeepLast > 0 {
		return p.thin(ctx)
	}
	if len(p.o.Types) == 0 && len(p.o.Tables) == 0 && !p.o.KeepPartitions {
		if err := p.dropPartitions(ctx); err != nil {
			return err
		}
	}
	if p.o.DryRun {
		return p.count(ctx)
	}
	return p.deleteBatches(ctx)
}

// dropPartitions drops those that hold nothing but what is to be deleted.
func (p *pruning) dropPartitions(ctx context.Context) error {
	all, err := p.store.partitions(ctx, p.store.db)
	if errors.Is(err, ErrNotPartitioned) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, part := range all {
		if part.Rest || part.Until.After(p.o.OlderThan) {
			continue
		}
		if !p.o.DryRun {
			if err := p.drop(ctx, part); err != nil {
				return fmt.Errorf("auditplugin: dropping partition %s: %w", part.Name, err)
			}
		}
		p.done.Partitions = append(p.done.Partitions, part.Name)
		p.tell()
	}
	return nil
}

func (p *pruning) drop(ctx context.Context, part partition.Partition) error {
	s := p.store
	way := partition.Of(s.dialect)
	rows := way.Rows(s.name, part.Name)
	var n int64
	var last sql.NullInt64
	if err := s.db.QueryRowContext(ctx, "SELECT COUNT(*), MAX(seq) FROM "+rows).Scan(&n, &last); err != nil {
		return err
	}
	// A transaction that was open for long may have written more since.
	if err := p.reachAll(ctx, rows, last.Int64); err != nil {
		return err
	}
	p.untouched = func(ctx context.Context) bool {
		var left int64
		err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+rows).Scan(&left)
		return err == nil && left >= n
	}
	if err := way.Drop(ctx, s.db, s.name, part.Name); err != nil {
		return err
	}
	p.done.Deleted += n
	return nil
}

func (p *pruning) tell() {
	if p.o.Progress != nil {
		p.o.Progress(p.done)
	}
}

// deleteBatches goes through the index on occurred_at, never back to where it has
// been: there, deleted rows may still lie around.
func (p *pruning) deleteBatches(ctx context.Context) error {
	var behind any
	for {
		seqs, last, err := p.batch(ctx, behind)
		if err != nil || len(seqs) == 0 {
			return err
		}
		n, err := p.delete(ctx, seqs, behind)
		if err != nil {
			return err
		}
		p.done.Deleted += n
		p.tell()
		if len(seqs) < p.o.Batch {
			return nil
		}
		behind = last
		if err := wait(ctx, p.o.Pause); err != nil {
			return err
		}
	}
}

// batch returns the seqs of the next records to delete and the time of the last.
func (p *pruning) batch(ctx context.Context, behind any) (seqs []string, last any, err error) {
	where, args := p.condition()
	if behind != nil {
		args = append(args, behind)
		where += " AND occurred_at >= " + p.placeholder(len(args))
	}
	at := fmt.Sprintf(p.store.facts().MomentText, "occurred_at")
	query := "SELECT seq, " + at + " FROM " + qualified(p.store.dialect, p.store.name) + " WHERE " + where +
		" AND seq <= " + strconv.FormatInt(p.seq, 10) + " ORDER BY occurred_at LIMIT " + strconv.Itoa(p.o.Batch)
	rows, err := p.store.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("auditplugin: records to prune: %w", err)
	}
	defer func() { _ = rows.Close() }() // read to the end
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq, &last); err != nil {
			return nil, nil, fmt.Errorf("auditplugin: records to prune: %w", err)
		}
		seqs = append(seqs, strconv.FormatInt(seq, 10))
	}
	if b, ok := last.([]byte); ok {
		last = string(b)
	}
	return seqs, last, rows.Err()
}

func (p *pruning) delete(ctx context.Context, seqs []string, behind any) (int64, error) {
	where, args := p.condition()
	if behind != nil { // which leaves the partitions before it alone
		args = append(args, behind)
		where += " AND occurred_at >= " + p.placeholder(len(args))
	}
	p.untouched = func(ctx context.Context) bool {
		var left int
		err := p.store.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+qualified(p.store.dialect, p.store.name)+" WHERE seq IN ("+strings.Join(seqs, ",")+")").Scan(&left)
		return err == nil && left == len(seqs)
	}
	res, err := p.store.db.ExecContext(ctx, "DELETE FROM "+qualified(p.store.dialect, p.store.name)+" WHERE seq IN ("+strings.Join(seqs, ",")+") AND "+where, args...)
	if err != nil {
		return 0, fmt.Errorf("auditplugin: pruning records: %w", err)
	}
	return res.RowsAffected()
}

// condition is what is to be deleted. Records of prunings stay: the horizons that
// they hold are needed.
func (p *pruning) condition() (string, []any) {
	args := &arguments{p: p}
	where := "occurred_at < " + args.add(p.cutoff)
	if len(p.o.Types) == 0 {
		where += " AND record_type <> '" + pruneType + "'"
	}
	where += p.among(args)
	return where, args.list
}

func (p *pruning) placeholder(n int) string { return p.store.facts().Placeholder(n) }

// newest returns the highest seq among what is to be deleted, 0 when nothing is.
func (p *pruning) newest(ctx context.Context, table string) (int64, error) {
	where, args := p.condition()
	var seq sql.NullInt64
	err := p.store.db.QueryRowContext(ctx, "SELECT MAX(seq) FROM "+qualified(p.store.dialect, table)+" WHERE "+where, args...).Scan(&seq)
	if err != nil {
		return 0, fmt.Errorf("auditplugin: records to prune: %w", err)
	}
	return seq.Int64, nil
}
