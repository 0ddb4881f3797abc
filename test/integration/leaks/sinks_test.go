package leaks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/ecslog"
	"github.com/gorm-audit/auditplugin/emitter"
)

// text is a sink that may be read while others write.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// sinks are all the places where records go, besides the table, and where the
// plugin complains.
type sinks struct {
	json, slogText, slogJSON, ecs, calls, queued text
	warnings, errors                             text
	memory                                       *emitter.MemoryEmitter
	// print makes Func and Async write out what they get, which never ends for some
	// hostile values.
	print bool
}

var errSink = errors.New("this emitter always fails")

func newSinks() *sinks { return &sinks{memory: emitter.Memory()} }

// options send records to every sink.
func (s *sinks) options(hashKey string) []auditplugin.Option {
	into := func(l *text) emitter.Func {
		return func(_ context.Context, records []audit.Record) error {
			for _, r := range records {
				if !s.print {
					_, _ = l.Write([]byte("record\n")) // it takes everything
					continue
				}
				fmt.Fprintf(l, "%+v\n", r)
				if b, err := json.Marshal(r); err == nil {
					_, _ = l.Write(b) // likewise
				}
			}
			return nil
		}
	}
	return []auditplugin.Option{
		auditplugin.WithEmitter(
			emitter.JSON(&s.json), emitter.Slog(slog.New(slog.NewTextHandler(&s.slogText, nil))),
			emitter.Slog(slog.New(slog.NewJSONHandler(&s.slogJSON, nil))), emitter.Slog(slog.New(ecslog.NewHandler(&s.ecs, nil))),
			s.memory, into(&s.calls), emitter.Async(into(&s.queued)),
		),
		auditplugin.WithHashKey([]byte(hashKey)), auditplugin.WithLifecycleEvents(),
		auditplugin.WithLogger(slog.New(slog.NewTextHandler(&s.warnings, nil))),
		auditplugin.WithErrorHandler(func(_ context.Context, err error) {
			fmt.Fprintf(&s.errors, "%v\n%+v\n%#v\n", err, err, err.Error())
		}),
	}
}

// heard is how many records Func was given, while print is off.
func (s *sinks) heard() int { return strings.Count(s.calls.String(), "\n") }

// failing are sinks that do not take records and say what was in them.
func failing() auditplugin.Option {
	return auditplugin.WithEmitter(
		emitter.Func(func(_ context.Context, records []audit.Record) error {
			return fmt.Errorf("%w: %v", errSink, records[0].After)
		}),
		emitter.Func(func(_ context.Context, records []audit.Record) error { panic(fmt.Sprint(records)) }),
	)
}

// all is what each sink of records holds, and each of complaints, by name.
func (s *sinks) all(t *testing.T) (records, complaints map[string]string) {
	t.Helper()
	var memory strings.Builder
	for _, r := range s.memory.Records() {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		memory.Write(b)
		fmt.Fprintf(&memory, "%+v %#v\n", r, r)
	}
	records = map[string]string{
		"JSON": s.json.String(), "Slog, text": s.slogText.String(), "Slog, JSON": s.slogJSON.String(), "ecslog": s.ecs.String(),
		"Memory": memory.String(), "Func": s.calls.String(), "Async": s.queued.String(),
	}
	complaints = map[string]string{"logger": s.warnings.String(), "error handler": s.errors.String()}
	return records, complaints
}
