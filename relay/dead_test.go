package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// refuses returns an error for the given sequence numbers.
func refuses(err error, seqs ...int64) func([]audit.Record) error {
	return func(records []audit.Record) error {
		for _, r := range records {
			if slices.Contains(seqs, r.Seq) {
				return err
			}
		}
		return nil
	}
}

func deadLetters(t *testing.T, r *Relay, name string) []DeadLetter {
	t.Helper()
	all, err := r.Subscriber(name).DeadLetters(context.Background(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRetriesUntilAccepted(t *testing.T) {
	db := open(t)
	createAccounts(t, db, 3)
	calls := 0
	s := &sink{refuse: func(records []audit.Record) error {
		if calls++; records[0].Seq == 2 && calls < 6 {
			return errors.New("not yet")
		}
		return nil
	}}
	r := newRelay(t, db)
	subscribe(t, r, "a", s, Retry(0, time.Millisecond, 2*time.Millisecond))
	run(t, r)
	eventually(t, "all in order", func() bool { return slices.Equal(s.seqs(), upTo(3)) })
	eventually(t, "counted", func() bool {
		stats, err := r.Subscriber("a").Stats(context.Background())
		return err == nil && stats.Failed == 4 && stats.Delivered == 3 && stats.LastError == "not yet" && !stats.LastErrorAt.IsZero()
	})
}

func TestOnlyTheBadRecordDies(t *testing.T) {
	for name, c := range map[string]struct {
		err      error
		attempts int
	}{
		"permanent": {Permanent(errors.New("malformed")), 2}, // with its transaction, and alone
		"too often": {errors.New("malformed"), 6},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			err := db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Create(&account{Phone: "1"}).Error, tx.Create(&account{Phone: "2"}).Error, tx.Create(&account{Phone: "3"}).Error)
			})
			if err != nil {
				t.Fatal(err)
			}
			createAccounts(t, db, 1)
			r, s := newRelay(t, db), &sink{refuse: refuses(c.err, 2)}
			subscribe(t, r, "a", s, Retry(3, time.Millisecond, 2*time.Millisecond))
			run(t, r)
			eventually(t, "the others", func() bool { return slices.Equal(s.seqs(), []int64{1, 3, 4}) })
			eventually(t, "one dead letter", func() bool { return len(deadLetters(t, r, "a")) == 1 })
			l := deadLetters(t, r, "a")[0]
			if l.Record.Seq != 2 || l.Record.After["phone"] != "2" || l.Error != "malformed" || l.Attempts != c.attempts ||
				time.Since(l.FailedAt).Abs() > time.Minute || l.Replaying {
				t.Errorf("dead letter %+v", l)
			}
		})
	}
}

func TestReplayAndDiscard(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	createAccounts(t, db, 4)
	r, s := newRelay(t, db), &sink{refuse: refuses(Permanent(errors.New("no")), 1, 2, 3)}
	subscribe(t, r, "a", s)
	run(t, r)
	eventually(t, "three dead letters", func() bool { return len(deadLetters(t, r, "a")) == 3 })
	letters := deadLetters(t, r, "a")
	eventually(t, "the fourth is delivered", func() bool {
		stats, err := r.Subscriber("a").Stats(ctx)
		return err == nil && stats.Dead == 3 && stats.Lag == 0 && stats.Missing == 0 && stats.Failed == 3 && stats.Delivered == 1
	})
	if next, err := r.Subscriber("a").DeadLetters(ctx, letters[1].ID, 5); err != nil || len(next) != 1 || next[0].ID != letters[2].ID {
		t.Fatalf("the page after the second: %v, %v", next, err)
	}

	// Another process, which has no sink, is enough to ask for it.
	tool := newRelay(t, db, NoCreate())
	s.setRefuse(refuses(errors.New("still not"), 2))
	n, err := tool.Subscriber("a").Replay(ctx, letters[0].ID, letters[1].ID, 999)
	if err != nil || n != 2 {
		t.Fatalf("marked %d, %v", n, err)
	}
	eventually(t, "the first is delivered", func() bool { return slices.Equal(s.seqs(), []int64{4, 1}) })
	eventually(t, "the second failed again", func() bool {
		l := deadLetters(t, r, "a")
		return len(l) == 2 && l[0].Error == "still not" && l[0].Attempts == 2 && !l[0].Replaying && l[1].Error == "no"
	})
	if n, err := tool.Subscriber("a").Discard(ctx, letters[1].ID, letters[2].ID); err != nil || n != 2 {
		t.Fatalf("discarded %d, %v", n, err)
	}
	if left := deadLetters(t, r, "a"); len(left) != 0 {
		t.Fatalf("left: %v", left)
	}
}

