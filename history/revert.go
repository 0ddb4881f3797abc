package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// Reverted is what a revert did, or, as a [DryRun], would do.
type Reverted struct {
	// Steps are in the order in which they were taken.
	Steps []RevertStep
	// DryRun tells that everything was rolled back.
	DryRun bool
}

// RevertStep is what was done to one row.
type RevertStep struct {
	// Record is the record that was undone; for RevertTo the first of them.
	Record audit.Record
	// Action is what was done: create, update or delete; empty when the row already
	// was as it should be.
	Action audit.Action
	// Table and RecordID name the row as it was before the step.
	Table, RecordID string
	// Association is the one, of those given by [With], to which the row belongs;
	// empty for the row itself.
	Association string
	// Changes are what became of the row, as the database stores it, redacted like
	// records.
	Changes []audit.Change
	// Differs are columns that were set back and that the database stores otherwise: a
	// trigger has changed them, they are generated, or their type has become narrower.
	Differs []string
	// Left are columns that were not set back: unknown ones under SkipUnknown, never
	// recorded ones of a row that was inserted again, and times that a trigger seems to
	// set on each update.
	Left []string
}

// errRollback ends a dry run.
var errRollback = errors.New("auditplugin: dry run")

// Revert undoes the change that r recorded, and the ones that it caused through
// foreign keys, in one transaction:
//
//	create                        the row is deleted
//	update, soft_delete, restore  the changed columns are set back, no others
//	delete                        the row is inserted again, with its key
//
// The row is in the table that the record names; where that is in several schemas and
// the record does not say which, db.Table("schema.table") does, or it is refused with
// [ErrNotRevertible]. It writes through GORM, so that with the plugin installed on db
// the revert is recorded, with the actor and reason of ctx and r's id as its cause.
// Hooks do not run and no timestamp is touched: columns get exactly the values they
// had, also those that GORM may not write. Only times that are set on every update
// (autoUpdateTime, ON UPDATE, read-only fields, triggers) are left alone when they were
// set again since, and version columns, such as optimisticlock's, count on. The rows
// are read back and compared with what was meant: see [RevertStep].Differs. r is read
// again from the audit table by its id; r's other fields do not matter. Inside a
// transaction, the revert is part of it.
//
// The rows are locked, and must be as r left them: otherwise Revert fails with a
// [ConflictError] and changes nothing, see [Force]. A column that already has its
// old value is no conflict. Old values that are masked, hashed or too long for the
// records make it fail with an [UnknownError], see [SkipUnknown]; events, and raw SQL of
// which companion triggers did not record each row, with [ErrNotRevertible]; a table without a known model with [ErrNoModel], see
// [Models]. Errors of the database, such as unique keys and foreign keys that stand
// in the way, are passed through.
func Revert(ctx context.Context, db *gorm.DB, r audit.Record, opts ...Option) (Reverted, error) {
	set := settingsOf(opts)
	if err := set.alone("Revert"); err != nil {
		return Reverted{}, err
	}
	q := set.ask(Search(db))
	r, err := q.ID(r.ID).First(ctx)
	if err != nil {
		return Reverted{}, fmt.Errorf("auditplugin: the record to undo: %w", err)
	}
	records := []audit.Record{r}
	if r.TransactionID != "" {
		if records, err = withConsequences(ctx, q, r); err != nil {
			return Reverted{}, err
		}
	}
	return revert(ctx, db, set, records)
}

// withConsequences adds what r caused in the same transaction: cascades, not the
// reverts of r, which have it for a cause too.
func withConsequences(ctx context.Context, q Query, r audit.Record) ([]audit.Record, error) {
	records := []audit.Record{r}
	known := map[string]audit.Record{r.ID: r}
	q = q.Transaction(r.TransactionID)
	if r.Action == audit.Raw { // what triggers recorded of its rows stands before it
		caused, err := q.Cause(r.ID).Newest().Find(ctx)
		return append(records, caused...), err
	}
	// What a change caused was written down behind it.
	for c, err := range q.behind(r.Seq).All(ctx) {
		if err != nil {
			return nil, err
		}
		if parent, ok := known[c.Cause]; ok && isConsequence(c, parent) {
			records, known[c.ID] = append(records, c), c
		}
	}
	return records, nil
}

func isConsequence(c, parent audit.Record) bool {
	return c.Cause == parent.ID && (c.Table != parent.Table || c.RecordID != parent.RecordID)
}

