package history

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/catalog"
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
		for _, q := range []Query{e.didBy(a), e.doneFor(a)} {
			if err := e.pass(ctx, q, what{}); err != nil {
				return err
			}
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
		e.rows[auditedRow{bareTable(t.table), t.recordID}] = true
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
	bare := bareTable(table)
	if _, known := e.keys[bare]; known || table == "" {
		return nil
	}
	names, _, err := keyColumns(ctx, e.db.WithContext(ctx), nil, table)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		tbl, err := catalog.Load(ctx, e.db.Statement.ConnPool, e.db.Name(), schemaOfTable(table), bare)
		if err != nil {
			return err
		}
		names = tbl.PrimaryKey
	}
	e.keys[bare] = names
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

// doneFor asks for what was done on an actor's behalf.
func (e *erasing) doneFor(a audit.Actor) Query {
	q := Search(e.db).at(e.q)
	if a.ID != "" {
		q = q.OnBehalfOf(a.ID)
	} else {
		q = q.anyOf("Actors", "on_behalf_of_name", []string{a.Name})
	}
	if a.Type != "" {
		q = q.anyOf("Actors", "on_behalf_of_type", []string{a.Type})
	}
	return q
}

func (e *erasing) isActor(r *audit.Record) bool {
	return e.named(audit.Principal{ID: r.Actor.ID, Type: r.Actor.Type, Name: r.Actor.Name})
}

func (e *erasing) isBehalf(r *audit.Record) bool { return e.named(r.Actor.OnBehalfOf) }

// named reports whether the options name somebody.
func (e *erasing) named(p audit.Principal) bool {
	return !p.IsZero() && slices.ContainsFunc(e.o.Actors, func(a audit.Actor) bool {
		return (a.ID == p.ID || a.ID == "" && a.Name == p.Name) && (a.Type == "" || a.Type == p.Type)
	})
}

// containing is the condition that one of the texts stands somewhere in a record.
func (e *erasing) containing(b *builder) (clause.Expression, error) {
	var found []clause.Expression
	for _, v := range e.o.Values {
		inJSON := condition.Quote(v)
		inJSON = inJSON[1 : len(inJSON)-1]
		for _, c := range []struct {
			text    string
			columns []string
		}{
			{inJSON, jsonColumns},
			{v, []string{"message", "reason", "actor_name", "ip", "session_id", "user_agent", "on_behalf_of_name"}},
		} {
			for _, name := range c.columns {
				found = append(found, b.sql.Contains(name, c.text))
			}
		}
	}
	return condition.OneOf(found), nil
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
	w.actor, w.behalf = e.isActor(r), e.isBehalf(r)
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
		if w.images || len(changed) > 0 || e.isActor(r) || e.isBehalf(r) {
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
