package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// PruneOptions say what [Prune] deletes, and how fast.
type PruneOptions struct {
	// OlderThan is the age to delete: records made before it, by their Time. It must
	// be set, unless KeepLast is, and not lie in the future.
	OlderThan time.Time
	// Types are the record types to delete; empty is all. Tables are the tables whose
	// records are deleted, by their names without a schema; empty is all. With both,
	// what is in both.
	Types, Tables []string
	// KeepLast keeps, of each row, its creation and at least its last KeepLast other
	// records, however old they are; 0 keeps none. Records that are not about a row,
	// such as events, are then left alone. Without OlderThan, records of any age are
	// beyond that.
	KeepLast int
	// DryRun deletes nothing and records nothing: what is returned, and told to
	// Progress, is what would be deleted.
	DryRun bool
	// Batch is how many records one DELETE takes; 0 is 1,000, the most is 10,000.
	Batch int
	// Pause is how long to wait after each batch.
	Pause time.Duration
	// KeepPartitions deletes row by row also where a whole partition could be
	// dropped, which needs the table's owner.
	KeepPartitions bool
	// Progress is called after each batch and each dropped partition.
	Progress func(PruneProgress)
}

// PruneProgress is how far a pruning has come.
type PruneProgress struct {
	// Deleted is how many records are gone, or would be, those in dropped partitions
	// included.
	Deleted int64
	// Partitions are the dropped ones, or those that would be.
	Partitions []string
}

const (
	defaultBatch = 1000
	maxBatch     = 10_000
)

// Prune deletes old records from the audit table, a batch at a time, each in a
// transaction of its own, so that writers never wait for long. On a table
// partitioned like [PartitionSchema] it first drops the partitions that are older as
// a whole, if nothing but an age is given.
//
//	done, err := history.Prune(ctx, db, history.PruneOptions{OlderThan: time.Now().AddDate(-2, 0, 0)})
//	done, err = history.Prune(ctx, db, history.PruneOptions{KeepLast: 100, Types: []string{"user"}})
//
// What was pruned stays on record: before the first batch, and again at the end, it
// inserts a record with action event and type "audit_prune", with the actor and
// reason of ctx; the second one says how many records are gone and names the first
// as its cause. From then on [AsOf], [Versions], [Diff] and [RevertTo] refuse moments
// before OlderThan with [ErrPruned], for the types and tables of which records were
// deleted, and with KeepLast only of rows that have so many records behind the moment
// that there may have been more; a pruning that deletes nothing after all takes that
// back. The newest such records are kept, whatever their
// age; other emitters do not hear of them. When nothing is old enough, nothing is
// recorded.
//
// It can be stopped with ctx, and called again to go on: then, and after an error,
// what is returned says how far it came. It needs SELECT, INSERT and DELETE on the
// audit table, and its owner to drop partitions, for which it waits five seconds at
// most for running transactions; it does not run inside a transaction. Mistakes are
// [ErrInvalidQuery].
func Prune(ctx context.Context, db *gorm.DB, o PruneOptions, opts ...Option) (PruneProgress, error) {
	set := settingsOf(opts)
	if err := o.check(); err != nil {
		return PruneProgress{}, err
	}
	s, q, err := storeOf(db, set)
	if err != nil {
		return PruneProgress{}, err
	}
	p := &pruning{store: s, q: q, o: o, cutoff: storedTime(s.facts(), o.OlderThan)}
	if p.seq, err = p.newest(ctx, s.name); err != nil || p.seq == 0 {
		return p.done, err
	}
	if p.last, err = p.newestOfAll(ctx); err != nil {
		return p.done, err
	}
	if o.DryRun {
		return p.done, p.run(ctx)
	}
	if o.KeepLast > 0 { // nothing is recorded when nothing is done
		if found, err := p.anySurplus(ctx); err != nil || !found {
			return p.done, err
		}
	}
	if err := p.begin(ctx, db); err != nil {
		return p.done, err
	}
	err = p.run(ctx)
	return p.done, errors.Join(err, p.end(ctx, err))
}

func (o *PruneOptions) check() error {
	switch {
	case o.KeepLast < 0:
		return fmt.Errorf("%w: Prune: KeepLast of %d", ErrInvalidQuery, o.KeepLast)
	case o.OlderThan.IsZero() && o.KeepLast == 0 || o.OlderThan.After(time.Now()):
		return fmt.Errorf("%w: Prune: OlderThan must be a moment in the past", ErrInvalidQuery)
	case o.Batch < 0 || o.Batch > maxBatch:
		return fmt.Errorf("%w: Prune: batches of %d", ErrInvalidQuery, o.Batch)
	case slices.Contains(o.Types, pruneType) || slices.Contains(o.Types, everyType):
		return fmt.Errorf("%w: Prune: records of prunings are kept", ErrInvalidQuery)
	}
	if o.Batch == 0 {
		o.Batch = defaultBatch
	}
	if o.OlderThan.IsZero() {
		o.OlderThan = time.Now()
	}
	o.OlderThan = o.OlderThan.UTC().Truncate(time.Microsecond)
	return nil
}

