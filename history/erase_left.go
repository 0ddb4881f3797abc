package history

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
)

// leaving is a row that belonged until a record, and what of it has changed since.
type leaving struct {
	until, next int64
	over        bool
	changed     map[string]bool
}

// left erases what the values were before the first changes that rows saw after they
// belonged to somebody else: those were set while they belonged.
func (e *erasing) left(ctx context.Context, f *family) error {
	for _, k := range f.kin {
		rows := map[string][]*leaving{}
		behind := int64(math.MaxInt64)
		for recordID, m := range k.rows {
			for i, s := range m.spans {
				if s.until == math.MaxInt64 {
					continue
				}
				l := &leaving{until: s.until, next: math.MaxInt64, changed: map[string]bool{}}
				if i+1 < len(m.spans) {
					l.next = m.spans[i+1].from
				}
				rows[recordID] = append(rows[recordID], l)
				behind = min(behind, s.until)
			}
		}
		for some := range slices.Chunk(slices.Sorted(maps.Keys(rows)), idsAtOnce) {
			q := k.table.q.ofTable(k.table.name).rows().behind(behind).anyOf("record", "record_id", some)
			if err := e.leftBy(ctx, q, rows); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *erasing) leftBy(ctx context.Context, q Query, rows map[string][]*leaving) error {
	q.asWritten = true
	var todo []rewritten
	flush := func() error {
		err := e.rewriteAll(ctx, todo)
		todo = nil
		return err
	}
	for r, err := range q.All(ctx) {
		if err != nil {
			return err
		}
		for _, l := range rows[r.RecordID] {
			if l.over || r.Seq <= l.until || r.Seq >= l.next {
				continue
			}
			changed := e.eraseBefore(&r, l)
			if len(changed) == 0 {
				continue
			}
			for _, column := range e.erase(&r, e.applies(&r, what{})) {
				if !slices.Contains(changed, column) {
					changed = append(changed, column)
				}
			}
			if !e.counted[r.Seq] {
				todo = append(todo, rewritten{&r, changed})
				if e.o.DryRun {
					e.counted[r.Seq] = true
				}
			}
		}
		if len(todo) >= e.o.Batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// eraseBefore erases what columns were that have not changed since the row was left.
func (e *erasing) eraseBefore(r *audit.Record, l *leaving) (changed []string) {
	l.over = r.Action == audit.Create || r.Action == audit.Delete
	if r.Action == audit.Create {
		return nil
	}
	hers := map[string]bool{}
	for column, v := range r.Before {
		if l.changed[column] || !e.erases(r, column) {
			continue
		}
		hers[column] = true
		if v != nil && !isErased(v) {
			r.Before[column] = erasedMark()
			e.columns[bareTable(r.Table)+"."+column] = true
			changed = []string{"before"}
		}
	}
	for column := range hers {
		l.changed[column] = true
	}
	var left []audit.Change
	touched := false
	for _, c := range r.Changes {
		path := diffpath.Split(c.Path)
		if len(path) == 0 || !hers[path[0]] || len(path) == 1 && (c.From == nil || isErased(c.From)) {
			left = append(left, c)
			continue
		}
		touched = true
		if len(path) == 1 {
			left = append(left, audit.Change{Path: c.Path, From: erasedMark(), To: c.To})
			continue
		}
		whole := audit.Change{Path: diffpath.Join(path[:1]), From: erasedMark(), To: r.After[path[0]]}
		if !slices.ContainsFunc(left, func(known audit.Change) bool { return known.Path == whole.Path }) {
			left = append(left, whole)
		}
	}
	if touched {
		r.Changes = left
		changed = append(changed, "changes")
	}
	return changed
}

// rewriteAll writes records, and what was made of them.
func (e *erasing) rewriteAll(ctx context.Context, todo []rewritten) error {
	if len(todo) == 0 {
		return nil
	}
	before := e.done
	ids := make([]string, len(todo))
	for i, r := range todo {
		ids[i] = r.ID
	}
	told, err := e.alertsAbout(ctx, ids)
	if err != nil {
		return err
	}
	if err := e.write(ctx, todo, ids, told); err != nil {
		return err
	}
	for _, table := range e.dead {
		if err := e.deadLettersAgain(ctx, table, todo); err != nil {
			return err
		}
	}
	e.tell(before)
	return nil
}

// deadLettersAgain writes the letters of records as the records are now.
func (e *erasing) deadLettersAgain(ctx context.Context, table string, todo []rewritten) error {
	q := e.store.quote
	byID := map[string]*audit.Record{}
	var ids []string
	for _, r := range todo {
		byID[r.ID] = r.Record
		ids = append(ids, r.ID)
	}
	quoted := []string{q("record_id"), q("record"), q("error")}
	for some := range slices.Chunk(ids, idsAtOnce) {
		marks, args := list(some)
		rows, err := e.readTexts(ctx, "SELECT "+q("id")+", "+quoted[0]+", "+quoted[1]+", "+quoted[2]+" FROM "+qualified(e.store.dialect, table)+
			" WHERE "+quoted[0]+" IN "+marks, len(quoted), args...)
		if err != nil {
			return err
		}
		again := func(texts []string) ([]string, bool) {
			r := byID[texts[0]]
			if r == nil {
				return texts, false
			}
			return []string{texts[0], string(emitter.RecordJSON(*r)), ErasedText}, true
		}
		if err := e.writeTexts(ctx, table, quoted, rows, again, &e.done.DeadLetters); err != nil {
			return fmt.Errorf("auditplugin: dead letters of records: %w", err)
		}
	}
	return nil
}
