package history

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

func (e *erasing) run(ctx context.Context) error {
	for _, q := range e.o.Records {
		q.in, q.table = e.q.in, e.q.table
		f, err := e.about(ctx, q)
		if err != nil {
			return err
		}
		if err := e.pass(ctx, q, what{images: true}); err != nil {
			return err
		}
		if f != nil {
			if err := e.left(ctx, f); err != nil {
				return err
			}
		}
	}
	for _, a := range e.o.Actors {
		if err := e.pass(ctx, e.didBy(a), what{}); err != nil {
			return err
		}
	}
	if len(e.o.Values) > 0 {
		if err := e.pass(ctx, Search(e.db).at(e.q).where(e.containing), what{}); err != nil {
			return err
		}
		for _, table := range e.alerts {
			if err := e.alertTexts(ctx, table); err != nil {
				return err
			}
		}
	}
	for _, table := range e.dead {
		if err := e.deadLetters(ctx, table, nil, what{}); err != nil {
			return err
		}
	}
	return e.lastErrors(ctx)
}

// about takes note of the rows that a question is for, and of the columns that hold
// them together.
func (e *erasing) about(ctx context.Context, q Query) (*family, error) {
	if q.of == nil {
		return nil, nil
	}
	if q.row == nil {
		t, err := q.of(ctx)
		if err != nil {
			return nil, err
		}
		e.rows[auditedRow{t.table, t.recordID}] = true
		return nil, nil
	}
	f, err := q.family(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range f.kin {
		name := k.table.bare
		e.keys[name] = nil
		for _, i := range k.table.key {
			e.keys[name] = append(e.keys[name], k.table.columns[i].name)
		}
	}
	e.families = append(e.families, f)
	for table, columns := range f.linked {
		for name := range columns {
			if e.linked[table] == nil {
				e.linked[table] = map[string]bool{}
			}
			e.linked[table][name] = true
		}
	}
	return f, nil
}

// keysOf finds out which columns make up a table's key, so that they are left.
func (e *erasing) keysOf(ctx context.Context, table string) error {
	if _, known := e.keys[table]; known || table == "" {
		return nil
	}
	names, _, err := keyColumns(ctx, e.db.WithContext(ctx), nil, table)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		tbl, err := catalog.Load(ctx, e.db.Statement.ConnPool, e.db.Name(), "", table)
		if err != nil {
			return err
		}
		names = tbl.PrimaryKey
	}
	e.keys[table] = names
	return nil
}

// didBy asks for what an actor did.
func (e *erasing) didBy(a audit.Actor) Query {
	q := Search(e.db).at(e.q)
	if a.ID != "" {
		q = q.Actor(a.ID)
	} else {
		q = q.anyOf("Actors", "actor_name", []string{a.Name})
	}
	if a.Type != "" {
		q = q.ActorType(a.Type)
	}
	return q
}

func (e *erasing) isActor(r *audit.Record) bool {
	return slices.ContainsFunc(e.o.Actors, func(a audit.Actor) bool {
		return (a.ID == r.Actor.ID || a.ID == "" && a.Name == r.Actor.Name) && (a.Type == "" || a.Type == r.Actor.Type)
	})
}

// containing is the condition that one of the texts stands somewhere in a record.
func (e *erasing) containing(b *builder) (clause.Expression, error) {
	var found []clause.Expression
	for _, v := range e.o.Values {
		inJSON := quoteJSON(v)
		inJSON = inJSON[1 : len(inJSON)-1]
		for _, c := range []struct {
			text    string
			columns []string
		}{
			{inJSON, jsonColumns},
			{v, []string{"message", "reason", "actor_name", "ip", "user_agent"}},
		} {
			for _, name := range c.columns {
				sql := "instr(?, ?) > 0"
				switch b.dialect {
				case "postgres":
					sql = "strpos(CAST(? AS text), ?) > 0"
				case "mysql":
					sql = "INSTR(CAST(? AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin, ?) > 0"
				}
				found = append(found, clause.Expr{SQL: sql, Vars: []any{column(name), c.text}})
			}
		}
	}
	return oneOf(found), nil
}

// pass goes through the records that q finds.
func (e *erasing) pass(ctx context.Context, q Query, w what) error {
	q.limit, q.newest, q.after, q.asWritten = 0, false, "", true
	q, err := q.gathered(ctx)
	if err != nil {
		return err
	}
	e.aliases = append(e.aliases, q.aliases...)
	for {
		records, more, err := q.page(ctx, e.o.Batch)
		if err != nil {
			return err
		}
		if len(records) > 0 {
			if err := e.batch(ctx, records, w); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		q = q.After(q.Cursor(records[len(records)-1]))
		if err := wait(ctx, e.o.Pause); err != nil {
			return err
		}
	}
}

// wait pauses between batches.
func wait(ctx context.Context, d time.Duration) error {
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

// all of what applies to a record is erased at once, so that it is counted once.
func (e *erasing) applies(r *audit.Record, w what) what {
	w.actor = e.isActor(r)
	w.values = len(e.o.Values) > 0
	return w
}

// batch erases from some records, in one transaction, and from what was made of them.
func (e *erasing) batch(ctx context.Context, records []audit.Record, w what) error {
	var ids []string
	var todo []rewritten
	for i := range records {
		r := &records[i]
		if r.RecordType == eraseType || r.RecordType == pruneType {
			continue
		}
		if err := e.keysOf(ctx, r.Table); err != nil {
			return err
		}
		changed := e.erase(r, e.applies(r, w))
		if w.images || len(changed) > 0 || e.isActor(r) {
			ids = append(ids, r.ID)
		}
		if len(changed) > 0 && !e.counted[r.Seq] {
			todo = append(todo, rewritten{r, changed})
			if e.o.DryRun {
				e.counted[r.Seq] = true
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	before := e.done
	told, err := e.alertsAbout(ctx, ids)
	if err != nil {
		return err
	}
	if len(todo)+int(told) > 0 {
		if err := e.write(ctx, todo, ids, told); err != nil {
			return err
		}
	}
	for _, table := range e.dead {
		if err := e.deadLetters(ctx, table, ids, w); err != nil {
			return err
		}
	}
	e.tell(before)
	return nil
}

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
	quote := quoterOf(e.store.dialect)
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
		case "user_agent":
			v = entry.Cut(r.UserAgent, entry.WideTextLimit)
		}
		if slices.Contains(jsonColumns, column) && e.store.dialect == "postgres" {
			mark = "CAST(CAST(? AS text) AS jsonb)"
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
