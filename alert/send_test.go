package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/relay"
)

// logged is a log that tests read.
type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func quick(l *logged) []alert.Option {
	return []alert.Option{
		alert.WithPoll(5 * time.Millisecond), alert.WithRetry(4, time.Millisecond, 4*time.Millisecond),
		alert.WithLogger(slog.New(slog.NewTextHandler(l, nil))),
	}
}

func TestRetry(t *testing.T) {
	var l logged
	s := newScene(t, []alert.Rule{mfaRule()}, quick(&l)...)
	var ids []string
	s.inbox.fail = func(m alert.Message) error {
		ids = append(ids, m.ID)
		if m.Attempt < 3 {
			return fmt.Errorf("Post \"https://hooks.example.com/services/T0/S3CR3T\": connection refused, attempt %d", m.Attempt)
		}
		return nil
	}
	if err := s.engine.Emit(t.Context(), []audit.Record{record("r", audit.Update)}); err != nil {
		t.Fatal(err)
	}
	m := s.run(1)[0]
	if m.Attempt != 3 || len(ids) != 3 || ids[0] != ids[2] || ids[0] == "" || ids[0] != m.ID {
		t.Errorf("attempt %d, ids %q", m.Attempt, ids)
	}
	if text := l.String(); strings.Contains(text, "S3CR3T") || !strings.Contains(text, "attempt 2") {
		t.Errorf("log: %s", text)
	}
}

func TestDeadMessages(t *testing.T) {
	var l logged
	s := newScene(t, []alert.Rule{mfaRule()}, quick(&l)...)
	for _, c := range []struct {
		name     string
		err      error
		attempts int
	}{
		{"tired", errors.New("https://hooks.example.com/S3CR3T is down"), 4},
		{"permanent", relay.Permanent(errors.New("no such room")), 1},
	} {
		s.inbox.mu.Lock()
		s.inbox.fail = func(alert.Message) error { return c.err }
		s.inbox.mu.Unlock()
		if err := s.engine.Emit(t.Context(), []audit.Record{record(c.name, audit.Update)}); err != nil {
			t.Fatal(err)
		}
		dead := untilDead(t, s)
		if len(dead) != 1 || dead[0].Attempt != c.attempts || dead[0].Error == "" || strings.Contains(dead[0].Error, "S3CR3T") || dead[0].Records[0] != c.name {
			t.Fatalf("%s: %+v", c.name, dead)
		}
		s.inbox.mu.Lock()
		s.inbox.fail = nil
		s.inbox.mu.Unlock()
		if c.name == "tired" {
			if n, err := s.engine.Replay(t.Context(), dead[0].ID, "another"); n != 1 || err != nil {
				t.Errorf("%d replayed, %v", n, err)
			}
			s.run(1)
			continue
		}
		if n, err := s.engine.Discard(t.Context()); n != 1 || err != nil {
			t.Errorf("%d discarded, %v", n, err)
		}
		s.run(1)
		if left, err := s.engine.Dead(t.Context(), 0); len(left) != 0 || err != nil {
			t.Errorf("%d left, %v", len(left), err)
		}
	}
	if n, err := s.engine.Prune(t.Context(), 0); n != 2 || err != nil {
		t.Errorf("%d rows pruned, %v", n, err)
	}
}

func untilDead(t *testing.T, s *scene) []alert.DeadMessage {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.engine.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for range 2000 {
		dead, err := s.engine.Dead(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(dead) > 0 {
			return dead
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("nothing died")
	return nil
}

// A channel that hangs, panics or fails does not hold up the others.
func TestChannelsAreApart(t *testing.T) {
	var l logged
	hang := make(chan struct{})
	defer close(hang)
	s := newScene(t, nil, append(quick(&l), alert.WithSendTimeout(20*time.Millisecond), alert.WithStopTimeout(0))...)
	channels := map[string]alert.Channel{
		"inbox":  s.inbox,
		"hangs":  alert.Func(func(context.Context, alert.Message) error { <-hang; return nil }),
		"panics": alert.Func(func(context.Context, alert.Message) error { panic("secret-value") }),
		"fails":  alert.Func(func(context.Context, alert.Message) error { return errors.New("no") }),
		"nil":    alert.Func(nil),
	}
	if err := s.engine.Replace([]alert.Rule{mfaRule().To("hangs", "panics", "fails", "nil")}, channels); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := s.engine.Emit(t.Context(), []audit.Record{record(fmt.Sprint("r", i), audit.Update)}); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	s.run(20)
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("20 messages took %s beside dead channels", d)
	}
	if strings.Contains(l.String(), "secret-value") {
		t.Error("the log quotes a panic")
	}
}

// An engine that stops gives back what it was sending.
func TestStopGivesBack(t *testing.T) {
	var l logged
	s := newScene(t, []alert.Rule{mfaRule()}, append(quick(&l), alert.WithStopTimeout(10*time.Millisecond))...)
	started, release := make(chan struct{}), make(chan struct{})
	channels := map[string]alert.Channel{"inbox": alert.Func(func(ctx context.Context, m alert.Message) error {
		started <- struct{}{}
		<-release
		return nil
	})}
	if err := s.engine.Replace([]alert.Rule{mfaRule()}, channels); err != nil {
		t.Fatal(err)
	}
	if err := s.engine.Emit(t.Context(), []audit.Record{record("r", audit.Update)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.engine.Run(ctx) }()
	<-started
	if err := s.engine.Run(ctx); !errors.Is(err, alert.ErrRunning) {
		t.Errorf("a second Run: %v", err)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Run did not stop")
	}
	close(release)
	if err := s.engine.Replace([]alert.Rule{mfaRule()}, map[string]alert.Channel{"inbox": s.inbox}); err != nil {
		t.Fatal(err)
	}
	if m := s.run(1)[0]; m.Attempt != 1 {
		t.Errorf("attempt %d: the one that was cut short counts", m.Attempt)
	}
}

// Two engines on one table send each message once between them.
func TestTwoEngines(t *testing.T) {
	var l logged
	s := newScene(t, []alert.Rule{mfaRule()}, quick(&l)...)
	second, err := alert.New(s.DB, []alert.Rule{mfaRule()}, map[string]alert.Channel{"inbox": s.inbox}, quick(&l)...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		if err := s.engine.Emit(t.Context(), []audit.Record{record(fmt.Sprint("r", i), audit.Update)}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- second.Run(ctx) }()
	s.run(60)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
