package plugin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// Errors and panics after commit reach the handler, not the caller, and do not
// keep the other emitters from being called.
func TestEmitterFailsAfterCommit(t *testing.T) {
	no := errors.New("no")
	for name, c := range map[string]struct {
		e    audit.Emitter
		want error
	}{"error": {failing(no), no}, "panic": {panicking(), nil}} {
		t.Run(name, func(t *testing.T) {
			var h heard
			db, memory := openDB(t), emitter.Memory()
			p := use(t, db, auditplugin.WithEmitter(c.e, emitter.Table(), c.e, memory), auditplugin.WithErrorHandler(h.handle))
			must(t, db.Create(&user{Name: "Ada"}))
			if err := db.Transaction(func(tx *gorm.DB) error { return tx.Create(&user{Name: "Bob"}).Error }); err != nil {
				t.Errorf("the transaction returned %v", err)
			}
			wantTrail(t, db, memory, "create user 1", "create user 2")
			errs := h.all()
			if len(errs) != 4 {
				t.Fatalf("the handler heard %d errors, want 4: %v", len(errs), errs)
			}
			for _, err := range errs {
				if c.want != nil && !errors.Is(err, c.want) || !strings.HasPrefix(err.Error(), "auditplugin: ") || strings.Contains(err.Error(), "value-4711") {
					t.Errorf("the handler heard %q", err)
				}
			}
			if got := p.Stats(); got != (auditplugin.Stats{Records: 2, Failed: 4}) {
				t.Errorf("Stats are %+v", got)
			}
		})
	}
}

// Other people's functions that panic do not take the write down.
func TestPanicsStayHere(t *testing.T) {
	var h heard
	db, _, memory := audited(t, auditplugin.WithErrorHandler(h.handle),
		auditplugin.WithActorFunc(func(context.Context) audit.Actor { panic("value-4711") }),
		auditplugin.WithTraceFunc(func(context.Context) (string, string) { panic("value-4711") }))
	must(t, db.Create(&user{Name: "Ada"}))
	wantTrail(t, db, memory, "create user 1")
	var actor, trace bool
	for _, err := range h.all() {
		actor = actor || strings.Contains(err.Error(), "actor function panicked")
		trace = trace || strings.Contains(err.Error(), "trace function panicked")
		if strings.Contains(err.Error(), "value-4711") {
			t.Errorf("the handler heard %q", err)
		}
	}
	if !actor || !trace {
		t.Errorf("the handler heard %v, want both panics", h.all())
	}
	if r := memory.Records()[0]; !r.Actor.IsZero() || r.TraceID != "" {
		t.Errorf("actor %+v, trace %q", r.Actor, r.TraceID)
	}
}

func TestErrorHandlerPanics(t *testing.T) {
	var log lines
	db, memory := openDB(t), emitter.Memory()
	use(t, db, auditplugin.WithEmitter(failing(errors.New("no")), memory), auditplugin.WithLogger(textLogger(&log)),
		auditplugin.WithErrorHandler(func(context.Context, error) { panic("handler") }))
	must(t, db.WithContext(audit.WithActor(t.Context(), audit.Actor{ID: "1"})).Create(&user{Name: "Ada"}))
	memory.AssertCount(t, 1)
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "no") {
		t.Errorf("the log says %q, want the error that the handler did not take", text)
	}
}

// panickyName is a model whose own method fails.
type panickyName struct {
	ID   uint
	Name string
}

func (panickyName) AuditName() string { panic("value-4711") }

func TestModelMethodPanics(t *testing.T) {
	db := openDB(t, &panickyName{})
	use(t, db)
	err := db.Create(&panickyName{Name: "x"}).Error
	if err == nil || !strings.Contains(err.Error(), "AuditName panicked") || strings.Contains(err.Error(), "value-4711") {
		t.Errorf("the write returned %v", err)
	}
}

// Emitters get the caller's values, but not its end.
func TestEmittersContext(t *testing.T) {
	var seen []any
	var ended bool
	e := emitter.Func(func(ctx context.Context, records []audit.Record) error {
		seen = append(seen, ctx.Value(requestKey{}))
		_, deadline := ctx.Deadline()
		ended = ended || ctx.Done() != nil || ctx.Err() != nil || deadline
		return nil
	})
	db := openDB(t)
	use(t, db, auditplugin.WithEmitter(e, emitter.Table()))
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), requestKey{}, "Grace"), 1<<40)
	defer cancel()
	must(t, db.WithContext(ctx).Create(&user{Name: "Ada"}))
	if err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return tx.Create(&user{Name: "Bob"}).Error }); err != nil {
		t.Fatal(err)
	}
	if err := auditplugin.Event(db.WithContext(ctx), audit.Record{Message: "sign-in"}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []any{"Grace", "Grace", "Grace"}) || ended {
		t.Errorf("emitters saw %v; a context that ends: %v", seen, ended)
	}
}

func TestStats(t *testing.T) {
	var h heard
	noDeletes := emitter.Func(func(_ context.Context, records []audit.Record) error {
		if records[0].Action == audit.Delete {
			return errors.New("no")
		}
		return nil
	})
	db, p, _ := audited(t, auditplugin.WithEmitter(noDeletes), auditplugin.WithErrorHandler(h.handle))
	for _, step := range []struct {
		name string
		do   func() error
		want auditplugin.Stats
	}{
		{"create", func() error { return db.Create([]user{{Name: "Ada"}, {Name: "Bob"}}).Error }, auditplugin.Stats{Records: 2}},
		{"read", func() error { return db.Find(&[]user{}).Error }, auditplugin.Stats{Records: 2}},
		{"unchanged", func() error { return db.Model(&user{}).Where("1 = 1").UpdateColumn("age", 0).Error }, auditplugin.Stats{Records: 2}},
		{"rolled back", func() error {
			tx := db.Begin()
			defer tx.Rollback()
			return tx.Model(&user{ID: 1}).Update("age", 36).Error
		}, auditplugin.Stats{Records: 3}},
		{"emitter fails", func() error { return db.Unscoped().Where("1 = 1").Delete(&user{}).Error }, auditplugin.Stats{Records: 5, Failed: 2}},
		{"event", func() error { return auditplugin.Event(db, audit.Record{Message: "sign-in"}) }, auditplugin.Stats{Records: 6, Failed: 2}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := p.Stats(); got != step.want {
			t.Errorf("after %s: %+v, want %+v", step.name, got, step.want)
		}
	}
}
