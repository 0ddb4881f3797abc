// Package loggers holds the calls by which ecslog is compared with
// [slog.JSONHandler] and ecszap.
package loggers

import (
	"io"
	"log/slog"

	"go.elastic.co/ecszap"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/gorm-audit/auditplugin/ecslog"
)

// The subjects, in the order in which they are reported.
const (
	ECSLog = "ecslog"
	Slog   = "slog.JSONHandler"
	ECSZap = "ecszap"
)

// Subjects lists them.
func Subjects() []string { return []string{ECSLog, Slog, ECSZap} }

// Call returns a function that logs c once by the named subject to w.
func (c Case) Call(subject string, w io.Writer) func() {
	switch subject {
	case ECSLog:
		return c.slogCall(ecslog.NewHandler(w, &ecslog.Options{AddSource: c.Source}))
	case Slog:
		return c.slogCall(slog.NewJSONHandler(w, &slog.HandlerOptions{AddSource: c.Source}))
	case ECSZap:
		// The two others lock around each write, and so must this one.
		sink := zapcore.Lock(zapcore.AddSync(w))
		core := ecszap.NewCore(ecszap.NewDefaultEncoderConfig(), sink, zap.InfoLevel)
		l := zap.New(core, zap.WithCaller(c.Source))
		if c.zapBuild != nil {
			l = c.zapBuild(l)
		}
		return func() { c.zap(l) }
	}
	panic("no subject " + subject)
}

func (c Case) slogCall(h slog.Handler) func() {
	l := slog.New(h)
	if c.slogBuild != nil {
		l = c.slogBuild(l)
	}
	return func() { c.slog(l) }
}
