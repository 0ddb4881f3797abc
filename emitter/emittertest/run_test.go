package emittertest_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

// sink keeps what it is given, after mangle has had its way with it.
type sink struct {
	mu     sync.Mutex
	kept   []audit.Record
	mangle func(s *sink, records []audit.Record) ([]audit.Record, error)
	closed int
	close  func(s *sink)
}

func (s *sink) Emit(_ context.Context, records []audit.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	records, err := s.mangle(s, records)
	s.kept = append(s.kept, records...)
	return err
}

func (s *sink) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
	if s.close != nil {
		s.close(s)
	}
	return nil
}

func (s *sink) Received() []audit.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]audit.Record(nil), s.kept...)
}

type mangler = func(*sink, []audit.Record) ([]audit.Record, error)

func keepIDs(records []audit.Record) []audit.Record {
	ids := make([]audit.Record, len(records))
	for i := range records {
		ids[i].ID = records[i].ID
	}
	return ids
}

// broken returns emitters that each break the contract in one way, by the name of
// the subtest that must notice.
func broken() map[string]mangler {
	return map[string]mangler{
		"Order": func(_ *sink, r []audit.Record) ([]audit.Record, error) {
			ids := keepIDs(r)
			for i := range len(ids) / 2 {
				ids[i], ids[len(ids)-1-i] = ids[len(ids)-1-i], ids[i]
			}
			return ids, nil
		},
		"Many": func(_ *sink, r []audit.Record) ([]audit.Record, error) {
			return keepIDs(r[:min(len(r), 1000)]), nil
		},
		"Empty": func(_ *sink, r []audit.Record) ([]audit.Record, error) { return keepIDs(r), errIf(len(r) == 0) },
		"Unchanged": func(_ *sink, r []audit.Record) ([]audit.Record, error) {
			ids := keepIDs(r)
			for i := range r {
				r[i].After["seen"] = true
			}
			return ids, nil
		},
		"Concurrent": func(_ *sink, r []audit.Record) ([]audit.Record, error) {
			return append(keepIDs(r), keepIDs(r)...), nil
		},
		"Hostile": func(_ *sink, r []audit.Record) ([]audit.Record, error) {
			return keepIDs(r), errIf(len(r) > 0 && strings.Contains(r[0].Message, "\x00"))
		},
		"Cancelled": func(*sink, []audit.Record) ([]audit.Record, error) { return nil, context.Canceled },
		"Close": func(s *sink, r []audit.Record) ([]audit.Record, error) {
			s.close = func(s *sink) { s.kept = nil }
			return keepIDs(r), nil
		},
	}
}

func errIf(broken bool) error {
	if broken {
		return os.ErrInvalid
	}
	return nil
}

func TestRunAcceptsAGoodEmitter(t *testing.T) {
	emittertest.Run(t, func(*testing.T) (audit.Emitter, func() []audit.Record) {
		s := &sink{mangle: func(_ *sink, r []audit.Record) ([]audit.Record, error) { return keepIDs(r), nil }}
		return s, s.Received
	})
}

const brokenName = "EMITTERTEST_BROKEN"

// The suite must fail for emitters that break the contract. It does so in a
// process of its own, since a failing subtest fails its parent.
func TestRunRefusesBrokenEmitters(t *testing.T) {
	if name := os.Getenv(brokenName); name != "" {
		emittertest.Run(t, func(*testing.T) (audit.Emitter, func() []audit.Record) {
			s := &sink{mangle: broken()[name]}
			return s, s.Received
		})
		return
	}
	for name := range broken() {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // some wait for records that do not come
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRunRefusesBrokenEmitters$/^"+name+"$")
			cmd.Env = append(os.Environ(), brokenName+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestRunRefusesBrokenEmitters/"+name) {
				t.Errorf("the suite accepts an emitter broken in %s: %v\n%s", name, err, out)
			}
		})
	}
}
