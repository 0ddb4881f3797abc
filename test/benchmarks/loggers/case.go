package loggers

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Case is one call of a logger, in slog's words and in zap's.
type Case struct {
	// Name names the case; What says what is logged.
	Name, What string
	// Source asks for the file and line of the call.
	Source bool

	slogBuild func(*slog.Logger) *slog.Logger
	slog      func(*slog.Logger)
	zapBuild  func(*zap.Logger) *zap.Logger
	zap       func(*zap.Logger)
}

// order is a value that the application logs.
type order struct {
	ID       int    `json:"id"`
	Customer string `json:"customer"`
}

// MarshalLogObject writes what the group of the slog call has.
func (o *order) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddInt("id", o.ID)
	e.AddString("customer", o.Customer)
	return nil
}

// plainOrder has no methods, so that loggers must look into it.
type plainOrder order

const (
	placed   = "order placed"
	customer = "Ada Lovelace"
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID   = "00f067aa0ba902b7"
)

// Cases returns what is compared.
func Cases() []Case {
	ctx, info := context.Background(), slog.LevelInfo
	lost := errors.New("connection refused")
	one, plain := &order{17, customer}, &plainOrder{17, customer}
	group := slog.GroupValue(slog.Int("id", 17), slog.String("customer", customer))
	document := map[string]any{"id": 17, "customer": customer, "lines": []any{"a", "b"}}
	return []Case{
		{
			Name: "message", What: "a message alone",
			slog: func(l *slog.Logger) { l.LogAttrs(ctx, info, placed) },
			zap:  func(l *zap.Logger) { l.Info(placed) },
		},
		{
			Name: "five", What: "five scalar attributes",
			slog: func(l *slog.Logger) {
				l.LogAttrs(ctx, info, placed, slog.Int("order", 17), slog.String("customer", customer), slog.Bool("express", true), slog.Duration("took", time.Second), slog.Float64("total", 12.5))
			},
			zap: func(l *zap.Logger) {
				l.Info(placed, zap.Int("order", 17), zap.String("customer", customer), zap.Bool("express", true), zap.Duration("took", time.Second), zap.Float64("total", 12.5))
			},
		},
		{
			Name: "bound", What: "attributes given to the logger before, and two more",
			slogBuild: func(l *slog.Logger) *slog.Logger {
				return l.With("region", "eu-north-1", "version", "1.2.3").WithGroup("request").With("id", "abc")
			},
			slog: func(l *slog.Logger) {
				l.LogAttrs(ctx, info, placed, slog.Int("order", 17), slog.String("customer", customer))
			},
			zapBuild: func(l *zap.Logger) *zap.Logger {
				return l.With(zap.String("region", "eu-north-1"), zap.String("version", "1.2.3"), zap.Namespace("request"), zap.String("id", "abc"))
			},
			zap: func(l *zap.Logger) { l.Info(placed, zap.Int("order", 17), zap.String("customer", customer)) },
		},
		{
			Name: "group", What: "a group of two",
			slog: func(l *slog.Logger) { l.LogAttrs(ctx, info, placed, slog.Attr{Key: "order", Value: group}) },
			zap:  func(l *zap.Logger) { l.Info(placed, zap.Object("order", one)) },
		},
		{
			Name: "source", What: "file and line of the call", Source: true,
			slog: func(l *slog.Logger) { l.LogAttrs(ctx, info, placed, slog.Int("order", 17)) },
			zap:  func(l *zap.Logger) { l.Info(placed, zap.Int("order", 17)) },
		},
		{
			Name: "error", What: "an error",
			slog: func(l *slog.Logger) { l.LogAttrs(ctx, slog.LevelError, "order lost", slog.Any("error", lost)) },
			zap:  func(l *zap.Logger) { l.Error("order lost", zap.Error(lost)) },
		},
		{
			Name: "map", What: "a map with a list in it",
			slog: func(l *slog.Logger) { l.LogAttrs(ctx, info, placed, slog.Any("order", document)) },
			zap:  func(l *zap.Logger) { l.Info(placed, zap.Any("order", document)) },
		},
		{
			Name: "struct", What: "a struct with JSON tags",
			slog: func(l *slog.Logger) { l.LogAttrs(ctx, info, placed, slog.Any("order", plain)) },
			zap:  func(l *zap.Logger) { l.Info(placed, zap.Any("order", plain)) },
		},
		{
			Name: "traced", What: "trace and span id by dotted keys",
			slog: func(l *slog.Logger) {
				l.LogAttrs(ctx, info, placed, slog.String("trace.id", traceID), slog.String("span.id", spanID), slog.Int("order", 17))
			},
			zap: func(l *zap.Logger) {
				l.Info(placed, zap.String("trace.id", traceID), zap.String("span.id", spanID), zap.Int("order", 17))
			},
		},
		{
			Name: "placed", What: "other dotted keys, which ecslog alone puts into objects",
			slog: func(l *slog.Logger) {
				l.LogAttrs(ctx, info, placed, slog.String("event.action", "order.place"), slog.String("user.id", "42"), slog.Int("order", 17))
			},
			zap: func(l *zap.Logger) {
				l.Info(placed, zap.String("event.action", "order.place"), zap.String("user.id", "42"), zap.Int("order", 17))
			},
		},
		{
			Name: "merged", What: "dotted keys that meet a group of the same name: ecslog builds a tree",
			slog: func(l *slog.Logger) {
				l.LogAttrs(ctx, info, placed, slog.String("user.id", "42"), slog.Group("user", slog.String("name", customer)), slog.Int("order", 17))
			},
			zap: func(l *zap.Logger) {
				l.Info(placed, zap.String("user.id", "42"), zap.Dict("user", zap.String("name", customer)), zap.Int("order", 17))
			},
		},
	}
}
