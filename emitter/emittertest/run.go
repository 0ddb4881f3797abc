package emittertest

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

// New makes an emitter for one subtest and returns it with a function that
// reports which records have arrived, in order. The function is called again
// until all have, or none has for ten seconds, so an emitter may take its time;
// the records need no more than the id that was sent. It may be nil for an emitter
// whose output cannot be read back; then only errors, panics, hangs and changed
// records are noticed. New registers its clean-up with t.
type New func(t *testing.T) (e audit.Emitter, received func() []audit.Record)

// Run tests the emitters that newEmitter makes:
//
//   - records arrive once each and in order, within a call, over calls, and in a
//     call with 2,500;
//   - an empty slice is no error and no record;
//   - the emitter changes neither the records nor what they point to, and what it
//     has received does not change when the caller uses them again;
//   - concurrent calls neither lose nor mix records;
//   - hostile values (not UTF-8, NUL, line breaks, 1 MiB, NaN, deep and cyclic
//     metadata, values without a JSON form) are no error and lose no record;
//   - a cancelled context is an error or ignored: no error means that the records
//     arrive;
//   - after Close, if the emitter has one, what was emitted has arrived, closing
//     again is harmless, and Emit returns an error or still delivers.
func Run(t *testing.T, newEmitter New) {
	t.Helper()
	t.Run("Order", func(t *testing.T) { testOrder(start(t, newEmitter)) })
	t.Run("Many", func(t *testing.T) { testMany(start(t, newEmitter)) })
	t.Run("Empty", func(t *testing.T) { testEmpty(start(t, newEmitter)) })
	t.Run("Unchanged", func(t *testing.T) { testUnchanged(start(t, newEmitter)) })
	t.Run("Concurrent", func(t *testing.T) { testConcurrent(start(t, newEmitter)) })
	t.Run("Hostile", func(t *testing.T) { testHostile(t, newEmitter) })
	t.Run("Cancelled", func(t *testing.T) { testCancelled(start(t, newEmitter)) })
	t.Run("Close", func(t *testing.T) { testClose(start(t, newEmitter)) })
}

// subject is one emitter under test.
type subject struct {
	*testing.T
	emitter  audit.Emitter
	received func() []audit.Record
}

func start(t *testing.T, newEmitter New) *subject {
	t.Helper()
	e, received := newEmitter(t)
	if e == nil {
		t.Fatal("newEmitter returned no emitter")
	}
	return &subject{t, e, received}
}

func (s *subject) emit(records []audit.Record) {
	s.Helper()
	if err := s.emitter.Emit(context.Background(), records); err != nil {
		s.Fatalf("Emit of %d records: %v", len(records), err)
	}
}

const (
	// patience is how long to wait for the next record to arrive.
	patience = 10 * time.Second
	// endurance is how long one Emit or Close may take. It is only there to tell
	// slow, as with -race on a busy machine, from endless.
	endurance = 90 * time.Second
)