// A replayed record is the one that was delivered, digit for digit.
func TestDeadLetterKeepsTheRecord(t *testing.T) {
	db := open(t)
	want := audit.Record{
		RecordType: "big", Table: "t", RecordID: "1", Time: time.Date(2026, 11, 23, 1, 2, 3, 4000, time.UTC),
		Before: map[string]any{"n": int64(9007199254740993)}, After: map[string]any{"n": uint64(18446744073709551615), "s": "ü\u2028"},
		Metadata: map[string]any{"list": []any{1, "x", nil}}, Source: audit.Source{File: "f.go", Line: 3},
	}
	e, err := emitter.Table().Bind(db)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Emit(context.Background(), []audit.Record{want}); err != nil {
		t.Fatal(err)
	}
	var first audit.Record
	s := &sink{refuse: func(records []audit.Record) error { first = records[0]; return Permanent(errors.New("no")) }}
	r := newRelay(t, db)
	subscribe(t, r, "a", s)
	run(t, r)
	eventually(t, "dead", func() bool { return len(deadLetters(t, r, "a")) == 1 })
	s.setRefuse(nil)
	if _, err := r.Subscriber("a").Replay(context.Background(), deadLetters(t, r, "a")[0].ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "replayed", func() bool { return len(s.records()) == 1 })
	if got, want := fmt.Sprintf("%#v", s.records()[0]), fmt.Sprintf("%#v", first); got != want {
		t.Errorf("replayed %s\ndelivered %s", got, want)
	}
	if !strings.Contains(fmt.Sprintf("%#v", first), "18446744073709551615") {
		t.Errorf("digits were lost: %#v", first)
	}
}

func TestUnreadableRecordDies(t *testing.T) {
	db := open(t)
	createAccounts(t, db, 3)
	if err := db.Exec(`UPDATE audit_logs SET "after" = '{broken' WHERE seq = 2`).Error; err != nil {
		t.Fatal(err)
	}
	r, s := newRelay(t, db), &sink{}
	subscribe(t, r, "a", s)
	run(t, r)
	eventually(t, "the others", func() bool { return slices.Contains(s.seqs(), 3) })
	eventually(t, "a dead letter", func() bool { return len(deadLetters(t, r, "a")) == 1 })
	l := deadLetters(t, r, "a")[0]
	if l.Record.Seq != 2 || l.Record.ID == "" || l.Attempts != 0 || strings.Contains(l.Error, "broken") {
		t.Fatalf("dead letter %+v", l)
	}
	// Once it was mended, a replay reads it from the audit table.
	if err := db.Exec(`UPDATE audit_logs SET "after" = '{}' WHERE seq = 2`).Error; err != nil {
		t.Fatal(err)
	}
	if _, err := r.Subscriber("a").Replay(context.Background(), l.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "replayed", func() bool { return slices.Contains(s.seqs(), 2) })
}

func TestPanicAndHostileErrors(t *testing.T) {
	db := open(t)
	createAccounts(t, db, 2)
	calls := 0
	r, s := newRelay(t, db), &sink{}
	subscribe(t, r, "a", emitter.Func(func(ctx context.Context, records []audit.Record) error {
		switch calls++; calls {
		case 1:
			panic("secret of the record")
		case 2:
			return Permanent(errors.New("bad \xff bytes\x00 " + strings.Repeat("x", 5000)))
		}
		return s.Emit(ctx, records)
	}), Retry(5, time.Millisecond, time.Millisecond))
	run(t, r)
	eventually(t, "the second record", func() bool { return slices.Equal(s.seqs(), []int64{2}) })
	l := deadLetters(t, r, "a")[0]
	if l.Attempts != 2 || len(l.Error) > 3000 || strings.Contains(l.Error, "\x00") || !strings.HasPrefix(l.Error, "bad \uFFFD bytes\uFFFD x") {
		t.Errorf("dead letter %+v", l)
	}
}

// A sink may say how long to wait.
func TestRetryAfter(t *testing.T) {
	db := open(t)
	createAccounts(t, db, 1)
	var times []time.Time
	s := &sink{refuse: func([]audit.Record) error {
		if times = append(times, time.Now()); len(times) == 1 {
			return &busy{200 * time.Millisecond}
		}
		return nil
	}}
	r := newRelay(t, db)
	subscribe(t, r, "a", s, Retry(5, time.Millisecond, time.Second))
	run(t, r)
	eventually(t, "delivered", func() bool { return len(s.seqs()) == 1 })
	if waited := times[1].Sub(times[0]); waited < 200*time.Millisecond {
		t.Errorf("waited %v", waited)
	}
}

type busy struct{ after time.Duration }

func (b *busy) Error() string             { return "busy" }
func (b *busy) RetryAfter() time.Duration { return b.after }

// A failure of the relay's own tables is no failure of the record.
func TestTroubleWithPositionsBuriesNothing(t *testing.T) {
	db := open(t)
	createAccounts(t, db, 1)
	r := newRelay(t, db)
	var calls atomic.Int32
	s := &sink{refuse: func([]audit.Record) error { calls.Add(1); return errors.New("sink down") }}
	subscribe(t, r, "a", s, Retry(3, time.Millisecond, time.Millisecond))
	if _, err := r.store.db.Exec(`CREATE TRIGGER broken BEFORE UPDATE ON audit_relay_positions WHEN NEW.last_error = 'sink down'
		BEGIN SELECT RAISE(ABORT, 'disk full'); END`); err != nil {
		t.Fatal(err)
	}
	run(t, r)
	eventually(t, "a second call", func() bool { return calls.Load() > 1 })
	if l := deadLetters(t, r, "a"); len(l) != 0 {
		t.Fatalf("dead letters %+v", l)
	}
	s.setRefuse(nil)
	eventually(t, "delivered", func() bool { return len(s.seqs()) == 1 })
}
