package history

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

// write writes the records of a batch, and the alerts about them.
func (e *erasing) write(ctx context.Context, todo []rewritten, ids []string, told int64) error {
	if err := e.inTransaction(ctx, func(tx *sql.Tx) error {
		statements := map[string]*sql.Stmt{}
		defer func() {
			for _, s := range statements {
				_ = s.Close() // the transaction's end closes it too
			}
		}()
		for _, r := range todo {
			if err := e.rewrite(ctx, tx, statements, r); err != nil {
				return err
			}
		}
		for _, table := range e.alerts {
			if err := e.eraseAlerts(ctx, tx, table, ids); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	e.done.Records += int64(len(todo))
	e.done.Alerts += told
	return nil
}

func (e *erasing) tell(before Erased) {
	if e.o.Progress != nil && (before.Records != e.done.Records || before.Alerts != e.done.Alerts || before.DeadLetters != e.done.DeadLetters) {
		e.o.Progress(e.sofar())
	}
}

// rewritten is a record and the columns that are to be written again.
type rewritten struct {
	*audit.Record
	changed []string
}

// jsonColumns are the ones of the audit table that hold values as JSON.
var jsonColumns = []string{"before", "after", "changes", "metadata"}

// rewrite writes the columns of a record.
func (e *erasing) rewrite(ctx context.Context, tx *sql.Tx, statements map[string]*sql.Stmt, r rewritten) error {
	var enc entry.Encoder
	var sets []string
	var args []any
	quote := e.store.quote
	for _, column := range r.changed {
		var v any
		mark := "?"
		switch column {
		case "before":
			v = enc.Object(r.Before, entry.MaxImage)
		case "after":
			v = enc.Object(r.After, entry.MaxImage)
		case "changes":
			v = enc.Changes(r.Changes, entry.MaxImage)
		case "metadata":
			v = enc.Object(r.Metadata, entry.MaxImage)
		case "message":
			v = entry.Cut(r.Message, entry.LongTextLimit)
		case "reason":
			v = entry.Cut(r.Reason, entry.LongTextLimit)
		case "actor_id":
			v = r.Actor.ID
		case "actor_name":
			v = entry.Cut(r.Actor.Name, entry.TextLimit)
		case "ip":
			v = entry.Cut(r.IP, entry.TextLimit)
		case "session_id":
			v = entry.Cut(r.Actor.SessionID, entry.TextLimit)
		case "on_behalf_of_id":
			v = r.Actor.OnBehalfOf.ID
		case "on_behalf_of_name":
			v = entry.Cut(r.Actor.OnBehalfOf.Name, entry.TextLimit)
		case "user_agent":
			v = entry.Cut(r.UserAgent, entry.WideTextLimit)
		}
		if slices.Contains(jsonColumns, column) {
			mark = cmp.Or(e.store.facts().DocumentMark, mark)
		}
		sets = append(sets, quote(column)+" = "+mark)
		args = append(args, v)
	}
	query := "UPDATE " + qualified(e.store.dialect, e.store.name) + " SET " + strings.Join(sets, ", ") + " WHERE seq = ?"
	statement := statements[query]
	if statement == nil {
		var err error
		if statement, err = tx.PrepareContext(ctx, e.sql(query)); err != nil {
			return fmt.Errorf("auditplugin: erasing: %w", err)
		}
		statements[query] = statement
	}
	if _, err := statement.ExecContext(ctx, append(args, r.Seq)...); err != nil {
		return fmt.Errorf("auditplugin: erasing from the record with seq %d: %w", r.Seq, err)
	}
	return nil
}

// inTransaction runs f, behind the record that says that it begins. A dry run does
// nothing.
func (e *erasing) inTransaction(ctx context.Context, f func(tx *sql.Tx) error) error {
	if e.o.DryRun {
		return nil
	}
	if err := e.begin(ctx); err != nil {
		return err
	}
	tx, err := e.store.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("auditplugin: erasing: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("auditplugin: erasing: %w", err)
	}
	return nil
}
