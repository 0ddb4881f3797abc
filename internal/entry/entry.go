// Package entry holds audit records in the form in which the audit table stores
// them: texts of limited size that every database accepts, and JSON. The table
// emitter writes entries; the plugin makes them of the images that it has read,
// which spares it the maps of an audit.Record that nobody else would look at.
package entry

import (
	"context"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

// The places of the audit table's columns, all but seq, in their order.
const (
	AtID = iota
	AtTime
	AtAction
	AtOutcome
	AtRecordType
	AtTable
	AtRecordID
	AtBefore
	AtAfter
	AtChanged
	AtChanges
	AtMessage
	AtReason
	AtActorID
	AtActorType
	AtActorName
	AtTransactionID
	AtRequestID
	AtIP
	AtUserAgent
	AtTraceID
	AtSpanID
	AtApplication
	AtHost
	AtMetadata
	AtSource
	AtCause
	AtVersion
	AtTenant
	AtSessionID
	AtOnBehalfOfID
	AtOnBehalfOfType
	AtOnBehalfOfName
	// Columns is how many there are.
	Columns
)

// Entry is one record. What the records of a statement mostly have in common is in
// Shared.
type Entry struct {
	Shared       *Shared
	ID, RecordID string
	// Before, After, Changed and Changes are JSON, "" for none.
	Before, After, Changed, Changes string
	Cause                           string
}

// Shared is what several entries have in common. It is not changed once made.
type Shared struct {
	Time    time.Time
	Version int
	// Texts are by column; "" at those that an entry has itself. An empty text is
	// NULL in a JSON column.
	Texts [Columns]string
	size  int
	// Source is as the record has it, for messages.
	Source audit.Source
}

// Action is what became of the rows.
func (s *Shared) Action() audit.Action { return audit.Action(s.Texts[AtAction]) }

// Table is the changed table.
func (s *Shared) Table() string { return s.Texts[AtTable] }

// Writer is a bound emitter that takes entries in the place of records.
type Writer interface {
	// WriteEntries does for entries what EmitTx does for the records they were
	// made of.
	WriteEntries(ctx context.Context, conn audit.Conn, entries []Entry) error
	// ColumnLimit is how large a JSON column may be.
	ColumnLimit() int
}

// Reader is a bound emitter that can read back what it wrote.
type Reader interface {
	// ReadsBack reports whether it may.
	ReadsBack() bool
	// Count is how many records of a transaction there are.
	Count(ctx context.Context, conn audit.Conn, transactionID string) (int, error)
	// ReadBack calls f with the first n records of a committed transaction, in order, in
	// batches. While f runs, no connection is held. It returns how many it read; an error
	// of f ends it.
	ReadBack(ctx context.Context, conn audit.Conn, transactionID string, n int, f func([]audit.Record) error) (int, error)
}

// Text is a column's text. The time and the version have none.
func (e *Entry) Text(at int) string {
	switch at {
	case AtID:
		return e.ID
	case AtRecordID:
		return e.RecordID
	case AtBefore:
		return e.Before
	case AtAfter:
		return e.After
	case AtChanged:
		return e.Changed
	case AtChanges:
		return e.Changes
	case AtCause:
		return e.Cause
	}
	return e.Shared.Texts[at]
}

// IsJSON reports whether a column holds JSON, where "" stands for NULL.
func IsJSON(at int) bool {
	return at >= AtBefore && at <= AtChanges || at == AtMetadata || at == AtSource
}

// Size is about how many bytes the entry takes in a statement.
func (e *Entry) Size() int {
	return e.Shared.size + len(e.ID) + len(e.RecordID) + len(e.Before) + len(e.After) + len(e.Changed) + len(e.Changes) + len(e.Cause)
}

// About says what the entry is about, with the texts cut and without its images.
func (e *Entry) About() audit.Record {
	s := e.Shared
	return audit.Record{
		ID: e.ID, Action: s.Action(), RecordType: s.Texts[AtRecordType], Table: s.Table(), RecordID: e.RecordID,
		TransactionID: s.Texts[AtTransactionID], Source: s.Source,
	}
}

// Like reports whether s says the same as other, but for the time.
func (s *Shared) Like(other *Shared) bool {
	return s == other || s.Version == other.Version && s.Texts == other.Texts
}

// Of returns s for records of another table or action. tenant is that of the table.
func (s *Shared) Of(action audit.Action, recordType, table, tenant string) *Shared {
	o := *s
	o.Texts[AtAction] = Cut(string(action), TextLimit)
	o.Texts[AtRecordType] = Cut(recordType, TextLimit)
	o.Texts[AtTable] = Cut(table, TextLimit)
	o.Texts[AtTenant] = Cut(tenant, TextLimit)
	o.measure()
	return &o
}

func (s *Shared) measure() {
	s.size = 2 * Columns
	for _, text := range &s.Texts {
		s.size += len(text)
	}
}
