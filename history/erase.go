package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// EraseOptions say what [Erase] takes out of the records. Records, Actors and Values
// may be combined.
type EraseOptions struct {
	// Records are questions for records about the person's rows, such as
	// Of(db, &user).With("Addresses"). Of what they find, the columns' values before
	// and after, the changes, and the values in the metadata are erased. Columns of
	// the rows' keys, and the ones by which they belong to the row, are left, so that
	// the trail stays one. Limits, cursors and orders of the questions do not count.
	Records []Query
	// Columns narrows Records to some columns, by their names, alone ("phone") or with
	// their table's ("users.phone"); metadata is then left. Columns of keys that are
	// named here are erased too. Empty is all others.
	Columns []string
	// Texts makes Records erase message and reason as well.
	Texts bool
	// Actors are the person as one who did things: in the records of what they did,
	// actor name, client address, user agent and session are erased. An actor without an ID is
	// found by its Name; Type, if it is set, must be the record's.
	Actors []audit.Actor
	// ActorIDs erases the ids of Actors too. Without it, they go on telling what one
	// and the same person did.
	ActorIDs bool
	// Values are texts that are erased wherever they stand in any record: a value in
	// an image, the changes or the metadata as a whole, of texts (message, reason,
	// actor name, address, user agent, session) the part. They are compared exactly, and have
	// three characters at least. The whole table is read for them.
	Values []string
	// AlertTables and DeadTables name the outbox tables of package alert and the
	// tables of package relay for records that were not accepted, beside the audit
	// table; empty is their default names, audit_alerts and audit_relay_dead, where
	// they exist. A table that is named must exist.
	AlertTables, DeadTables []string
	// Batch is how many records are read and rewritten in one transaction; 0 is 500,
	// the most is 10,000.
	Batch int
	// Pause is how long to wait after each batch.
	Pause time.Duration
	// DryRun erases nothing and records nothing: what is returned, and told to
	// Progress, is what would be erased.
	DryRun bool
	// Progress is called after each batch that found something.
	Progress func(Erased)
}

// Erased is how far an erasure has come.
type Erased struct {
	// Records is how many records lost values, or would lose some.
	Records int64
	// Alerts and DeadLetters are how many rows of those tables did.
	Alerts, DeadLetters int64
	// Columns are where values stood: "users.phone", and "metadata", "actor_name" and
	// the like for what is no column of a row. They are sorted.
	Columns []string
}

// eraseType is the record type of what [Erase] records about itself.
const eraseType = "audit_erase"

const (
	defaultEraseBatch = 500
	// shortestValue keeps a slip from erasing everything.
	shortestValue = 3
)

// Erase takes a person's values out of the audit table, the alerts' outbox and the
// relay's dead letters, a batch at a time, each in a transaction of its own. The
// records stay: who changed which columns of which row, when.
//
//	ctx = audit.WithReason(ctx, "request 17: forget me")
//	done, err := history.Erase(ctx, db, history.EraseOptions{
//		Records: []history.Query{history.Of(db, &user).With("Addresses")},
//		Actors:  []audit.Actor{{ID: "42", Type: "user"}},
//		Values:  []string{user.Email},
//	})
//
// Erased values are marked: [Text], [Timeline] and [JSON] say "erased", and [AsOf] and
// the reverts fail with an [UnknownError] in which errors.Is finds [ErrErased], unless
// the row still holds the value ([Partial] and [SkipUnknown] go on without it).
// Masked values, hashes, and the lengths and hashes of values that were too long, are
// erased like others.
//
// What was erased stays on record: before the first change, and again at the end, it
// inserts a record with action event and type "audit_erase", with the actor and reason
// of ctx; the second says how many records lost values and in which columns, never
// which values or whose, and names the first as its cause. When nothing is found,
// nothing is recorded.
//
// It can be stopped with ctx, and called again to go on; what is erased already is not
// counted again. It needs SELECT, INSERT and UPDATE on the audit table, and SELECT and
// UPDATE on the others; it does not run inside a transaction. Mistakes are
// [ErrInvalidQuery]. What it cannot reach, such as log files, brokers and backups, is
// in docs/privacy.md.
func Erase(ctx context.Context, db *gorm.DB, o EraseOptions, opts ...Option) (Erased, error) {
	set := settingsOf(opts)
	if err := o.check(); err != nil {
		return Erased{}, err
	}
	s, q, err := storeOf(db, set)
	if err != nil {
		return Erased{}, err
	}
	e := &erasing{store: s, q: q, db: db, o: o, columns: map[string]bool{}, keys: map[string][]string{}, linked: map[string]map[string]bool{}, rows: map[auditedRow]bool{}, counted: map[int64]bool{}, countedTexts: map[string]bool{}, aliases: q.aliases}
	if err := e.findTables(ctx); err != nil {
		return Erased{}, err
	}
	err = e.run(ctx)
	return e.sofar(), errors.Join(err, e.end(ctx, err))
}