// pruning is one call of Prune.
type pruning struct {
	store   store
	q       Query
	o       PruneOptions
	cutoff  any    // OlderThan as the table holds times
	seq     int64  // the newest record that was old enough at the beginning
	last    int64  // the newest of all then
	passed  string // the last seq that a dry run has seen
	emitter audit.Emitter
	first   string // id of the record about the beginning
	left    pruned // what this and earlier prunings leave
	before  pruned // what was left at the beginning
	// untouched finds out whether what was last to be deleted is still there; nil where
	// nothing was.
	untouched func(ctx context.Context) bool
	done      PruneProgress
}

// begin records that it begins, and how far back records reach from now on: if the
// process dies, nobody takes half a trail for a whole one.
func (p *pruning) begin(ctx context.Context, db *gorm.DB) error {
	var err error
	if p.left, err = p.q.pruned(ctx); err != nil {
		return err
	}
	p.before = pruned{maps.Clone(p.left.horizons), maps.Clone(p.left.kept), p.left.since}
	if !p.left.any() {
		if p.left.since, err = p.q.began(ctx); err != nil {
			return err
		}
	}
	if err := p.reachAll(ctx, qualified(p.store.dialect, p.store.name), p.seq); err != nil {
		return err
	}
	from := db
	if p.q.in != nil {
		from = p.q.in
	}
	if p.emitter, err = emitter.Table(emitter.Name(p.store.name), emitter.NoCreate()).Bind(from.Session(&gorm.Session{NewDB: true, Context: ctx})); err != nil {
		return err
	}
	r := p.record(ctx, fmt.Sprintf("pruning of records made before %s", p.o.OlderThan.Format(time.RFC3339)))
	p.first = r.ID
	return p.emitter.Emit(ctx, []audit.Record{r})
}

// reachAll moves the horizons of what is to be deleted from rows, which are the table's
// or a partition's: by type and by table, so that nothing is refused of which nothing is
// gone.
func (p *pruning) reachAll(ctx context.Context, rows string, seq int64) error {
	where, args := p.condition()
	found, err := p.store.db.QueryContext(ctx, "SELECT DISTINCT record_type, table_name FROM "+rows+" WHERE "+where, args...)
	if err != nil {
		return fmt.Errorf("auditplugin: records to prune: %w", err)
	}
	defer func() { _ = found.Close() }() // read to the end
	for found.Next() {
		var kind, table string
		if err := found.Scan(&kind, &table); err != nil {
			return fmt.Errorf("auditplugin: records to prune: %w", err)
		}
		names := []string{kind, tableHorizon + table}
		if len(p.o.Tables) > 0 {
			names = names[1:] // other tables may have records of the type
		}
		for _, name := range names {
			if name != everyType && name != tableHorizon {
				p.reach(name, horizon{Before: p.o.OlderThan, Seq: seq})
			}
		}
	}
	return found.Err()
}

// reach moves one horizon.
func (p *pruning) reach(name string, h horizon) {
	if p.o.KeepLast > 0 {
		p.left.kept[name] = addKept(p.left.kept[name], keptHorizon{h, p.last, p.o.KeepLast})
		return
	}
	p.left.horizons[name] = p.left.horizons[name].or(h)
}

// endTime is how long the last record may take when ctx has ended already.
const endTime = 10 * time.Second

func (p *pruning) end(ctx context.Context, failed error) error {
	outcome, how := audit.Success, "pruned"
	if failed != nil {
		outcome, how = audit.Failure, "pruning stopped after"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	withdrawn := p.done.Deleted == 0 && len(p.done.Partitions) == 0 && (p.untouched == nil || p.untouched(ctx))
	if withdrawn {
		p.left = p.before
	}
	r := p.record(ctx, fmt.Sprintf("%s %d records made before %s", how, p.done.Deleted, p.o.OlderThan.Format(time.RFC3339)))
	r.Outcome, r.Cause = outcome, p.first
	if withdrawn {
		r.Metadata[withdrawnMark] = true
	}
	return p.emitter.Emit(ctx, []audit.Record{r})
}

func (p *pruning) record(ctx context.Context, message string) audit.Record {
	r := eventOf(ctx)
	r.RecordType, r.Table, r.Message = pruneType, bareTable(p.store.name), message
	r.Metadata["horizons"], r.Metadata["kept"] = p.left.horizons, p.left.kept
	if !p.left.since.IsZero() {
		r.Metadata["since"] = p.left.since
	}
	r.Metadata["prune"] = map[string]any{
		"older_than": p.o.OlderThan, "types": p.o.Types, "tables": p.o.Tables, "keep_last": p.o.KeepLast, "deleted": p.done.Deleted, "partitions": p.done.Partitions,
	}
	return r
}
