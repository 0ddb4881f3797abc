package integration

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// event records one with a message of its own.
func (s *stage) event(tx *gorm.DB, message string) {
	s.Helper()
	s.try(auditplugin.Event(tx, audit.Record{RecordType: "setting", RecordID: "a", Message: message}))
}

// told are the actions and messages of the trail, in its order.
func (s *stage) told(want ...string) {
	s.Helper()
	got := []string{}
	for _, e := range s.trail() {
		got = append(got, strings.TrimSpace(e.Action+" "+e.Message))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("the trail is %q, want %q", got, want)
	}
}

func TestEventCommitsWithItsTransaction(t *testing.T) {
	settings().natively(t, func(s *stage) {
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			s.try(put(tx, "x"))
			s.event(tx, "opened")
			s.try(put(tx, "y"))
			if n := len(s.db.Announced.Batches()); n != 0 {
				s.Errorf("%d batches were announced before the commit", n)
			}
			return nil
		}))
		s.told("create", "event opened", "create")
		trail := s.trail()
		if len(trail) != 3 {
			return
		}
		if id := trail[0].TransactionID; id == "" || trail[1].TransactionID != id || trail[2].TransactionID != id {
			s.Errorf("the records do not share one transaction: %+v", trail)
		}
		if n := len(s.db.Announced.Batches()); n != 1 {
			s.Errorf("announced in %d batches, want 1", n)
		}
	})
}

func TestEventRollsBackWithItsTransaction(t *testing.T) {
	settings().natively(t, func(s *stage) {
		s.fails(s.db.Transaction(func(tx *gorm.DB) error {
			s.event(tx, "never")
			return errOnPurpose
		}), errOnPurpose)
		s.told()
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			s.event(tx, "outer")
			s.fails(tx.Transaction(func(inner *gorm.DB) error {
				s.event(inner, "never")
				return errOnPurpose
			}), errOnPurpose)
			s.event(tx, "after")
			return nil
		}))
		s.told("event outer", "event after")
	})
}

func TestEventOutsideATransactionIsWrittenAtOnce(t *testing.T) {
	sc := settings()
	sc.options = []testdb.Option{testdb.WithMaxOpen(1)}
	sc.natively(t, func(s *stage) {
		s.event(s.db.DB, "first")
		s.told("event first")
		s.try(put(s.db.DB, "x"))
		// The pool's only connection is taken here.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.try(s.db.WithContext(ctx).Connection(func(tx *gorm.DB) error {
			return auditplugin.Event(tx, audit.Record{Message: "second"})
		}))
		s.told("event first", "create", "event second")
		if n := len(s.db.Announced.Batches()); n != 3 {
			s.Errorf("announced in %d batches, want 3", n)
		}
	})
}

func TestEventWithPreparedStatements(t *testing.T) {
	sc := settings()
	sc.options = []testdb.Option{testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = true })}
	sc.natively(t, func(s *stage) {
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			s.event(tx, "in")
			return put(tx, "x")
		}))
		s.event(s.db.DB, "out")
		s.told("event in", "create", "event out")
	})
}

func TestEventInATransactionOutOfSight(t *testing.T) {
	settings().natively(t, func(s *stage) {
		pool, err := s.db.DB.DB()
		s.try(err)
		for _, commit := range []bool{true, false} {
			sqlTx, err := pool.Begin()
			s.try(err)
			tx := s.db.Session(&gorm.Session{NewDB: true})
			tx.Statement.ConnPool = sqlTx
			s.event(tx, fmt.Sprint("committed ", commit))
			if commit {
				s.try(sqlTx.Commit())
			} else {
				s.try(sqlTx.Rollback())
			}
		}
		s.try(s.db.Plugin.Close(context.Background())) // waits for what is to be announced
		s.told("event committed true")
	})
}

