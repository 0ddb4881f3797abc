package plugin_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// failing is an emitter that always does.
func failing(err error) audit.Emitter {
	return emitter.Func(func(context.Context, []audit.Record) error { return err })
}

func panicking() audit.Emitter {
	return emitter.Func(func(context.Context, []audit.Record) error { panic("value-4711") })
}

// gated is an emitter that waits until it is let through.
func gated(to audit.Emitter) (e audit.Emitter, open func()) {
	gate := make(chan struct{})
	return emitter.Func(func(ctx context.Context, records []audit.Record) error {
		<-gate
		return to.Emit(ctx, records)
	}), func() { close(gate) }
}

// closingEmitter counts how often it is closed.
type closingEmitter struct{ closed int }

func (c *closingEmitter) Emit(context.Context, []audit.Record) error { return nil }

func (c *closingEmitter) Close(context.Context) error { c.closed++; return nil }

// spyTable is emitter.Table, and notes how many records each write had.
type spyTable struct {
	audit.TxEmitter
	writes []int
}

func (s *spyTable) Bind(db *gorm.DB) (audit.Emitter, error) {
	bound, err := emitter.Table().Bind(db)
	if err == nil {
		s.TxEmitter = bound.(audit.TxEmitter)
	}
	return s, err
}

func (s *spyTable) AuditTable() string { return "audit_logs" }

func (s *spyTable) EmitTx(ctx context.Context, conn audit.Conn, records []audit.Record) error {
	s.writes = append(s.writes, len(records))
	return s.TxEmitter.EmitTx(ctx, conn, records)
}

// heard collects what an error handler is told.
type heard struct {
	mu   sync.Mutex
	errs []error
}

func (h *heard) handle(_ context.Context, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs = append(h.errs, err)
}

func (h *heard) all() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]error(nil), h.errs...)
}

// lines is a log that tests may read while others write.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

var _ io.Writer = (*lines)(nil)

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func textLogger(l *lines) *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
