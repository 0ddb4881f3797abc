package channels

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/relay"
)

type User struct {
	ID       uint
	Name     string
	MFAPhone string `audit:"mask"`
}

// The whole way: a change, the audit table, the relay, the rule, the outbox, and a
// mail server, a web server and a broker at its end. One of the channels is dead.
func TestDelivery(t *testing.T) {
	mailServer, webServer, broken := startMail(t), startHTTP(t), startHTTP(t)
	broken.status = http.StatusServiceUnavailable
	to := map[string]alert.Channel{
		"mail": newChannel(t, "smtp://127.0.0.1:"+mailServer.port+"/?tls=none&from=audit@example.com&to=support@example.com"),
		"web":  newChannel(t, "generic://"+webServer.host()+"/hook?disabletls=yes&template=json"),
		"dead": newChannel(t, "generic://"+broken.host()+"/hook?disabletls=yes"),
	}
	published := broker(t, to)
	rule := alert.When(alert.Model("user"), alert.Column("mfa_phone"), alert.Action(audit.Update)).Named("mfa-phone-changed").To("dead")
	for name := range to {
		if name != "dead" {
			rule = rule.To(name)
		}
	}

	db := openDB(t)
	engine, err := alert.New(db, []alert.Rule{rule}, to, alert.WithModels(&User{}), alert.WithPoll(10*time.Millisecond),
		alert.WithRetry(3, time.Millisecond, 10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	r, err := relay.New(db, relay.PollEvery(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- alert.Run(ctx, r, engine) }()

	as := db.WithContext(audit.WithReason(audit.WithActor(ctx, audit.Actor{ID: "42", Type: "user", Name: "Ada Lovelace"}), "ticket 1234"))
	user := User{ID: 7, Name: "Grace"}
	errBack := errors.New("back")
	if err := as.Create(&user).Error; err != nil {
		t.Fatal(err)
	}
	err = as.Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&user).Update("mfa_phone", "+491111").Error; err != nil {
			return err
		}
		return errBack
	})
	if !errors.Is(err, errBack) {
		t.Fatal(err)
	}
	if err := as.Model(&user).Update("mfa_phone", "+492222").Error; err != nil {
		t.Fatal(err)
	}

	arrived := func() bool {
		webServer.mu.Lock()
		defer webServer.mu.Unlock()
		dead, err := engine.Dead(context.Background(), 0)
		return err == nil && len(dead) == 1 && len(webServer.bodies) > 0 && len(mailServer.all()) > 0
	}
	for deadline := time.Now().Add(10 * time.Second); !arrived() && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // for what should not come
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	const start = "Ada Lovelace (user 42) changed the MFA phone of user 7: *** → ***; reason: ticket 1234; "
	if all := mailServer.all(); len(all) != 1 || !strings.HasPrefix(all[0].text, start) || all[0].subject != "MFA phone changed: user 7" {
		t.Errorf("mail: %+v", all)
	}
	if len(webServer.bodies) != 1 || !strings.Contains(webServer.bodies[0], start) {
		t.Errorf("web: %q", webServer.bodies)
	}
	if got := published(); got != nil && (len(got) != 1 || !strings.HasPrefix(got[0].Text, start)) {
		t.Errorf("broker: %+v", got)
	}
	if len(broken.bodies) != 3 {
		t.Errorf("%d attempts on the dead channel", len(broken.bodies))
	}
}

func openDB(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open("file:"+filepath.Join(t.TempDir(), "test.db")+"?_journal_mode=WAL&_busy_timeout=20000&_synchronous=OFF"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	if err := db.AutoMigrate(&User{}); err != nil {
		t.Fatal(err)
	}
	if err := db.Use(auditplugin.New()); err != nil {
		t.Fatal(err)
	}
	return db
}

// broker adds a channel that publishes to the NATS server that AUDIT_NATS_URL names,
// and returns what was published; without a server, nil.
func broker(t *testing.T, to map[string]alert.Channel) func() []alert.Message {
	t.Helper()
	url := os.Getenv("AUDIT_NATS_URL")
	if url == "" {
		t.Log("AUDIT_NATS_URL is not set")
		return func() []alert.Message { return nil }
	}
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	stream, err := conn.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	name := strings.ReplaceAll(nats.NewInbox(), ".", "_")
	if _, err := stream.AddStream(&nats.StreamConfig{Name: name, Subjects: []string{name}, Storage: nats.MemoryStorage}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stream.DeleteStream(name) })
	to["broker"] = alert.Func(func(ctx context.Context, m alert.Message) error {
		body, err := json.Marshal(m)
		if err != nil {
			return relay.Permanent(err)
		}
		// JetStream drops repeats by the message's id.
		_, err = stream.Publish(name, body, nats.MsgId(m.ID), nats.Context(ctx))
		return err
	})
	return func() []alert.Message {
		got := []alert.Message{}
		sub, err := stream.SubscribeSync(name, nats.DeliverAll())
		if err != nil {
			t.Error(err)
			return got
		}
		for {
			raw, err := sub.NextMsg(200 * time.Millisecond)
			if err != nil {
				return got
			}
			var m alert.Message
			if err := json.Unmarshal(raw.Data, &m); err != nil {
				t.Error(err)
			}
			got = append(got, m)
		}
	}
}
