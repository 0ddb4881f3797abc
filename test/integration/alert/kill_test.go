package alert_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// receiver is where children send to.
type receiver struct {
	*httptest.Server
	inbox
	said chan string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{said: make(chan string, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/message" {
			r.said <- request.URL.Path
			return
		}
		var m alert.Message
		if err := json.NewDecoder(request.Body).Decode(&m); err == nil { // a killed child sends half
			_ = r.Send(context.Background(), m)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// A process that is killed after the commit, before the relay saw the change or
// while the channel was about to send, leaves the message to the next one.
func TestKilledBetweenCommitAndSend(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for _, mode := range []string{commits, sends} {
			t.Run(mode, func(t *testing.T) {
				db, receiver := open(t, g), newReceiver(t)
				users(t, db, 3)
				kill := startChild(t, mode, db, receiver.URL)
				select {
				case <-receiver.said:
				case <-time.After(20 * time.Second):
					t.Fatal("the child says nothing")
				}
				kill()
				if n := len(receiver.all()); n != 0 {
					t.Fatalf("%d messages before", n)
				}
				next := db.Plain(t)
				e := newEngine(t, next, []alert.Rule{mfaRule()}, map[string]alert.Channel{"inbox": receiver})
				start(t, func(ctx context.Context) error { return alert.Run(ctx, newRelay(t, next), e) })
				eventually(t, "the message", func() bool { return len(receiver.all()) > 0 })
				time.Sleep(100 * time.Millisecond)
				if all := receiver.all(); len(all) != 1 || len(all[0].Records) != 1 {
					t.Errorf("%+v", all)
				}
			})
		}
	})
}

// Processes that write and send are killed at random moments. In the end every
// committed change was told, and nothing else.
func TestKilledAtRandom(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db, receiver := open(t, g), newReceiver(t)
		users(t, db, 3)
		for range 3 {
			kill := startChild(t, works, db, receiver.URL)
			before := len(receiver.all())
			eventually(t, "a message of this child", func() bool { return len(receiver.all()) > before })
			time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
			kill()
		}
		var committed []string
		if err := db.Table("audit_logs").Where("action = ?", "update").Order("seq").Pluck("id", &committed).Error; err != nil {
			t.Fatal(err)
		}
		next := db.Plain(t)
		e := newEngine(t, next, []alert.Rule{mfaRule()}, map[string]alert.Channel{"inbox": receiver})
		start(t, func(ctx context.Context) error { return alert.Run(ctx, newRelay(t, next), e) })
		told := func() map[string]string {
			ids := map[string]string{}
			for _, m := range receiver.all() {
				for _, record := range m.Records {
					if other, ok := ids[record]; ok && other != m.ID {
						t.Fatalf("record %s is in two messages", record)
					}
					ids[record] = m.ID
				}
			}
			return ids
		}
		eventually(t, "all messages", func() bool { return len(told()) >= len(committed) })
		ids := told()
		for _, id := range committed {
			if ids[id] == "" {
				t.Errorf("record %s was not told", id)
			}
			delete(ids, id)
		}
		if len(ids) > 0 {
			t.Errorf("%d records were told that did not commit", len(ids))
		}
		// One message can come again for each kill, and more where a slow machine made an
		// attempt time out.
		repeats := len(receiver.all()) - len(committed)
		if repeats > 12 {
			t.Errorf("%d repeats after 3 kills", repeats)
		}
		t.Logf("%d changes, %d messages", len(committed), len(receiver.all()))
	})
}