func TestEventIsRefused(t *testing.T) {
	settings().natively(t, func(s *stage) {
		for _, end := range []func(*gorm.DB) *gorm.DB{(*gorm.DB).Commit, (*gorm.DB).Rollback} {
			tx := s.db.Begin()
			s.ok(end(tx))
			s.fails(auditplugin.Event(tx, audit.Record{Message: "too late"}), sql.ErrTxDone)
		}
		s.fails(auditplugin.Event(s.other(), audit.Record{}), auditplugin.ErrInvalidOption)
		s.fails(auditplugin.Event(nil, audit.Record{}), auditplugin.ErrInvalidOption)
		tx := s.db.Begin()
		s.try(s.db.Plugin.Close(context.Background()))
		s.fails(auditplugin.Event(s.db.DB, audit.Record{}), auditplugin.ErrClosed)
		s.fails(auditplugin.Event(tx, audit.Record{}), auditplugin.ErrClosed)
		s.ok(tx.Rollback())
		s.told()
	})
}

func TestEventIsRecordedWhereWritesAreSkipped(t *testing.T) {
	settings().natively(t, func(s *stage) {
		ctx := audit.Skip(context.Background(), "bulk load")
		s.try(s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			s.event(tx, "loaded")
			return nil
		}))
		s.event(s.db.WithContext(ctx), "done")
		s.told("event loaded", "event done")
	})
}

