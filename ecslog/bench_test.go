package ecslog_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/ecslog"
)

var errBench = errors.New("connection refused")

// scenes are the calls that are measured, and whose allocations are pinned.
var scenes = []struct {
	name  string
	opts  ecslog.Options
	build func(*slog.Logger) *slog.Logger
	log   func(*slog.Logger)
	// allocs is what one call may allocate.
	allocs float64
}{
	{name: "message", log: func(l *slog.Logger) { l.LogAttrs(context.Background(), slog.LevelInfo, "order placed") }},
	{name: "five", log: func(l *slog.Logger) {
		l.LogAttrs(context.Background(), slog.LevelInfo, "order placed", slog.Int("order", 17), slog.String("customer", "Ada Lovelace"),
			slog.Bool("express", true), slog.Duration("took", time.Second), slog.Float64("total", 12.5))
	}},
	{name: "bound", build: func(l *slog.Logger) *slog.Logger {
		return l.With("region", "eu-north-1", "version", "1.2.3").WithGroup("request").With("id", "abc")
	}, log: func(l *slog.Logger) {
		l.LogAttrs(context.Background(), slog.LevelInfo, "order placed", slog.Int("order", 17), slog.String("customer", "Ada Lovelace"))
	}},
	{name: "group", log: func(l *slog.Logger) {
		l.LogAttrs(context.Background(), slog.LevelInfo, "order placed", slog.Attr{Key: "order", Value: benchGroup})
	}},
	{name: "source", opts: ecslog.Options{AddSource: true}, log: func(l *slog.Logger) {
		l.LogAttrs(context.Background(), slog.LevelInfo, "order placed", slog.Int("order", 17))
	}},
	{name: "error", log: func(l *slog.Logger) {
		l.LogAttrs(context.Background(), slog.LevelError, "order lost", slog.Any("error", errBench))
	}},
	{name: "map", log: func(l *slog.Logger) {
		l.LogAttrs(context.Background(), slog.LevelInfo, "order placed", slog.Any("order", benchMap))
	}},
	{name: "struct", log: func(l *slog.Logger) {
		l.LogAttrs(context.Background(), slog.LevelInfo, "order placed", slog.Any("order", &benchStruct))
	}},
	{name: "traced", log: func(l *slog.Logger) {
		l.LogAttrs(context.Background(), slog.LevelInfo, "order placed", slog.String("trace.id", "4bf92f3577b34da6a3ce929d0e0e4736"),
			slog.String("span.id", "00f067aa0ba902b7"), slog.Int("order", 17))
	}},
	{name: "placed", log: func(l *slog.Logger) {
		l.LogAttrs(context.Background(), slog.LevelInfo, "order placed", slog.String("event.action", "order.place"),
			slog.String("user.id", "42"), slog.Int("order", 17))
	}},
}

var (
	benchGroup  = slog.GroupValue(slog.Int("id", 17), slog.String("customer", "Ada Lovelace"))
	benchMap    = map[string]any{"id": 17, "customer": "Ada Lovelace", "lines": []any{"a", "b"}}
	benchStruct = struct {
		ID       int    `json:"id"`
		Customer string `json:"customer"`
	}{17, "Ada Lovelace"}
)

func scene(i int, h slog.Handler) *slog.Logger {
	l := slog.New(h)
	if scenes[i].build != nil {
		l = scenes[i].build(l)
	}
	return l
}

func BenchmarkHandler(b *testing.B) {
	for i, s := range scenes {
		run := func(h slog.Handler) func(*testing.B) {
			return func(b *testing.B) {
				l := scene(i, h)
				b.ReportAllocs()
				for b.Loop() {
					s.log(l)
				}
			}
		}
		b.Run(s.name+"/ecslog", run(ecslog.NewHandler(io.Discard, &s.opts)))
		b.Run(s.name+"/slog", run(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{AddSource: s.opts.AddSource})))
	}
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	for i, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			l := scene(i, ecslog.NewHandler(io.Discard, &s.opts))
			if got := testing.AllocsPerRun(200, func() { s.log(l) }); got > s.allocs {
				t.Errorf("%v allocations a line, want at most %v", got, s.allocs)
			}
		})
	}
}
