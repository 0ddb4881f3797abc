package auditplugin_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

func failing(err error) audit.Emitter {
	return emitter.Func(func(context.Context, []audit.Record) error { return err })
}

func panicking() audit.Emitter {
	return emitter.Func(func(context.Context, []audit.Record) error { panic("value-4711") })
}

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
	p := auditplugin.New(auditplugin.WithEmitter(failing(errors.New("no")), memory), auditplugin.WithLogger(textLogger(&log)),
		auditplugin.WithErrorHandler(func(context.Context, error) { panic("handler") }))
	if err := db.Use(p); err != nil {
		t.Fatal(err)
	}
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

// A transaction that its context ended announces nothing.
func TestCancelledTransaction(t *testing.T) {
	db, _, memory := audited(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		must(t, tx.Create(&user{Name: "Ada"}))
		cancel()
		return nil
	})
	// The latter when database/sql was quick to roll back; so it is without the plugin.
	if !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("the transaction returned %v", err)
	}
	wantTrail(t, db, memory)
}
