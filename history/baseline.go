package history

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// BaselineOptions say which rows [Baseline] records, and how fast.
type BaselineOptions struct {
	// Batch is how many rows one transaction reads and records; 0 is 500, the most is
	// 5,000.
	Batch int
	// Pause is how long to wait after each batch.
	Pause time.Duration
	// Behind is the record id of the last row that is not wanted again:
	// [BaselineProgress].Last of a run that was stopped. Empty is the beginning.
	Behind string
	// Again records rows that have records already, too.
	Again bool
	// Without are columns that are not to be recorded: those that the plugin is told
	// to leave out (auditplugin.WithoutColumns), by name. Tags hold in any case.
	Without []string
	// Scopes narrow the rows.
	Scopes []func(*gorm.DB) *gorm.DB
	// Progress is called after each batch.
	Progress func(BaselineProgress)
}

// BaselineProgress is how far a baseline has come.
type BaselineProgress struct {
	// Rows is how many rows were read, Recorded how many of them got a record.
	Rows, Recorded int64
	// Last is the record id of the last row read.
	Last string
}

const (
	defaultBaseline = 500
	maxBaseline     = 5000
)

// Baseline records the rows of a table that exist already, so that the trail knows them
// before they change for the first time. model is the rows' model; the table is the one
// that db names with Table, or else the model's.
//
//	done, err := history.Baseline(ctx, db, &User{}, history.BaselineOptions{})
//
// Each row that has no record yet gets one: an event about the row, with the whole row
// in After, redacted like any record, "baseline": true in its metadata and the message
// "baseline of user 42", or that of ctx. It is no create, since nothing was created: no
// alert about creations hears of it, and undoing passes it over. From it on, [AsOf],
// [AsOfAll], [Versions] and [Diff] know the row, whatever becomes of it unrecorded.
// Unless an event says already since when the table's changes are recorded, it first
// writes one: about no row, with "trail_begins": true in its metadata.
//
// Rows are read in the order of their key, a batch at a time, each in a transaction of
// its own that locks them (not in one that is open: it is then refused with
// [ErrInvalidQuery]). It can be stopped with ctx and called again: rows with records are
// passed over, and Behind saves reading them. What is returned says how far it came, with
// an error too. Only the audit table hears of the records, and no other emitter. Needed
// are SELECT on the table, with UPDATE on servers for the lock, and INSERT and SELECT on
// the audit table.
func Baseline(ctx context.Context, db *gorm.DB, model any, o BaselineOptions, opts ...Option) (BaselineProgress, error) {
	b := &baseline{ctx: ctx, o: o, set: settingsOf(opts)}
	if o.Batch < 0 || o.Batch > maxBaseline {
		return b.done, fmt.Errorf("%w: Baseline: batches of %d", ErrInvalidQuery, o.Batch)
	}
	if o.Batch == 0 {
		b.o.Batch = defaultBaseline
	}
	s, err := schemaIn(db, model)
	if err != nil {
		return b.done, err
	}
	if b.t, err = openModel(ctx, db, b.set, s); err != nil {
		return b.done, err
	}
	if _, open := db.Statement.ConnPool.(gorm.TxCommitter); open {
		return b.done, fmt.Errorf("%w: Baseline: inside a transaction", ErrInvalidQuery)
	}
	from := db
	if b.t.q.in != nil {
		from = b.t.q.in
	}
	name := b.t.q.auditTable()
	if b.emitter, err = emitter.Table(emitter.Name(name), emitter.NoCreate()).Bind(from.Session(&gorm.Session{NewDB: true, Context: ctx})); err != nil {
		return b.done, err
	}
	if err := b.begin(); err != nil {
		return b.done, err
	}
	return b.done, b.run(db)
}

// baseline is one call of Baseline.
type baseline struct {
	ctx     context.Context // lives as long as the call
	set     settings
	o       BaselineOptions
	t       *rowTable
	emitter audit.Emitter
	behind  []any
	done    BaselineProgress
}

