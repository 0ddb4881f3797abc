package intercept

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/observe"
	"github.com/gorm-audit/auditplugin/internal/origin"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/txn"
)

// Gate decides whether a write may go ahead at all. It is safe for concurrent use once its
// fields are set.
type Gate struct {
	Origin   *origin.Origin
	Follower *txn.Follower
	// Logger is where warnings go.
	Logger func() *slog.Logger
	// Observe is told of refusals, or nil.
	Observe *observe.Observers
	// AllowRaw lets raw SQL pass without a record, RefuseRaw refuses it.
	AllowRaw, RefuseRaw bool
	// Closed is set when nothing may be written any more.
	Closed atomic.Bool

	warned sync.Map // warning → struct{}
}

// admit decides about a write to a model's table.
func (g *Gate) admit(db *gorm.DB, m *table.Model, op statement.Operation) error {
	return g.Observe.Refused(db.Statement.Context, g.decide(db, m, op))
}

func (g *Gate) decide(db *gorm.DB, m *table.Model, op statement.Operation) error {
	ctx := db.Statement.Context
	if g.Closed.Load() {
		return fmt.Errorf("%w: %s of %s refused", fault.ErrClosed, op, m.RecordType)
	}
	if m.Err != nil {
		return m.Err
	}
	if reason, skip := audit.SkipFrom(ctx); skip {
		if reason == "" {
			return g.refuse(db, m, op, fault.ErrReasonRequired, "audit.Skip was given no reason")
		}
		return nil
	}
	if m.Require&audit.RequireReason != 0 && audit.ReasonFrom(ctx) == "" {
		return g.refuse(db, m, op, fault.ErrReasonRequired, "the context gives no reason; use audit.WithReason")
	}
	if g.Origin.Actor(ctx).IsNobody() {
		if m.Require&audit.RequireActor != 0 {
			return g.refuse(db, m, op, fault.ErrActorRequired, "the context names no actor, by ID or name; use audit.WithActor or WithActorFunc")
		}
		if m.Records(op.Actions()...) {
			g.warnNoActor(ctx, m, op)
		}
	}
	return nil
}

// admitRaw decides about raw SQL that writes to several.
func (g *Gate) admitRaw(db *gorm.DB, writes []*table.Model) error {
	for _, m := range writes {
		if g.RefuseRaw {
			err := g.refuse(db, m, statement.Raw, fault.ErrRawRefused, "raw SQL writes to audited tables are refused")
			return g.Observe.Refused(db.Statement.Context, err)
		}
		if err := g.admit(db, m, statement.Raw); err != nil {
			return err
		}
	}
	return nil
}

// refuse explains why a write is refused, and leaves an event that outlives the
// rollback to come.
func (g *Gate) refuse(db *gorm.DB, m *table.Model, op statement.Operation, kind error, why string) error {
	ctx := db.Statement.Context
	r := g.Origin.Describe(ctx)
	r.RecordType, r.Table, r.Action = m.RecordType, m.Table, audit.Action(op)
	r.Source = g.Origin.Caller()
	event := g.Origin.Event(ctx, r, audit.Failure, fmt.Sprintf("%s of %s refused: %s", op, m.RecordType, why))
	g.Follower.After(ctx, db.Statement.ConnPool, event)
	return fmt.Errorf("%w: %s of %s (table %s): %s", kind, op, m.RecordType, m.Table, why)
}

// warning is what was said already.
type warning struct {
	table string
	op    statement.Operation
}

const noActorRemedy = "name the actor with audit.WithActor or auditplugin.WithActorFunc; where nobody acts by design, use audit.WithoutActor or auditplugin.WithoutActor"

// warnNoActor says once per table and action that nobody is named, and what to do, unless
// that is meant. What migrations do has nobody behind it.
func (g *Gate) warnNoActor(ctx context.Context, m *table.Model, op statement.Operation) {
	if m.NoActor || audit.NoActor(ctx) {
		return
	}
	w := warning{m.Table, op}
	if _, again := g.warned.Load(w); again || neighbour.Migrating() {
		return
	}
	if _, again := g.warned.LoadOrStore(w, struct{}{}); again {
		return
	}
	source := g.Origin.Caller()
	g.Logger().WarnContext(ctx, "audited write without an actor",
		"model", m.RecordType, "action", string(op), "file", source.File, "line", source.Line, "remedy", noActorRemedy)
}
