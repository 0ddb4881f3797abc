package audit

import (
	"context"
	"time"
)

// Observer is told what the plugin does, so that it can be counted and timed; see
// auditplugin.WithObserver. Functions that are nil are not called. They are called while
// a statement or a commit waits for them, some of them with locks held: they must return
// at once, must not use the database, and must be safe for concurrent use. A panic goes to
// the plugin's error handler and changes nothing else.
//
// No record, and nothing of a record's values, is given to an observer. Errors may wrap
// the driver's, whose text quotes values: tell them apart, do not show them.
type Observer struct {
	// Captured: a statement that writes to an audited table has run.
	Captured func(ctx context.Context, c Captured)
	// Committed: records are in the audit table for good, or, without one, a transaction
	// with records has committed. The context is that in which the transaction began. Of
	// transactions whose end the plugin does not see, it is called when the records are
	// written.
	Committed func(ctx context.Context, c Committed)
	// Flushed: records were written to the audit table inside a transaction, or were
	// refused there. Large transactions are written in several parts.
	Flushed func(ctx context.Context, records int, took time.Duration, err error)
	// Announced: an emitter was called after a commit. It is named as [Named] says.
	Announced func(ctx context.Context, emitter string, records int, took time.Duration, err error)
	// Lost: records could not be written and their changes were kept.
	Lost func(ctx context.Context, records int, cause error)
	// Refused: a write was refused. The error wraps one that package auditplugin names, such
	// as auditplugin.ErrActorRequired, or auditplugin.ErrAuditFailed for one that could not
	// be recorded.
	Refused func(ctx context.Context, reason error)
}

// Captured is one statement of the application.
type Captured struct {
	// Operation is "create", "update", "delete" or "raw". An upsert is a create.
	Operation string
	// Table is as [Count] has it.
	Table string
	// Rows is how many rows were seen to change, 0 for raw SQL.
	Rows int
	// Took is the time from before the statement until its records were made; the
	// statement itself is in it.
	Took time.Duration
	// Err is what the application gets, nil if the statement succeeded.
	Err error
}

// Committed is what one transaction, or one event outside of any, has recorded.
type Committed struct {
	// TransactionID is that of the records, "" outside of a transaction.
	TransactionID string
	// System is the database as OpenTelemetry names it ("postgresql", "mysql", "mariadb",
	// "sqlite"), or "other_sql".
	System string
	// Counts are all its records.
	Counts []Count
	// First are the first of them, at most [MostMentions].
	First []Mention
}

// MostMentions is how many records of a transaction are mentioned to an [Observer].
const MostMentions = 32

// Count is how many records there are of one action on one table.
type Count struct {
	Action Action
	// Table is the table of an audited model, without a schema, or one that an option names.
	// It is "" for every other, so that there are no more of them than models: names that
	// are made while the program runs would make no good label.
	Table string
	// Records is how many.
	Records int
}

// Mention names a record.
type Mention struct {
	ID     string
	Action Action
	// Table is as [Count] has it.
	Table string
}
