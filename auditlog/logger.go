package auditlog

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/ecslog"
	"github.com/gorm-audit/auditplugin/internal/build"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// Logger is the application's logger, unchanged, with the audit logger beside it.
type Logger struct {
	*slog.Logger
	// Audit writes the audit trail.
	Audit *Audit
}

// Audit is the audit logger. Its slog methods (Info, WarnContext, With, …) write
// free-text entries; Debug is below the level of audit lines and writes nothing.
// RecordCreated, RecordUpdated and RecordDeleted write changes. It is safe for
// concurrent use.
type Audit struct{ *slog.Logger }

// New returns app with an audit logger beside it. A nil app means
// [slog.Default]. The error wraps [ErrInvalidOption] and names every option that
// is wrong.
func New(app *slog.Logger, opts ...Option) (*Logger, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	if app == nil {
		app = slog.Default()
	}
	if c.errorHandler == nil {
		c.errorHandler = func(ctx context.Context, err error) {
			app.WarnContext(ctx, "audit entry is incomplete or lost", "error", err)
		}
	}
	t := newTrail(c)
	if err := c.catalogue.check(t); err != nil {
		return nil, err
	}
	t.host, _ = os.Hostname()
	t.lines = ecslog.NewHandler(c.writer, &ecslog.Options{
		AddSource: true, Process: true, Original: true, Pinned: true, StampZeroTime: true,
		Logger:      c.application + ".audit",
		ServiceName: c.service[0], ServiceVersion: c.service[1], ServiceEnvironment: c.service[2],
	})
	return &Logger{Logger: app, Audit: &Audit{slog.New(&handler{trail: t})}}, nil
}

func newTrail(c *config) *trail {
	return &trail{config: c, names: redact.ForNames("", c.redaction), program: sync.OnceValue(build.Read)}
}

// With returns a logger whose ordinary lines also have args; the audit logger is
// the same.
func (l *Logger) With(args ...any) *Logger {
	return &Logger{Logger: l.Logger.With(args...), Audit: l.Audit}
}

// WithGroup returns a logger whose ordinary lines have their attributes in a
// group; the audit logger is the same.
func (l *Logger) WithGroup(name string) *Logger {
	return &Logger{Logger: l.Logger.WithGroup(name), Audit: l.Audit}
}

// With returns an audit logger whose entries also have args.
func (a *Audit) With(args ...any) *Audit { return &Audit{a.Logger.With(args...)} }

// WithGroup returns an audit logger whose attributes are in a group.
func (a *Audit) WithGroup(name string) *Audit { return &Audit{a.Logger.WithGroup(name)} }

// RecordCreated writes an entry about something that was created: a struct, or a
// map with text keys, whose values appear under changes.after. args are
// attributes as slog takes them. An error means that the entry is missing
// somewhere; the error handler was told too.
func (a *Audit) RecordCreated(ctx context.Context, message, recordType string, after any, args ...any) error {
	return a.record(ctx, message, &change{action: audit.Create, recordType: recordType, after: after}, args)
}

// RecordUpdated writes an entry about something that changed. before and after are
// structs or maps with text keys, not necessarily the same; what is present in
// both and differs appears under changes.before and changes.after. If nothing
// does, both are empty; see [WithoutUnchanged]. For args and the error see
// [Audit.RecordCreated].
func (a *Audit) RecordUpdated(ctx context.Context, message, recordType string, before, after any, args ...any) error {
	return a.record(ctx, message, &change{action: audit.Update, recordType: recordType, before: before, after: after}, args)
}

// RecordDeleted writes an entry about something that was deleted, with its values
// under changes.before. For the rest see [Audit.RecordCreated].
func (a *Audit) RecordDeleted(ctx context.Context, message, recordType string, before any, args ...any) error {
	return a.record(ctx, message, &change{action: audit.Delete, recordType: recordType, before: before}, args)
}

// record must be called by the exported methods directly: the entry points at the
// line that called them.
func (a *Audit) record(ctx context.Context, message string, c *change, args []any) error {
	h, ok := a.Handler().(*handler)
	if !ok {
		return ErrInvalidOption // an Audit that New did not make
	}
	var pcs [1]uintptr
	runtime.Callers(3, pcs[:])
	r := slog.NewRecord(time.Now(), slog.LevelInfo, message, pcs[0])
	r.Add(args...)
	return h.write(ctx, r, c)
}