// begin says since when changes are recorded, unless something says so.
func (b *baseline) begin() error {
	if b.o.Behind != "" {
		key := b.t.keyOfID(b.o.Behind)
		if key == nil {
			return fmt.Errorf("%w: Baseline: Behind names no row of table %q", ErrInvalidQuery, b.t.bare)
		}
		b.behind, b.done.Last = key, b.o.Behind
	}
	began, err := b.t.beginning(b.ctx)
	if err != nil || began != nil {
		return err
	}
	r := b.record(uuid.Must(uuid.NewV7()).String())
	r.Message = fmt.Sprintf("changes of table %s are recorded from here on", b.t.bare)
	r.Metadata[trailBegins] = true
	return b.emitter.Emit(b.ctx, []audit.Record{r})
}

func (b *baseline) run(db *gorm.DB) error {
	for {
		n := 0
		err := db.Session(&gorm.Session{NewDB: true, Context: b.ctx}).Transaction(func(tx *gorm.DB) (err error) {
			n, err = b.batch(tx)
			return err
		})
		if err != nil {
			return err
		}
		if b.o.Progress != nil {
			b.o.Progress(b.done)
		}
		if n < b.o.Batch {
			return nil
		}
		if err := pause(b.ctx, b.o.Pause); err != nil {
			return err
		}
	}
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// batch records the next rows in a transaction that locks them, so that no change can
// come between what is read and its record.
func (b *baseline) batch(tx *gorm.DB) (int, error) {
	t := *b.t
	t.db = tx.Session(&gorm.Session{NewDB: true, Context: b.ctx})
	t.q = b.set.ask(Search(t.db))
	if err := (&reverter{db: tx, settings: b.set}).lock(b.ctx); err != nil {
		return 0, err
	}
	rows, err := b.read(&t)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	ids := make([]string, len(rows))
	for n, raw := range rows {
		id, err := t.identify(t.keyOf(raw))
		if err != nil {
			return 0, err
		}
		ids[n] = id.recordID
	}
	known := map[string]bool{}
	if !b.o.Again {
		found, err := t.recordIDs(b.ctx, t.q.ofTable(t.name).rows().anyOf("record", "record_id", ids), 0)
		if err != nil {
			return 0, err
		}
		for _, id := range found {
			known[id] = true
		}
	}
	transaction := uuid.Must(uuid.NewV7()).String()
	var records []audit.Record
	for n, raw := range rows {
		if known[ids[n]] {
			continue
		}
		r := b.record(transaction)
		r.RecordID = ids[n]
		if r.Message == "" {
			r.Message = fmt.Sprintf("baseline of %s %s", r.RecordType, r.RecordID)
		}
		r.Metadata[baselineMark] = true
		if r.After, err = b.image(&t, raw); err != nil {
			return 0, err
		}
		records = append(records, r)
	}
	if err := b.emit(&t, records); err != nil {
		return 0, err
	}
	last := rows[len(rows)-1]
	b.behind, b.done.Last = t.keyOf(last), ids[len(ids)-1]
	b.done.Rows += int64(len(rows))
	b.done.Recorded += int64(len(records))
	return len(rows), nil
}

func (b *baseline) emit(t *rowTable, records []audit.Record) error {
	if len(records) == 0 {
		return nil
	}
	if e, ok := b.emitter.(audit.TxEmitter); ok && t.q.in == nil {
		return e.EmitTx(b.ctx, t.db.Statement.ConnPool, records)
	}
	return b.emitter.Emit(b.ctx, records)
}

func (b *baseline) read(t *rowTable) ([][]any, error) {
	var where clause.Expression
	if b.behind != nil {
		last := make([]any, len(t.key))
		for n, k := range t.key {
			var err error
			if last[n], err = t.argument(b.ctx, k, b.behind[n]); err != nil {
				return nil, err
			}
		}
		where = t.behindKey(last)
	}
	return t.selectRows(b.ctx, func(tx *gorm.DB) *gorm.DB {
		for _, k := range t.key {
			tx = tx.Order(clause.OrderByColumn{Column: clause.Column{Name: t.columns[k].name}})
		}
		if where != nil {
			tx = tx.Where(where)
		}
		switch {
		case t.tbl.Kind == catalog.View || !t.tbl.CanLock:
		case t.facts.KeepStrength != "":
			tx = tx.Clauses(clause.Locking{Strength: t.facts.KeepStrength})
		}
		return tx.Scopes(b.o.Scopes...).Limit(b.o.Batch)
	})
}