// RevertTransaction undoes everything that a transaction did, last change first,
// in one transaction, except that rows are there before others refer to them, and go
// when none does. Foreign keys that lead in a circle are set in a second step, or
// checked at the end where the database can. Otherwise it is like [Revert]. Events in it, such as sign-ins,
// are passed over, except those that say that rows were changed unrecorded.
// The transaction's records are held in memory. It fails with [ErrNotFound] when no
// record has the transaction id.
func RevertTransaction(ctx context.Context, db *gorm.DB, transactionID string, opts ...Option) (Reverted, error) {
	set := settingsOf(opts)
	if err := set.alone("RevertTransaction"); err != nil {
		return Reverted{}, err
	}
	if transactionID == "" {
		return Reverted{}, fmt.Errorf("%w: RevertTransaction: no transaction id", ErrInvalidQuery)
	}
	records, err := set.ask(Search(db)).Transaction(transactionID).Oldest().Find(ctx)
	if err != nil {
		return Reverted{}, err
	}
	if len(records) == 0 {
		return Reverted{}, fmt.Errorf("%w: transaction %q", ErrNotFound, transactionID)
	}
	return revert(ctx, db, set, undoOrder(records))
}

// undoOrder puts the last change first, and what a change caused right behind it,
// since a parent must be there before its children are, and first.
func undoOrder(records []audit.Record) []audit.Record {
	byID := make(map[string]int, len(records))
	for i, r := range records {
		byID[r.ID] = i
	}
	caused := make(map[int][]int)
	var roots []int
	for i, r := range records {
		if parent, ok := byID[r.Cause]; ok && parent != i && isConsequence(r, records[parent]) {
			caused[parent] = append(caused[parent], i)
			continue
		}
		roots = append(roots, i)
	}
	ordered := make([]audit.Record, 0, len(records))
	var visit func(i int)
	visit = func(i int) {
		ordered = append(ordered, records[i])
		if records[i].Action == audit.Raw { // one statement's, each of which may be of the same row
			slices.Reverse(caused[i])
		}
		for _, c := range caused[i] {
			visit(c)
		}
	}
	for n := len(roots) - 1; n >= 0; n-- {
		visit(roots[n])
	}
	return ordered
}

// revert undoes the records in the given order.
func revert(ctx context.Context, db *gorm.DB, set settings, records []audit.Record) (Reverted, error) {
	return inTransaction(ctx, db, set, func(v *reverter) error {
		told, err := v.told(ctx, records)
		if err != nil {
			return err
		}
		var todo []audit.Record
		for _, r := range records {
			if err := revertible(r); err != nil && !told[r.ID] {
				if set.revert.force {
					continue
				}
				return err
			}
			if r.Action != audit.Event && r.Action != audit.Raw {
				todo = append(todo, r)
			}
		}
		undoings := make([]*undoing, len(todo))
		for n, r := range todo {
			var err error
			if undoings[n], err = v.prepare(ctx, r); err != nil {
				return err
			}
		}
		ordered, err := v.order(ctx, undoings)
		if err != nil {
			return err
		}
		if err := v.undoAll(ctx, ordered); err != nil {
			return err
		}
		return v.checkDeferred(ctx)
	})
}

// inTransaction runs f in a transaction, or, inside one, under a savepoint.
func inTransaction(ctx context.Context, db *gorm.DB, set settings, f func(v *reverter) error) (Reverted, error) {
	tx, err := session(ctx, db)
	if err != nil {
		return Reverted{}, err
	}
	tx.DisableNestedTransaction = false // a session's own; a savepoint is what makes it all or nothing
	named, err := namedTable(db, nil)
	if err != nil {
		return Reverted{}, err
	}
	isolation, err := isolationOf(ctx, tx)
	if err != nil {
		return Reverted{}, err
	}
	done := Reverted{DryRun: set.revert.dryRun}
	err = tx.Transaction(func(tx *gorm.DB) error {
		v := &reverter{db: tx, named: named, settings: set, done: &done, tables: map[string]*rowTable{}}
		if err := v.lock(ctx); err != nil {
			return err
		}
		if err := f(v); err != nil {
			return err
		}
		if err := v.checkColumns(); err != nil {
			return err
		}
		if set.revert.dryRun {
			return errRollback
		}
		return nil
	}, isolation)
	if err != nil && !errors.Is(err, errRollback) {
		return Reverted{}, err
	}
	return done, nil
}

// isolationOf is READ COMMITTED on MySQL 8 and later, where a look at the catalog fixes what
// a transaction of the default isolation sees: changes that rows are waited for would be
// written over unseen. nil leaves the default, which is that of PostgreSQL anyway.
func isolationOf(ctx context.Context, tx *gorm.DB) (*sql.TxOptions, error) {
	if _, inside := tx.Statement.ConnPool.(gorm.TxCommitter); inside || !dialect.FactsOf(tx.Name()).CatalogMayFix {
		return nil, nil
	}
	server, err := catalog.LoadServer(ctx, tx.Statement.ConnPool, tx.Name())
	if err != nil || !dialect.Of(server).CatalogFixesSnapshot {
		return nil, err
	}
	return &sql.TxOptions{Isolation: sql.LevelReadCommitted}, nil
}