func (o *EraseOptions) check() error {
	switch {
	case len(o.Records) == 0 && len(o.Actors) == 0 && len(o.Values) == 0:
		return fmt.Errorf("%w: Erase: nothing to erase", ErrInvalidQuery)
	case o.Batch < 0 || o.Batch > maxBatch:
		return fmt.Errorf("%w: Erase: batches of %d", ErrInvalidQuery, o.Batch)
	case slices.Contains(o.Columns, ""):
		return fmt.Errorf("%w: Erase: a column without a name", ErrInvalidQuery)
	}
	for _, q := range o.Records {
		if q.err != nil {
			return q.err
		}
		if q.of == nil && len(q.conditions) == 0 && len(q.scopes) == 0 {
			return fmt.Errorf("%w: Erase: a question for all records", ErrInvalidQuery)
		}
	}
	for _, a := range o.Actors {
		if a.ID == "" && a.Name == "" {
			return fmt.Errorf("%w: Erase: an actor without an id and a name", ErrInvalidQuery)
		}
	}
	for _, v := range o.Values {
		if utf8.RuneCountInString(strings.TrimSpace(v)) < shortestValue {
			return fmt.Errorf("%w: Erase: a value of fewer than %d characters", ErrInvalidQuery, shortestValue)
		}
		if strings.Contains(ErasedText, v) {
			return fmt.Errorf("%w: Erase: a value that is the mark itself", ErrInvalidQuery)
		}
	}
	if o.Batch == 0 {
		o.Batch = defaultEraseBatch
	}
	return nil
}

// erasing is one call of Erase.
type erasing struct {
	store store
	q     Query
	db    *gorm.DB
	o     EraseOptions

	alerts, dead []string // tables
	aliases      []alias
	counted      map[int64]bool // records, by a dry run
	countedTexts map[string]bool
	done         Erased
	columns      map[string]bool
	keys         map[string][]string        // of tables, by name
	linked       map[string]map[string]bool // columns by which rows belong, by table
	rows         map[auditedRow]bool        // that were asked for by OfTable
	families     []*family                  // and by Of
	emitter      audit.Emitter
	first        string // id of the record about the beginning
}

func (e *erasing) sofar() Erased {
	done := e.done
	for name := range e.columns {
		done.Columns = append(done.Columns, name)
	}
	slices.Sort(done.Columns)
	return done
}

// begin records that it begins, before the first change.
func (e *erasing) begin(ctx context.Context) error {
	if e.first != "" || e.o.DryRun {
		return nil
	}
	from := e.db
	if e.q.in != nil {
		from = e.q.in
	}
	var err error
	if e.emitter, err = emitter.Table(emitter.Name(e.store.name), emitter.NoCreate()).Bind(from.Session(&gorm.Session{NewDB: true, Context: ctx})); err != nil {
		return err
	}
	r := e.record(ctx, "erasing values from records")
	if err := e.emitter.Emit(ctx, []audit.Record{r}); err != nil {
		return err
	}
	e.first = r.ID
	return nil
}

func (e *erasing) end(ctx context.Context, failed error) error {
	if e.first == "" {
		return nil
	}
	outcome, how := audit.Success, "erased values from"
	if failed != nil {
		outcome, how = audit.Failure, "erasing stopped after"
	}
	r := e.record(ctx, fmt.Sprintf("%s %d records, %d alerts and %d dead letters", how, e.done.Records, e.done.Alerts, e.done.DeadLetters))
	r.Outcome, r.Cause = outcome, e.first
	done := e.sofar()
	r.Metadata["erase"] = map[string]any{
		"records": done.Records, "alerts": done.Alerts, "dead_letters": done.DeadLetters, "columns": done.Columns,
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	return e.emitter.Emit(ctx, []audit.Record{r})
}

func (e *erasing) record(ctx context.Context, message string) audit.Record {
	r := eventOf(ctx)
	r.RecordType, r.Table, r.Message = eraseType, bareTable(e.store.name), message
	return r
}
