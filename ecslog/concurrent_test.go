package ecslog_test

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"

	"github.com/gorm-audit/auditplugin/ecslog"
	"github.com/gorm-audit/auditplugin/test/ecsspec"
)

// TestConcurrentLinesStayWhole relies on the writer not being safe by itself.
func TestConcurrentLinesStayWhole(t *testing.T) {
	const workers, each = 8, 200
	spec := ecsspec.Load(t)
	var buf bytes.Buffer
	l := slog.New(ecslog.NewHandler(&buf, &ecslog.Options{AddSource: true}))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			mine := l.With("worker", w)
			for i := range each {
				mine.Info("m", "i", i, "event.action", "x", "error", loginError{"a"})
				mine.WithGroup("g").Warn("m", "i", i, "list", []any{i})
			}
		})
	}
	wg.Wait()
	lines := bytes.SplitAfter(buf.Bytes(), []byte{'\n'})
	if got := len(lines) - 1; got != 2*workers*each {
		t.Errorf("%d lines, want %d", got, 2*workers*each)
	}
	for _, line := range lines[:len(lines)-1] {
		if err := spec.Check(line); err != nil {
			t.Fatal(err)
		}
	}
}
