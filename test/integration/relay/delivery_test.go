package relay

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// A dead letter is kept and replayed with every digit and letter, and the rest goes on.
func TestDeadLetters(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		ctx := context.Background()
		db := open(t, g, 3)
		must(t, db.Model(&account{ID: 2}).Update("owner", "Ünï \U0001F600 \"quoted\" \\ 'x'").Error)
		r, s := newRelay(t, db.DB), &sink{}
		broken := true
		var refused audit.Record
		must(t, r.Subscribe("a", emitter.Func(func(ctx context.Context, records []audit.Record) error {
			if broken && records[0].Action == audit.Update {
				refused = records[0]
				return relay.Permanent(errors.New("no “updates”, please"))
			}
			return s.Emit(ctx, records)
		})))
		stop := run(t, r)
		eventually(t, "a dead letter", func() bool { return stats(t, r, "a").Dead == 1 && len(s.ids()) == 3 })
		stop()
		letters, err := r.Subscriber("a").DeadLetters(ctx, 0, 10)
		must(t, err)
		if l := letters[0]; l.Record.ID != refused.ID || l.Error != "no “updates”, please" || time.Since(l.FailedAt).Abs() > time.Minute {
			t.Fatalf("dead letter %+v", l)
		}
		n, err := r.Subscriber("a").Replay(ctx, letters[0].ID)
		must(t, err)
		if n != 1 {
			t.Fatalf("%d marked", n)
		}
		broken = false
		r = newRelay(t, db.DB)
		must(t, r.Subscribe("a", s))
		run(t, r)
		eventually(t, "the replay", func() bool { return len(s.ids()) == 4 && stats(t, r, "a").Dead == 0 })
		got, want := s.records()[3], refused
		if got.After["owner"] != want.After["owner"] || got.Seq != want.Seq || !got.Time.Equal(want.Time) {
			t.Errorf("replayed %+v\nrefused %+v", got, want)
		}
	})
}

// A sink that hangs holds up neither writers nor other subscribers, and its relay
// stops all the same.
func TestSlowSinkDelaysNobody(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 1)
		r, s := newRelay(t, db.DB, relay.StopWithin(50*time.Millisecond)), &sink{}
		entered := make(chan struct{}, 1)
		must(t, r.Subscribe("hangs", emitter.Func(func(ctx context.Context, _ []audit.Record) error {
			entered <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})))
		must(t, r.Subscribe("good", s))
		stop := run(t, r)
		<-entered
		for i := range 50 {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			must(t, db.WithContext(ctx).Model(&account{ID: 1}).Update("phone", strconv.Itoa(i)).Error)
			cancel()
		}
		eventually(t, "the good one", func() bool { return len(s.ids()) == 51 })
		stop()
		if st := stats(t, r, "hangs"); st.Lag != 51 || st.Holder != "" || st.Delivered != 0 || st.Behind <= 0 {
			t.Errorf("the subscriber whose sink hangs: %+v", st)
		}
	})
}

// The relay of one transaction at a time, with the notifier of the same process.
func TestNotifierOfTheWriter(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		n := relay.NewNotifier()
		db := open(t, g, 2, testdb.WithPlugin(auditplugin.WithEmitter(n)))
		r := newRelay(t, db.DB, relay.WithWaker(n), relay.PollEvery(time.Hour))
		calls := make(chan []audit.Record, 10)
		must(t, r.Subscribe("a", emitter.Func(func(_ context.Context, records []audit.Record) error {
			calls <- records
			return nil
		}), relay.FromNow()))
		run(t, r)
		must(t, db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(tx.Model(&account{ID: 1}).Update("phone", "1").Error, tx.Model(&account{ID: 2}).Update("phone", "2").Error)
		}))
		select {
		case records := <-calls:
			if len(records) != 2 || records[0].TransactionID != records[1].TransactionID {
				t.Errorf("one call with %d records", len(records))
			}
		case <-time.After(20 * time.Second):
			t.Error("the relay was not woken")
		}
	})
}

// Columns of an outbox, with JSON that is JSON.
func TestOutboxView(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 1)
		must(t, db.Model(&account{ID: 1}).Update("phone", "+1 \"x\"").Error)
		ddl, err := relay.OutboxView(g.Dialect)
		must(t, err)
		_, err = db.Raw.Exec(ddl)
		must(t, err)
		var id, aggregateType, aggregateID, action, payload string
		must(t, db.Raw.QueryRow("SELECT id, aggregatetype, aggregateid, type, payload FROM audit_logs_outbox ORDER BY seq DESC LIMIT 1").
			Scan(&id, &aggregateType, &aggregateID, &action, &payload))
		var object struct {
			Before, After map[string]string
			Changed       []string
		}
		must(t, json.Unmarshal([]byte(payload), &object))
		if aggregateType != "account" || aggregateID != "1" || action != "update" || object.After["phone"] != "+1 \"x\"" || !slices.Equal(object.Changed, []string{"phone"}) {
			t.Errorf("%s %s %s %s %s", id, aggregateType, aggregateID, action, payload)
		}
	})
}
