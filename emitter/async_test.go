package emitter_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

// gate is an emitter that waits until it is opened.
type gate struct {
	*emitter.MemoryEmitter
	entered chan struct{}
	open    chan struct{}
}

func newGate() *gate {
	return &gate{emitter.Memory(), make(chan struct{}, 100), make(chan struct{})}
}

func (g *gate) Emit(ctx context.Context, records []audit.Record) error {
	g.entered <- struct{}{}
	<-g.open
	return g.MemoryEmitter.Emit(ctx, records)
}

func TestAsyncDropsWhenFull(t *testing.T) {
	g := newGate()
	a := emitter.Async(g, emitter.Queue(1), emitter.OnFull(emitter.Drop))
	var errs []error
	for i := range 3 {
		errs = append(errs, a.Emit(t.Context(), emittertest.Records("d", 2)))
		if i == 0 {
			<-g.entered // the worker holds the first batch; the queue is empty
		}
	}
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], emitter.ErrQueueFull) {
		t.Fatalf("errors are %v, want only the third to be ErrQueueFull", errs)
	}
	if got, want := a.Stats(), (emitter.AsyncStats{Queued: 4, Dropped: 2}); got != want {
		t.Errorf("before: %+v, want %+v", got, want)
	}
	close(g.open)
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := a.Stats(), (emitter.AsyncStats{Emitted: 4, Dropped: 2}); got != want {
		t.Errorf("after: %+v, want %+v", got, want)
	}
	if err := a.Emit(t.Context(), emittertest.Records("late", 1)); !errors.Is(err, emitter.ErrClosed) {
		t.Errorf("Emit after Close: %v, want ErrClosed", err)
	}
}

func TestAsyncBlocksWhenFull(t *testing.T) {
	g := newGate()
	a := emitter.Async(g, emitter.Queue(1))
	for range 2 {
		if err := a.Emit(t.Context(), emittertest.Records("b", 1)); err != nil {
			t.Fatal(err)
		}
		if len(g.entered) == 0 {
			<-g.entered
			g.entered <- struct{}{}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.Emit(ctx, emittertest.Records("b", 1)) }()
	select {
	case err := <-ended:
		t.Fatalf("Emit into a full queue returned %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want context.Canceled", err)
	}

	// A waiting Emit must not keep Close from ending.
	go func() { ended <- a.Emit(context.Background(), emittertest.Records("b", 1)) }()
	short, done := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer done()
	if err := a.Close(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close of a stuck emitter: %v, want DeadlineExceeded", err)
	}
	if err := <-ended; !errors.Is(err, emitter.ErrClosed) {
		t.Errorf("waiting Emit: %v, want ErrClosed", err)
	}
	// What was queued then is dropped, not emitted behind the caller's back.
	close(g.open)
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := a.Stats(), (emitter.AsyncStats{Emitted: 1, Dropped: 3}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestAsyncReportsErrorsAndPanics(t *testing.T) {
	broken := errors.New("broken")
	calls := 0
	var reported []error
	a := emitter.Async(emitter.Func(func(context.Context, []audit.Record) error {
		if calls++; calls == 1 {
			return broken
		}
		panic("emitter")
	}), emitter.OnError(func(_ context.Context, records []audit.Record, err error) {
		reported = append(reported, err)
		if len(records) != 1 {
			t.Errorf("%d records reported, want 1", len(records))
		}
		panic("handler")
	}))
	for range 2 {
		if err := a.Emit(t.Context(), emittertest.Records("e", 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(reported) != 2 || !errors.Is(reported[0], broken) || !errors.Is(reported[1], emitter.ErrPanic) {
		t.Errorf("reported %v, want the error and the panic", reported)
	}
	if got, want := a.Stats(), (emitter.AsyncStats{Failed: 2}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestAsyncOutlivesTheCaller(t *testing.T) {
	g := newGate()
	a := emitter.Async(emitter.Func(func(ctx context.Context, records []audit.Record) error {
		if err := g.Emit(ctx, records); err != nil {
			return err
		}
		if reason := audit.ReasonFrom(ctx); reason != "why" {
			t.Errorf("the context lost its values: reason is %q", reason)
		}
		return ctx.Err()
	}))
	ctx, cancel := context.WithCancel(audit.WithReason(t.Context(), "why"))
	if err := a.Emit(ctx, emittertest.Records("c", 1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	close(g.open)
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.Stats().Emitted; got != 1 {
		t.Errorf("%d records emitted, want 1", got)
	}
}

func TestAsyncBind(t *testing.T) {
	db := openMemory(t)
	for name, c := range map[string]struct {
		a    *emitter.AsyncEmitter
		want error
	}{
		"nil":           {emitter.Async(nil), emitter.ErrNilEmitter},
		"table":         {emitter.Async(emitter.Table()), emitter.ErrTransactional},
		"table inside":  {emitter.Async(emitter.Multi(emitter.Memory(), emitter.Table())), emitter.ErrTransactional},
		"queue":         {emitter.Async(emitter.Memory(), emitter.Queue(0)), emitter.ErrInvalidOption},
		"workers":       {emitter.Async(emitter.Memory(), emitter.Workers(0)), emitter.ErrInvalidOption},
		"policy":        {emitter.Async(emitter.Memory(), emitter.OnFull(7)), emitter.ErrInvalidOption},
		"nil function":  {emitter.Async(emitter.Func(nil)), emitter.ErrNilFunc},
		"table of ours": {emitter.Async(emitter.Table(emitter.On(db))), nil},
	} {
		if _, err := c.a.Bind(db); !errors.Is(err, c.want) {
			t.Errorf("%s: error is %v, want %v", name, err, c.want)
		}
		if err := c.a.Close(t.Context()); err != nil {
			t.Errorf("%s: Close without Emit: %v", name, err)
		}
	}
}

// Close reaches the emitter inside, so that nested queues drain too.
func TestAsyncClosesTheEmitterInside(t *testing.T) {
	m := emitter.Memory()
	inner := emitter.Async(m)
	outer := mustBind(t, emitter.Async(inner), nil)
	if err := outer.Emit(t.Context(), emittertest.Records("n", 2)); err != nil {
		t.Fatal(err)
	}
	if err := outer.(interface{ Close(context.Context) error }).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.AssertCount(t, 2)
}