func TestEventIsFilledIn(t *testing.T) {
	sc := settings()
	sc.options = []testdb.Option{testdb.WithPlugin(auditplugin.WithApplication("accounts"))}
	sc.natively(t, func(s *stage) {
		ctx := audit.WithActor(context.Background(), audit.Actor{ID: "42", Type: "user", Name: "Ada"})
		ctx = audit.WithReason(ctx, "ticket 1234")
		ctx = audit.WithMessage(ctx, "from the context")
		ctx = audit.WithCause(ctx, "cause-1")
		ctx = audit.WithRequest(ctx, audit.Request{ID: "r1", IP: "192.0.2.1", UserAgent: "curl"})
		ctx = audit.WithTrace(ctx, "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
		ctx = audit.WithMetadata(ctx, map[string]any{"region": "north"})
		db := s.db.WithContext(ctx)
		s.try(auditplugin.Event(db, audit.Record{RecordType: "session"}))
		e := s.entry(0)
		got := []string{
			e.Action, e.Outcome, e.RecordType, e.ActorID, e.ActorType, e.ActorName, e.Reason, e.Message, e.Cause, e.RequestID,
			e.IP, e.UserAgent, e.TraceID, e.SpanID, e.Application, fmt.Sprint(e.Metadata), filepath.Base(e.Source.File),
		}
		want := []string{
			"event", "success", "session", "42", "user", "Ada", "ticket 1234", "from the context", "cause-1", "r1",
			"192.0.2.1", "curl", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "accounts", "map[region:north]", "event_test.go",
		}
		if strings.Join(got, "|") != strings.Join(want, "|") || e.ID == "" {
			s.Errorf("\n got %q\nwant %q", got, want)
		}
		// What the caller gives stays, as it is now.
		metadata := map[string]any{"region": "south"}
		s.try(db.Transaction(func(tx *gorm.DB) error {
			err := auditplugin.Event(tx, audit.Record{
				Action: audit.Raw, Outcome: audit.Failure, Message: "given", Reason: "mine", Actor: audit.Actor{ID: "7"}, Metadata: metadata,
			})
			metadata["region"] = "changed later"
			return err
		}))
		e = s.entry(1)
		if e.Action != "raw" || e.Outcome != "failure" || e.Message != "given" || e.Reason != "mine" || e.ActorID != "7" || e.ActorName != "" || e.Metadata["region"] != "south" {
			s.Errorf("what was given is not what was recorded: %+v", e)
		}
	})
}

func TestEventWithHostileValues(t *testing.T) {
	loop := map[string]any{}
	loop["loop"] = loop
	texts := []string{"\xff\xfe", "a\x00b", strings.Repeat("é", 100_000), "'; DROP TABLE settings; --", "\u2028\n\r", `\`}
	values := []any{math.NaN(), math.Inf(1), make(chan int), loop, []byte{0xff, 0}, time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), strings.Repeat("x", 1<<20), func() {}, nil}
	settings().natively(t, func(s *stage) {
		n := 0
		record := func(r audit.Record) {
			s.Helper()
			n++
			s.try(s.db.Transaction(func(tx *gorm.DB) error { return auditplugin.Event(tx, r) }))
		}
		for _, text := range texts {
			record(audit.Record{
				ID: "", RecordType: text, RecordID: text, Message: text, Reason: text, Actor: audit.Actor{ID: text, Type: text, Name: text},
				RequestID: text, IP: text, UserAgent: text, TraceID: text, SpanID: text, Application: text, Host: text, Cause: text,
				Action: audit.Action(text), Outcome: audit.Outcome(text), Source: audit.Source{File: text, Function: text, Line: -1},
				Metadata: map[string]any{text: text}, Changed: []string{text}, Time: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC),
			})
		}
		for _, v := range values {
			record(audit.Record{
				Before: map[string]any{"x": v}, After: map[string]any{"x": v}, Metadata: map[string]any{"x": v},
				Changes: []audit.Change{{Path: "x", From: v, To: v}},
			})
		}
		if got := len(s.trail()); got != n {
			s.Errorf("%d of %d events are in the table", got, n)
		}
		if got := len(s.db.Announced.Batches()); got != n {
			s.Errorf("%d of %d events were announced", got, n)
		}
		s.oracle = nil // it compares texts that the table holds repaired or cut
	})
}

// Review is an event with a type.
type Review struct {
	Setting string `json:"setting_id" event:"subject,required"`
	Verdict string `json:"verdict" event:"required"`
	Note    string `json:"note,omitempty" audit:"mask"`
	Ticket  string `json:"ticket" audit:"hash"`
}

func aReview() (*auditlog.Event[Review], Review) {
	return auditlog.Define[Review]("setting.review", auditlog.Message("Reviewed"), auditlog.Outcome(audit.Success)),
		Review{Setting: "a", Verdict: "fine", Note: "n-secret", Ticket: "t-secret"}
}

// A typed event is an event: of its transaction, redacted under the plugin's key, and refused
// where a field is missing.
func TestTypedEvents(t *testing.T) {
	reviewed, review := aReview()
	sc := settings()
	sc.options = []testdb.Option{testdb.WithPlugin(auditplugin.WithHashKey([]byte("0123456789abcdef")))}
	sc.natively(t, func(s *stage) {
		ctx := audit.WithMetadata(audit.WithActor(context.Background(), audit.Actor{ID: "42"}), map[string]any{"region": "north"})
		db := s.db.WithContext(ctx)
		s.fails(db.Transaction(func(tx *gorm.DB) error {
			s.try(auditplugin.EventOf(tx, reviewed.Of(review)))
			return errOnPurpose
		}), errOnPurpose)
		s.try(db.Transaction(func(tx *gorm.DB) error {
			s.try(put(tx, "x"))
			return auditplugin.EventOf(tx, reviewed.Of(review))
		}))
		s.told("create", "event Reviewed")
		e := s.entry(1)
		hash := e.Metadata["ticket"]
		if !strings.HasPrefix(fmt.Sprint(hash), "hmac-sha256:") {
			s.Errorf("the ticket is %v", hash)
		}
		delete(e.Metadata, "ticket")
		want := map[string]any{"event.action": "setting.review", "setting_id": "a", "verdict": "fine", "note": "***", "region": "north"}
		if !maps.Equal(e.Metadata, want) || e.RecordType != "setting" || e.RecordID != "a" || e.Outcome != "success" || e.ActorID != "42" || e.TransactionID == "" ||
			filepath.Base(e.Source.File) != "event_test.go" {
			s.Errorf("the event is %+v", e)
		}
		s.fails(auditplugin.EventOf(db, reviewed.Of(Review{Setting: "a"})), auditlog.ErrRequired)
		s.fails(auditplugin.EventOf(db, nil), auditplugin.ErrInvalidOption)
		s.fails(auditplugin.EventOf(s.other(), reviewed.Of(review)), auditplugin.ErrInvalidOption)
		s.told("create", "event Reviewed")
	})
}

func TestTypedEventWithoutAHashKey(t *testing.T) {
	reviewed, review := aReview()
	settings().natively(t, func(s *stage) {
		s.fails(auditplugin.EventOf(s.db.DB, reviewed.Of(review)), auditplugin.ErrHashKey)
		s.told()
	})
}
