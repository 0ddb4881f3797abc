package ecslog

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// TestDirectPathSaysWhatTheTreeSays writes random attributes by both ways.
func TestDirectPathSaysWhatTheTreeSays(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	keys := []string{
		"a", "b", "a.b", "user", "user.id", "user.name", "user.id.x", "http.request.id", "http.request.method", "http.request",
		"event.action", "event.dataset", "event.x", "trace.id", "trace.x", "span.id", "labels.x", "error", "err", "service.name", "log.logger", "a..b", "url.p.q.r.s",
	}
	attrs := func(n int) []slog.Attr {
		out := make([]slog.Attr, rnd.IntN(n))
		for i := range out {
			values := []any{1, "x", true, nil, 2.5, map[string]any{"k": 1}, time.Second, slog.GroupValue(slog.Int("id", 1), slog.Int("z", 2)), context.Canceled}
			out[i] = slog.Any(keys[rnd.IntN(len(keys))], values[rnd.IntN(len(values))])
			if rnd.IntN(8) == 0 {
				out[i] = slog.Group("", out[i])
			}
		}
		return out
	}
	when := time.Unix(1, 0)
	direct := 0
	for i := range 5_000 {
		o := Options{Pinned: rnd.IntN(2) == 0}
		if rnd.IntN(2) == 0 {
			o.ServiceName = "shop"
		}
		var quick, slow bytes.Buffer
		a, b := NewHandler(&quick, &o), NewHandler(&slow, &o)
		if rnd.IntN(2) == 0 {
			bound := attrs(3)
			a, b = a.WithAttrs(bound).(*Handler), b.WithAttrs(bound).(*Handler)
		}
		if rnd.IntN(4) == 0 {
			a, b = a.WithGroup("g").(*Handler), b.WithGroup("g").(*Handler)
		}
		if a.direct {
			direct++
		}
		b.direct = false
		r := slog.NewRecord(when, slog.LevelInfo, "m", 0)
		r.AddAttrs(attrs(6)...)
		for _, h := range []*Handler{a, b} {
			if err := h.Handle(context.Background(), r); err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(decoded(t, quick.Bytes()), decoded(t, slow.Bytes())) {
			t.Fatalf("case %d:\ndirect %s  tree %s", i, quick.Bytes(), slow.Bytes())
		}
	}
	if direct < 2_000 {
		t.Errorf("only %d handlers took the direct path", direct)
	}
}

func decoded(t *testing.T, line []byte) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return m
}
