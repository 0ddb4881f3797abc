package history

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// The names that packages alert and relay give their tables.
const (
	alertTable = "audit_alerts"
	deadTable  = "audit_relay_dead"
	// deadSuffix ends the name of the table of dead letters, positionsSuffix that of
	// the table beside it.
	deadSuffix      = "dead"
	positionsSuffix = "positions"
)

// findTables finds the tables that hold copies.
func (e *erasing) findTables(ctx context.Context) error {
	var err error
	if e.alerts, err = e.existing(ctx, e.o.AlertTables, alertTable); err != nil {
		return err
	}
	e.dead, err = e.existing(ctx, e.o.DeadTables, deadTable)
	return err
}

// existing returns the named tables, or else the one with the default name beside the
// audit table, if it is there.
func (e *erasing) existing(ctx context.Context, named []string, byDefault string) ([]string, error) {
	schemaName := schemaOfTable(e.store.name)
	names := named
	if len(named) == 0 {
		names = []string{strings.TrimPrefix(schemaName+"."+byDefault, ".")}
	}
	var found []string
	for _, name := range names {
		ok, err := e.exists(ctx, name)
		switch {
		case err != nil:
			return nil, err
		case ok:
			found = append(found, name)
		case len(named) > 0:
			return nil, fmt.Errorf("%w: Erase: there is no table %q", ErrInvalidQuery, name)
		}
	}
	return found, nil
}

func (e *erasing) exists(ctx context.Context, name string) (bool, error) {
	schemaName, table, qualified := strings.Cut(name, ".")
	if !qualified {
		schemaName, table = "", name
	}
	t, err := catalog.Load(ctx, e.store.db, e.store.dialect, schemaName, table)
	if err != nil {
		return false, err
	}
	return t.Kind != catalog.Missing, nil
}

// list quotes a list of as many placeholders, and turns texts into arguments.
func list(texts []string) (string, []any) {
	args := make([]any, len(texts))
	for i, text := range texts {
		args[i] = text
	}
	return "(" + strings.TrimSuffix(strings.Repeat("?,", len(texts)), ",") + ")", args
}

func (e *erasing) sql(query string) string { return dialect.Placeholders(e.store.dialect, query) }

// alertsAbout counts the messages about records of which the text is still there.
func (e *erasing) alertsAbout(ctx context.Context, ids []string) (int64, error) {
	var sum int64
	q := e.store.quote
	for _, table := range e.alerts {
		for some := range slices.Chunk(ids, idsAtOnce) {
			marks, args := list(some)
			rows, err := e.readTexts(ctx, "SELECT "+q("id")+", "+q("record")+" FROM "+qualified(e.store.dialect, table)+
				" WHERE "+q("record")+" IN "+marks+" AND "+q("body")+" <> ?", 1, append(args, ErasedText)...)
			if err != nil {
				return 0, err
			}
			sum += int64(len(e.fresh(table, rows)))
		}
	}
	return sum, nil
}

// fresh leaves out what a dry run has counted before.
func (e *erasing) fresh(table string, rows []textRow) []textRow {
	if !e.o.DryRun {
		return rows
	}
	return slices.DeleteFunc(rows, func(r textRow) bool {
		key := table + " " + strconv.FormatInt(r.id, 10)
		known := e.countedTexts[key]
		e.countedTexts[key] = true
		return known
	})
}

// eraseAlerts takes the words out of messages about records, those that are still to be
// sent included.
func (e *erasing) eraseAlerts(ctx context.Context, tx *sql.Tx, table string, ids []string) error {
	q := e.store.quote
	for some := range slices.Chunk(ids, idsAtOnce) {
		marks, args := list(some)
		query := "UPDATE " + qualified(e.store.dialect, table) + " SET " + q("subject") + " = ?, " + q("body") + " = ?, " + q("link") + " = '', " +
			q("error") + " = CASE WHEN " + q("error") + " = '' THEN '' ELSE ? END WHERE " + q("record") + " IN " + marks + " AND " + q("body") + " <> ?"
		args = append([]any{ErasedText, ErasedText, ErasedText}, append(args, ErasedText)...)
		if _, err := tx.ExecContext(ctx, e.sql(query), args...); err != nil {
			return fmt.Errorf("auditplugin: erasing from alerts: %w", err)
		}
	}
	return nil
}

// alertTexts takes the values out of messages about other records.
func (e *erasing) alertTexts(ctx context.Context, table string) error {
	columns := []string{"subject", "body", "link", "error"}
	return e.texts(ctx, table, columns, func(texts []string) ([]string, bool) {
		changed := false
		for i := range texts {
			if e.cut(&texts[i]) {
				changed = true
				if columns[i] == "link" { // a part of one leads nowhere
					texts[i] = ""
				}
			}
		}
		return texts, changed
	}, &e.done.Alerts)
}

// texts goes through a table by its id and writes the texts that f changes, a batch in
// a transaction.
func (e *erasing) texts(ctx context.Context, table string, columns []string, f func(texts []string) ([]string, bool), count *int64) error {
	q := e.store.quote
	quoted := make([]string, len(columns))
	for i, name := range columns {
		quoted[i] = q(name)
	}
	behind := int64(-1)
	for {
		rows, err := e.readTexts(ctx, "SELECT "+q("id")+", "+strings.Join(quoted, ", ")+" FROM "+qualified(e.store.dialect, table)+
			" WHERE "+q("id")+" > ? ORDER BY "+q("id")+" LIMIT "+strconv.Itoa(e.o.Batch), len(columns), behind)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := e.writeTexts(ctx, table, quoted, rows, f, count); err != nil {
			return err
		}
		behind = rows[len(rows)-1].id
		if len(rows) < e.o.Batch {
			return nil
		}
		if err := wait(ctx, e.o.Pause); err != nil {
			return err
		}
	}
}

// textRow is a row's id and some of its texts.
type textRow struct {
	id    int64
	texts []string
}

func (e *erasing) readTexts(ctx context.Context, query string, columns int, args ...any) ([]textRow, error) {
	found, err := e.store.db.QueryContext(ctx, e.sql(query), args...)
	if err != nil {
		return nil, fmt.Errorf("auditplugin: texts to erase: %w", err)
	}
	defer func() { _ = found.Close() }() // read to the end
	var rows []textRow
	for found.Next() {
		r := textRow{texts: make([]string, columns)}
		into := []any{&r.id}
		for i := range r.texts {
			into = append(into, &r.texts[i])
		}
		if err := found.Scan(into...); err != nil {
			return nil, fmt.Errorf("auditplugin: texts to erase: %w", err)
		}
		rows = append(rows, r)
	}
	return rows, found.Err()
}

func (e *erasing) writeTexts(ctx context.Context, table string, quoted []string, rows []textRow, f func([]string) ([]string, bool), count *int64) error {
	var changed []textRow
	for _, r := range rows {
		if texts, ok := f(r.texts); ok {
			changed = append(changed, textRow{r.id, texts})
		}
	}
	if changed = e.fresh(table, changed); len(changed) == 0 {
		return nil
	}
	query := "UPDATE " + qualified(e.store.dialect, table) + " SET " + strings.Join(quoted, " = ?, ") + " = ? WHERE " + e.store.quote("id") + " = ?"
	if err := e.inTransaction(ctx, func(tx *sql.Tx) error {
		for _, r := range changed {
			_, args := list(r.texts)
			if _, err := tx.ExecContext(ctx, e.sql(query), append(args, r.id)...); err != nil {
				return fmt.Errorf("auditplugin: erasing from table %q: %w", bareTable(table), err)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	before := e.done
	*count += int64(len(changed))
	e.tell(before)
	return nil
}
