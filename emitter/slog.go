package emitter

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// SlogEmitter writes records to a logger; see [Slog].
type SlogEmitter struct {
	logger *slog.Logger
	level  slog.Level
	name   string
}

// SlogOption changes how [Slog] and [JSON] write records.
type SlogOption func(*SlogEmitter)

// Level sets the level of records; the default is Info. Records whose outcome is
// a failure are logged at Warn if that is higher.
func Level(l slog.Level) SlogOption {
	return func(s *SlogEmitter) { s.level = l }
}

// LoggerName sets log.logger. The default is the record's application followed
// by ".audit", or "audit" for a record without one.
func LoggerName(name string) SlogOption {
	return func(s *SlogEmitter) { s.name = name }
}

// Slog returns an emitter that writes one line per record to l. The message is
// the record's, or its type and action ("user update"), on one line; the time is
// the record's; the attributes are groups named after the Elastic Common Schema,
// such that a plain JSON handler writes nested ECS objects. Metadata appears as
// labels: texts (up to 4096 characters), numbers and booleans, and other values as
// their JSON text.
//
// A record is left out if l's handler is not enabled for its level, so give the
// audit trail a logger of its own if the application's is quieter than Info. A
// nil l is an error, [ErrNilLogger], when the emitter is bound or used.
func Slog(l *slog.Logger, opts ...SlogOption) *SlogEmitter {
	s := &SlogEmitter{logger: l, level: slog.LevelInfo}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// ecsVersion is the version of the ecs-logging specification that lines follow.
const ecsVersion = "1.6.0"

// JSON returns a [Slog] emitter that writes JSON lines to w, which start with
// "@timestamp", "log.level" and "message". Writes to w are one line each and
// never concurrent. A nil w is an error, [ErrNilLogger], when the emitter is
// bound or used.
func JSON(w io.Writer, opts ...SlogOption) *SlogEmitter {
	if w == nil {
		return Slog(nil, opts...)
	}
	s := Slog(nil, opts...)
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level:       s.level,
		ReplaceAttr: ecsKeys,
	})
	s.logger = slog.New(h).With("ecs.version", ecsVersion)
	return s
}

// ecsKeys gives slog's own attributes their names in the Elastic Common Schema.
func ecsKeys(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		a.Key = "@timestamp"
	case slog.LevelKey:
		return slog.String("log.level", strings.ToLower(a.Value.String()))
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}

// Bind returns s, or [ErrNilLogger].
func (s *SlogEmitter) Bind(*gorm.DB) (audit.Emitter, error) {
	if s.logger == nil {
		return nil, ErrNilLogger
	}
	return s, nil
}

// Emit writes one line per record. A line that fails does not keep the others
// from being written; the handler's errors are joined.
func (s *SlogEmitter) Emit(ctx context.Context, records []audit.Record) error {
	if s.logger == nil {
		return ErrNilLogger
	}
	var errs []error
	var enc entry.Encoder
	h := s.logger.Handler()
	for i := range records {
		r := &records[i]
		level := s.level
		if r.Outcome == audit.Failure {
			level = max(level, slog.LevelWarn)
		}
		if !h.Enabled(ctx, level) {
			continue
		}
		// The handler is called directly: through the logger, the line's source
		// would be this one, and its time would be now.
		line := slog.NewRecord(entry.UsableTime(r.Time), level, message(r), 0)
		line.AddAttrs(s.attrs(ctx, &enc, r)...)
		errs = append(errs, fault.Guard(func() error { return h.Handle(ctx, line) }))
	}
	return errors.Join(errs...)
}

func message(r *audit.Record) string {
	if r.Message != "" {
		return oneLine(entry.Cut(r.Message, entry.LongTextLimit))
	}
	return oneLine(entry.Cut(r.RecordType+" "+string(r.Action), entry.TextLimit))
}
