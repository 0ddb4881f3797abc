package emitter_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

// failures is an emitter.TB that remembers errors.
type failures struct{ texts []string }

func (*failures) Helper() {}
func (f *failures) Errorf(format string, args ...any) {
	f.texts = append(f.texts, fmt.Sprintf(format, args...))
}

func memoryWith(t *testing.T, batches ...[]audit.Record) *emitter.MemoryEmitter {
	t.Helper()
	m := emitter.Memory()
	for _, b := range batches {
		if err := m.Emit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestMemoryMatches(t *testing.T) {
	m := memoryWith(t, emittertest.Records("w", 2))
	for name, c := range map[string]struct {
		want  emitter.Want
		count int
	}{
		"anything":       {emitter.Want{}, 2},
		"key":            {emitter.Want{Table: "users", RecordID: "2"}, 1},
		"after":          {emitter.Want{After: map[string]any{"visits": 1, "phone": "+19876543210"}}, 1},
		"nested":         {emitter.Want{Before: map[string]any{"address": map[string]any{"city": "Oslo", "zip": []any{"0150", nil}}}}, 2},
		"metadata":       {emitter.Want{Metadata: map[string]any{"attempt": uint8(2)}}, 2},
		"other action":   {emitter.Want{Action: audit.Delete}, 0},
		"other outcome":  {emitter.Want{Outcome: audit.Failure}, 0},
		"other type":     {emitter.Want{RecordType: "account"}, 0},
		"other actor":    {emitter.Want{ActorID: "1"}, 0},
		"other reason":   {emitter.Want{Reason: "x"}, 0},
		"other value":    {emitter.Want{After: map[string]any{"visits": "1"}}, 0},
		"missing column": {emitter.Want{After: map[string]any{"email": nil}}, 0},
	} {
		if got := len(m.Find(c.want)); got != c.count {
			t.Errorf("%s: %d records found, want %d", name, got, c.count)
		}
		var f failures
		if _, ok := m.AssertRecorded(&f, c.want); ok != (c.count > 0) || len(f.texts) != b2i(!ok) {
			t.Errorf("%s: AssertRecorded is %v with errors %q", name, ok, f.texts)
		}
		f = failures{}
		if ok := m.AssertNotRecorded(&f, c.want); ok != (c.count == 0) || len(f.texts) != b2i(!ok) {
			t.Errorf("%s: AssertNotRecorded is %v with errors %q", name, ok, f.texts)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestMemoryFailureSaysWhatWasRecorded(t *testing.T) {
	m := memoryWith(t, emittertest.Records("f", 30))
	var f failures
	m.AssertRecorded(&f, emitter.Want{Action: audit.Delete, After: map[string]any{"a": 1}})
	for _, part := range []string{`{action=delete after={"a":1}}`, `update user 1 by "42"`, "… and 10 more"} {
		if len(f.texts) != 1 || !strings.Contains(f.texts[0], part) {
			t.Errorf("no %q in %q", part, f.texts)
		}
	}
}

func TestMemoryCountAndReset(t *testing.T) {
	m := memoryWith(t, emittertest.Records("a", 2), nil, emittertest.Records("b", 1))
	if got := m.Transactions(); len(got) != 2 || len(got[0]) != 2 || got[1][0].ID != "b-0000" {
		t.Errorf("transactions are %v", got)
	}
	var f failures
	if m.AssertCount(&f, 2) || m.AssertNone(&f) || !m.AssertCount(&f, 3) || len(f.texts) != 2 {
		t.Errorf("errors are %q, want two", f.texts)
	}
	m.Reset()
	m.AssertNone(t)
}

func TestMemoryCopies(t *testing.T) {
	m := memoryWith(t, emittertest.Records("c", 1))
	read := m.Records()[0]
	read.After["phone"] = "changed"
	read.After["address"].(map[string]any)["city"] = "changed"
	read.Changes[0].Path = "changed"
	m.AssertRecorded(t, emitter.Want{After: map[string]any{
		"phone": "+19876543210", "address": map[string]any{"city": "Bergen", "zip": []any{"5003", nil}},
	}})
	if got := m.Records()[0].Changes[0].Path; got != "address.city" {
		t.Errorf("path is %q", got)
	}
}

func TestMemoryWaitFor(t *testing.T) {
	m := emitter.Memory()
	waited := make(chan error)
	go func() { waited <- m.WaitFor(t.Context(), 3) }()
	for i := range 3 {
		if err := m.Emit(t.Context(), emittertest.Records(fmt.Sprint(i), 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.WaitFor(ctx, 4); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want context.Canceled", err)
	}
}
