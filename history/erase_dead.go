package history

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// deadLetters erases from records that a subscriber did not accept: those with the
// given ids, or else all that are about what was asked for, also if they are no longer
// in the audit table.
func (e *erasing) deadLetters(ctx context.Context, table string, ids []string, w what) error {
	columns := []string{"record_id", "record", "error"}
	erase := func(texts []string) ([]string, bool) { return e.deadLetter(texts, ids != nil, w) }
	if ids == nil {
		return e.texts(ctx, table, columns, erase, &e.done.DeadLetters)
	}
	q := e.store.quote
	quoted := []string{q("record_id"), q("record"), q("error")}
	for some := range slices.Chunk(ids, idsAtOnce) {
		marks, args := list(some)
		rows, err := e.readTexts(ctx, "SELECT "+q("id")+", "+strings.Join(quoted, ", ")+" FROM "+qualified(e.store.dialect, table)+
			" WHERE "+q("record_id")+" IN "+marks, len(columns), args...)
		if err != nil {
			return err
		}
		if err := e.writeTexts(ctx, table, quoted, rows, erase, &e.done.DeadLetters); err != nil {
			return err
		}
	}
	return nil
}

// deadLetter takes values out of one dead letter. asked tells that it is about a record
// that was found.
func (e *erasing) deadLetter(texts []string, asked bool, w what) ([]string, bool) {
	record, text := &texts[1], &texts[2]
	var r audit.Record
	d := json.NewDecoder(bytes.NewReader([]byte(*record)))
	d.UseNumber()
	readable := d.Decode(&r) == nil
	changed := false
	if readable {
		asked = asked || e.isActor(&r) || e.isBehalf(&r)
		if e.isOf(&r) {
			w.images, asked = true, true
		}
		if len(e.erase(&r, e.applies(&r, w))) > 0 {
			*record, changed = string(emitter.RecordJSON(r)), true
		}
	} else if e.holds(*record) {
		*record, changed = "", true
	}
	switch {
	case asked && *text != ErasedText:
		*text, changed = ErasedText, true
	case e.cut(text):
		changed = true
	}
	return texts, changed
}

// isOf reports whether a record is one that Records ask for, as far as that can be told
// of a record that is not in the audit table.
func (e *erasing) isOf(r *audit.Record) bool {
	if e.rows[auditedRow{bareTable(r.Table), r.RecordID}] {
		return true
	}
	return slices.ContainsFunc(e.families, func(f *family) bool {
		if r.Seq != 0 {
			return f.of(r) != nil
		}
		return slices.ContainsFunc(f.kin, func(k *kin) bool { return k.table.recordedAs(r.Table) && k.rows[r.RecordID] != nil })
	})
}

// lastErrors takes the last error's text, which may quote a record, from the
// subscribers of relays whose dead letters were looked at.
func (e *erasing) lastErrors(ctx context.Context) error {
	if e.first == "" {
		return nil
	}
	for _, table := range e.dead {
		name, ok := strings.CutSuffix(table, deadSuffix)
		if !ok {
			continue
		}
		positions := name + positionsSuffix
		if found, err := e.exists(ctx, positions); err != nil || !found {
			return err
		}
		query := "UPDATE " + qualified(e.store.dialect, positions) + " SET last_error = ? WHERE last_error <> '' AND last_error <> ?"
		if _, err := e.store.db.ExecContext(ctx, e.sql(query), ErasedText, ErasedText); err != nil {
			return fmt.Errorf("auditplugin: erasing the last errors: %w", err)
		}
	}
	return nil
}
