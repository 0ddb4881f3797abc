package ecslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/ecslog"
	"github.com/gorm-audit/auditplugin/test/ecsspec"
)

// FuzzLine lets the input choose the keys, the values and how they nest.
func FuzzLine(f *testing.F) {
	f.Add("message", "trace.id", "log", "labels", "x\n", uint64(0x123456789abcdef), int64(0))
	f.Add("error", "err", "a.b", "a", "\xff", uint64(0xfedcba9876543210), int64(-1))
	f.Add("log.origin.file.line", "source", "\xff", "\xfe", "{\"a\":1,\"a\":2}", uint64(0x5555555555555555), int64(math.MaxInt64))
	f.Add("labels.a.b", "labels", "", ".", "[1]", uint64(0x777), int64(5))
	spec := ecsspec.Load(f)
	f.Fuzz(func(t *testing.T, k1, k2, k3, k4, text string, shape uint64, n int64) {
		keys := []string{k1, k2, k3, k4}
		pick := func(m uint64) uint64 {
			v := shape % m
			shape = shape/m + shape<<59
			return v
		}
		var attr func(depth int) slog.Attr
		value := func(depth int) any {
			switch pick(14) {
			case 0:
				return text
			case 1:
				return n
			case 2:
				return math.Float64frombits(uint64(n))
			case 3:
				return nil
			case 4:
				return errors.New(text)
			case 5:
				return map[string]any{k1: text, k2: map[string]any{k3: n}, k4: []any{text}}
			case 6:
				return json.RawMessage(text)
			case 7:
				return &slog.Source{File: text, Line: int(n), Function: k1}
			case 8:
				return map[string]string{k1: k2, k3: k4}
			case 9:
				return time.Unix(n, 0)
			case 10:
				return []byte(text)
			case 11:
				return struct{ A, B any }{text, math.Float64frombits(uint64(n))}
			case 12:
				return []string{text, k1}
			}
			if depth > 3 {
				return true
			}
			return slog.GroupValue(attr(depth+1), attr(depth+1))
		}
		attr = func(depth int) slog.Attr { return slog.Any(keys[pick(4)], value(depth)) }
		opts := &ecslog.Options{
			StampZeroTime: true, AddSource: pick(2) == 0, Original: pick(2) == 0, Pinned: pick(2) == 0,
			Logger: []string{"", text}[pick(2)], ServiceName: []string{"", k4}[pick(2)], MaxValueBytes: []int{0, 5, -1}[pick(3)],
		}
		var buf bytes.Buffer
		var h slog.Handler = ecslog.NewHandler(&buf, opts)
		for range pick(4) {
			if pick(2) == 0 {
				h = h.WithGroup(keys[pick(4)])
			} else {
				h = h.WithAttrs([]slog.Attr{attr(0)})
			}
		}
		r := slog.NewRecord(time.Unix(n, 0), slog.Level(n%20), text, uintptr(pick(2)))
		for range pick(5) {
			r.AddAttrs(attr(0))
		}
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		if err := spec.Check(buf.Bytes()); err != nil {
			t.Fatalf("%v\n%q", err, buf.Bytes())
		}
	})
}
