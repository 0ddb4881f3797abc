package auditplugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// record turns the statement's changes into records and buffers them.
func (j *job) record() error {
	n := j.log.len()
	if n == 0 {
		return nil
	}
	base := j.shared()
	if len(j.notes) > 0 {
		merged := map[string]any{"auditplugin": j.notes}
		for k, v := range base.Metadata {
			merged[k] = v
		}
		base.Metadata = merged
	}
	if j.p.writers != nil {
		return j.recordEntries(&base, n)
	}
	records := make([]audit.Record, 0, min(n, maxPlain))
	err := j.log.each(func(c *change) error {
		r, ok, err := j.p.recordOf(base, c)
		if err != nil {
			return j.recordError(err)
		}
		if ok {
			records = append(records, r)
		}
		if len(records) < maxPlain {
			return nil
		}
		full := records
		records = records[:0]
		return j.state.add(j.ctx, full, j.model.keep)
	})
	if err != nil {
		return err
	}
	return j.state.add(j.ctx, records, j.model.keep)
}

// recordEntries is record for those who write entries.
func (j *job) recordEntries(base *audit.Record, n int) error {
	c := j.p.newComposer(base, n)
	defer c.release()
	c.entries = slices.Grow(c.entries, min(n, maxPlain))
	err := j.log.each(func(ch *change) error {
		e, ok, err := c.entryOf(ch)
		if err != nil {
			return j.recordError(err)
		}
		if ok {
			c.entries = append(c.entries, e)
		}
		if len(c.entries) < maxPlain {
			return nil
		}
		full := batch{entries: c.entries}
		c.entries = c.entries[:0]
		return j.state.addBatch(j.ctx, full, j.model.keep)
	})
	if err != nil {
		return err
	}
	return j.state.addBatch(j.ctx, batch{entries: c.entries}, j.model.keep)
}

func (j *job) recordError(err error) error {
	return fmt.Errorf("%w: %s of %s (table %s): %w", ErrAuditFailed, j.op, j.model.recordType, j.ref.name, err)
}

// describe makes a record about the statement.
func (j *job) describe(action audit.Action) audit.Record {
	r := j.shared()
	r.ID, r.Action = newID(), action
	return r
}

// shared fills in what all records of the statement share.
func (j *job) shared() audit.Record {
	r := j.p.circumstances(j.ctx)
	r.RecordType, r.Table = j.model.recordType, j.ref.name
	r.TransactionID = j.state.id
	r.Source = j.p.sources.caller()
	return r
}

// describe makes a record that says who, why and where.
func (p *Plugin) describe(ctx context.Context) audit.Record {
	r := p.circumstances(ctx)
	r.ID = newID()
	return r
}

// circumstances are who, why and where.
func (p *Plugin) circumstances(ctx context.Context) audit.Record {
	r := audit.Record{
		Time: time.Now().UTC(), Outcome: audit.Success, SchemaVersion: audit.SchemaVersion,
		Message: audit.MessageFrom(ctx), Reason: audit.ReasonFrom(ctx), Cause: audit.CauseFrom(ctx),
		Metadata: audit.MetadataFrom(ctx), Application: p.cfg.application, Host: p.host,
	}
	r.Actor = p.actor(ctx)
	if req, ok := audit.RequestFrom(ctx); ok {
		r.RequestID, r.IP, r.UserAgent = req.ID, req.IP, req.UserAgent
	}
	r.TraceID, r.SpanID = audit.TraceFrom(ctx)
	if r.TraceID == "" && p.cfg.trace != nil {
		if err := safely(func() error { r.TraceID, r.SpanID = p.cfg.trace(ctx); return nil }); err != nil {
			p.report(ctx, errors.New("auditplugin: the trace function panicked"))
		}
	}
	return r
}

func (p *Plugin) actor(ctx context.Context) audit.Actor {
	if a, ok := audit.ActorFrom(ctx); ok {
		return a
	}
	var a audit.Actor
	if p.cfg.actor != nil {
		if err := safely(func() error { a = p.cfg.actor(ctx); return nil }); err != nil {
			p.report(ctx, errors.New("auditplugin: the actor function panicked"))
		}
	}
	return a
}

// recordOf makes the record of one change, redacted; false when nothing that is
// recorded has changed.
func (p *Plugin) recordOf(base audit.Record, c *change) (audit.Record, bool, error) {
	t := c.t
	r := base
	if r.ID = c.id; r.ID == "" {
		r.ID = newID()
	}
	r.RecordType, r.Table = t.recordType, t.ref.name
	if c.cause != "" {
		r.Cause = c.cause
	}
	switch {
	case c.before == nil:
		r.Action = audit.Create
		r.RecordID = t.recordID(c.after)
		r.After = p.whole(t, c.after)
		return r, true, nil
	case c.after == nil:
		r.Action = audit.Delete
		r.RecordID = t.recordID(c.before)
		r.Before = p.whole(t, c.before)
		return r, true, nil
	}
	r.Action = t.actionOf(c)
	r.RecordID = t.recordID(c.before)
	timestampsOnly := true
	differing := make([]int, 0, 8)
	for _, i := range t.byName {
		if t.show[i].hidden || values.Equal(c.before[i], c.after[i]) {
			continue
		}
		n := len(r.Changes)
		var err error
		if r.Changes, err = p.appendChanges(r.Changes, t, i, c.before[i], c.after[i]); err != nil {
			return r, false, err
		}
		if len(r.Changes) == n {
			continue // only keys that are never recorded differ
		}
		timestampsOnly = timestampsOnly && t.timestamps[t.cols[i].Name]
		differing = append(differing, i)
	}
	if len(differing) == 0 || p.cfg.noTimestamps && timestampsOnly {
		return r, false, nil
	}
	if !slices.IsSortedFunc(r.Changes, byPath) {
		slices.SortStableFunc(r.Changes, byPath)
	}
	r.Changed = make([]string, len(differing))
	r.Before, r.After = make(map[string]any, len(differing)), make(map[string]any, len(differing))
	for n, i := range differing {
		name := t.cols[i].Name
		r.Changed[n] = name
		r.Before[name] = p.shown(t, i, c.before[i])
		r.After[name] = p.shown(t, i, c.after[i])
	}
	return r, true, nil
}

// actionOf tells soft deletes and restores from other updates.
func (t *target) actionOf(c *change) audit.Action {
	for _, name := range t.softDelete {
		i, ok := t.index[name]
		if !ok {
			continue
		}
		was, is := isZeroValue(c.before[i]), isZeroValue(c.after[i])
		switch {
		case was && !is:
			return audit.SoftDelete
		case !was && is:
			return audit.Restore
		}
	}
	return audit.Update
}

// isZeroValue: soft-delete columns hold a time, a flag or a number.
func isZeroValue(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case int64:
		return v == 0
	case string:
		return v == "" || v == "0"
	case time.Time:
		return v.Year() <= 1
	}
	return false
}
