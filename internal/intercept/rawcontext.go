package intercept

import (
	"context"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// contextOf is what companion triggers say of the rows that raw SQL changes. It gives the
// raw records to come their ids.
func (i *Interceptor) contextOf(s *statement.Statement, writes []*table.Model) companion.Context {
	r := i.Origin.Circumstances(s.Ctx)
	short := func(text string) string { return entry.Cut(text, entry.TextLimit) }
	long := func(text string) string { return entry.Cut(text, entry.LongTextLimit) }
	c := companion.Context{
		ActorID: short(r.Actor.ID), ActorType: short(r.Actor.Type), ActorName: short(r.Actor.Name),
		Tenant: short(r.Tenant), SessionID: short(r.Actor.SessionID), OnBehalfID: short(r.Actor.OnBehalfOf.ID),
		OnBehalfType: short(r.Actor.OnBehalfOf.Type), OnBehalfName: short(r.Actor.OnBehalfOf.Name),
		Message: long(r.Message), Reason: long(r.Reason), TransactionID: s.Ledger.ID,
		RequestID: short(r.RequestID), IP: short(r.IP), UserAgent: entry.Cut(r.UserAgent, entry.WideTextLimit),
		TraceID: short(r.TraceID), SpanID: short(r.SpanID), Application: short(r.Application), Host: short(r.Host),
		Causes: make(map[string]string, len(writes)),
	}
	if e := (&entry.Encoder{}); len(r.Metadata) > 0 {
		c.Metadata = []byte(e.Object(r.Metadata, entry.MaxMetadata))
	}
	for _, m := range writes {
		id := entry.NewID()
		c.Causes[m.Table] = id
		if c.Cause == "" {
			c.Cause = id
		}
	}
	return c
}

// runRaw runs raw SQL, and tells the triggers who does. Where audit.Skip was asked for,
// there is nothing to tell.
func (i *Interceptor) runRaw(s *statement.Statement, told companion.Context) (statement.Outcome, error) {
	if told.Causes == nil {
		return s.Plain()
	}
	if err := s.Ledger.Settle(s.Ctx); err != nil && !s.Dialect.Is(err, dialect.Aborted) {
		return statement.Outcome{}, err
	}
	if err := s.Ledger.Exec(s.Ctx, companion.SetContext(i.Dialect.Server), told.JSON()); err != nil {
		if s.Dialect.Is(err, dialect.Aborted) {
			return s.Plain() // nothing can run: it will fail as it would have
		}
		return statement.Outcome{}, s.Unreadable(err)
	}
	defer func() {
		if err := s.Ledger.Exec(context.WithoutCancel(s.Ctx), companion.ClearContext(i.Dialect.Server)); err != nil && !s.Dialect.Is(err, dialect.Aborted) {
			s.Ledger.Poison(s.Unreadable(err))
		}
	}()
	return s.Plain()
}

// settle writes the records of a transaction in which raw SQL comes next that is not
// recorded by us.
func (i *Interceptor) settle(db *gorm.DB) error {
	query := db.Statement.SQL.String()
	if !i.Companion {
		return nil
	}
	if sqltext.Single(query) {
		switch sqltext.First(i.Dialect.Name(), query) {
		case sqltext.Select, sqltext.Savepoint, sqltext.RollbackTo, sqltext.Release:
			return nil
		}
	}
	l, ok := i.Follower.Seen(db.Statement.ConnPool)
	if !ok {
		return nil
	}
	if err := l.Settle(db.Statement.Context); err != nil && !i.Dialect.Is(err, dialect.Aborted) {
		return err
	}
	return nil
}