// arrive waits until want records have arrived, or none has for as long as
// patience lasts, and returns the ids of those that have.
func (s *subject) arrive(want int) []string {
	s.Helper()
	deadline, count := time.Now().Add(patience), 0
	for {
		got := s.received()
		if len(got) > count {
			deadline, count = time.Now().Add(patience), len(got)
		}
		if len(got) >= want || time.Now().After(deadline) {
			ids := make([]string, len(got))
			for i := range got {
				ids[i] = got[i].ID
			}
			return ids
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// wantInOrder checks that exactly records have arrived, in order.
func (s *subject) wantInOrder(records []audit.Record) {
	s.Helper()
	if s.received == nil {
		return
	}
	got := s.arrive(len(records))
	if len(got) != len(records) {
		s.Fatalf("%d records arrived, want %d", len(got), len(records))
	}
	for i := range got {
		if got[i] != records[i].ID {
			s.Fatalf("record %d has id %q, want %q", i, got[i], records[i].ID)
		}
	}
}

func testOrder(s *subject) {
	var all []audit.Record
	for call := range 5 {
		records := Records(fmt.Sprintf("order-%d", call), 4)
		s.emit(records)
		all = append(all, records...)
	}
	s.wantInOrder(all)
}

func testMany(s *subject) {
	records := Records("many", 2500)
	s.emit(records)
	s.wantInOrder(records)
}

func testEmpty(s *subject) {
	s.emit(nil)
	s.emit([]audit.Record{})
	after := Records("after-empty", 1)
	s.emit(after)
	s.wantInOrder(after)
}

func testUnchanged(s *subject) {
	records, original := Records("unchanged", 3), Records("unchanged", 3)
	s.emit(records)
	if !reflect.DeepEqual(records, original) {
		s.Error("Emit changed the records")
	}
	if s.received == nil {
		return
	}
	s.arrive(len(records))
	if !reflect.DeepEqual(records, original) {
		s.Error("the emitter changed the records after Emit")
	}
	before := s.received()
	for i := range records {
		records[i].ID = "reused"
		for k := range records[i].After {
			records[i].After[k] = "reused"
		}
	}
	if after := s.received(); !reflect.DeepEqual(before, after) {
		s.Error("the emitter kept the caller's records: they changed with the caller's")
	}
}

func testConcurrent(s *subject) {
	const callers, calls, size = 8, 10, 3
	var group sync.WaitGroup
	errs := make(chan error, callers*calls)
	for caller := range callers {
		group.Go(func() {
			for call := range calls {
				records := Records(fmt.Sprintf("c%d-%02d", caller, call), size)
				errs <- s.emitter.Emit(context.Background(), records)
			}
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			s.Fatalf("Emit: %v", err)
		}
	}
	if s.received == nil {
		return
	}
	got := s.arrive(callers * calls * size)
	if len(got) != callers*calls*size {
		s.Fatalf("%d records arrived, want %d", len(got), callers*calls*size)
	}
	place := make(map[string]int, len(got))
	for i, id := range got {
		if _, twice := place[id]; twice {
			s.Fatalf("record %q arrived twice", id)
		}
		place[id] = i
	}
	// What one caller sent later must not come earlier: its calls were one after
	// the other.
	for caller := range callers {
		last := -1
		for call := range calls {
			for _, r := range Records(fmt.Sprintf("c%d-%02d", caller, call), size) {
				at, ok := place[r.ID]
				if !ok {
					s.Fatalf("record %q did not arrive", r.ID)
				}
				if at < last {
					s.Fatalf("record %q arrived before its caller's earlier ones", r.ID)
				}
				last = at
			}
		}
	}
}

func testCancelled(s *subject) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	records := Records("cancelled", 2)
	err := s.emitter.Emit(ctx, records)
	if err == nil {
		s.wantInOrder(records)
		return
	}
	s.Logf("a cancelled context is an error: %v", err)
	after := Records("after-cancelled", 2)
	s.emit(after)
	if s.received == nil {
		return
	}
	got := s.arrive(len(after))
	if n := len(got); n < len(after) || got[n-1] != after[len(after)-1].ID {
		s.Fatalf("after a cancelled call, %q arrived, want it to end with %q", got, after[len(after)-1].ID)
	}
}

func testClose(s *subject) {
	c, ok := s.emitter.(interface{ Close(context.Context) error })
	if !ok {
		s.Skip("the emitter has no Close method")
	}
	records := Records("before-close", 5)
	s.emit(records)
	ctx, cancel := context.WithTimeout(context.Background(), endurance)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		s.Fatalf("Close: %v", err)
	}
	if s.received != nil {
		if got := len(s.received()); got != len(records) {
			s.Fatalf("%d records had arrived when Close returned, want %d", got, len(records))
		}
	}
	if err := c.Close(ctx); err != nil {
		s.Errorf("second Close: %v", err)
	}
	late := Records("after-close", 1)
	if err := s.emitter.Emit(context.Background(), late); err == nil {
		s.wantInOrder(append(records, late...))
	}
}
