package brokertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	amqp "github.com/rabbitmq/amqp091-go"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/relay"
	sink "github.com/gorm-audit/auditplugin/relay/watermill"
)

type account struct {
	ID    uint
	Phone string
}

// from returns the address of a broker, or skips.
func from(t *testing.T, variable string) string {
	t.Helper()
	url := os.Getenv(variable)
	if url == "" {
		t.Skipf("%s is not set", variable)
	}
	return url
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// changed returns a database in which few rows changed often.
func changed(t *testing.T) *gorm.DB {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + "?_journal_mode=WAL&_busy_timeout=20000&_synchronous=OFF"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	must(t, db.Use(auditplugin.New(auditplugin.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))))
	must(t, db.AutoMigrate(&account{}))
	for i := range 5 {
		must(t, db.Create(&account{ID: uint(i + 1)}).Error)
	}
	for i := range 200 {
		must(t, db.Model(&account{ID: uint(i%5 + 1)}).Update("phone", fmt.Sprint("+", i)).Error)
	}
	return db
}

const records = 205

// deliver runs a relay until everything was published.
func deliver(t *testing.T, db *gorm.DB, publisher message.Publisher, topic string) {
	t.Helper()
	s, err := sink.New(publisher, topic)
	must(t, err)
	r, err := relay.New(db, relay.LeaseFor(time.Second), relay.PollEvery(5*time.Millisecond))
	must(t, err)
	must(t, r.Subscribe("broker", s))
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() {
		stop()
		must(t, <-done)
	}()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		st, err := r.Subscriber("broker").Stats(ctx)
		must(t, err)
		if st.Lag == 0 && st.Delivered > 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not delivered: %+v", st)
		}
	}
}

// twice publishes everything, and then everything again, as after a crash.
func twice(t *testing.T, publisher message.Publisher, topic string) {
	t.Helper()
	db := changed(t)
	deliver(t, db, publisher, topic)
	r, err := relay.New(db)
	must(t, err)
	must(t, r.Subscriber("broker").Rewind(context.Background(), 1))
	deliver(t, db, publisher, topic)
}

// order checks what a consumer got.
type order struct {
	first map[string]bool
	last  map[string]int64
	count int
}

func (o *order) add(t *testing.T, id string, payload []byte) {
	t.Helper()
	var r audit.Record
	must(t, json.Unmarshal(payload, &r))
	if r.ID == "" || r.ID != id {
		t.Errorf("message %q holds record %q", id, r.ID)
	}
	o.count++
	if o.first == nil {
		o.first, o.last = make(map[string]bool), make(map[string]int64)
	}
	if o.first[r.ID] {
		return
	}
	o.first[r.ID] = true
	if r.Seq <= o.last[r.RecordID] {
		t.Errorf("account %s: %d came after %d", r.RecordID, r.Seq, o.last[r.RecordID])
	}
	o.last[r.RecordID] = r.Seq
}

// JetStream drops what it has already.
func TestNATSJetStream(t *testing.T) {
	url := from(t, "AUDIT_NATS_URL")
	conn, err := nats.Connect(url)
	must(t, err)
	defer conn.Close()
	js, err := conn.JetStream()
	must(t, err)
	name := fmt.Sprintf("audit_%d", time.Now().UnixNano())
	_, err = js.AddStream(&nats.StreamConfig{Name: name, Subjects: []string{name}, Storage: nats.MemoryStorage, Duplicates: time.Minute})
	must(t, err)
	defer func() { must(t, js.DeleteStream(name)) }()

	publisher, err := NATS(url)
	must(t, err)
	defer publisher.Close()
	twice(t, publisher, name)

	subscription, err := js.SubscribeSync(name, nats.OrderedConsumer())
	must(t, err)
	var o order
	for {
		m, err := subscription.NextMsg(500 * time.Millisecond)
		if errors.Is(err, nats.ErrTimeout) {
			break
		}
		must(t, err)
		o.add(t, m.Header.Get(nats.MsgIdHdr), m.Data)
	}
	if o.count != records {
		t.Errorf("the stream has %d messages for %d records", o.count, records)
	}
}

// RabbitMQ has each message twice; consumers tell by the id.
func TestRabbitMQ(t *testing.T) {
	url := from(t, "AUDIT_RABBITMQ_URL")
	conn, err := amqp.Dial(url)
	must(t, err)
	defer conn.Close()
	channel, err := conn.Channel()
	must(t, err)
	queue := fmt.Sprintf("audit_%d", time.Now().UnixNano())
	_, err = channel.QueueDeclare(queue, true, false, false, false, nil)
	must(t, err)
	defer func() {
		_, err := channel.QueueDelete(queue, false, false, false)
		must(t, err)
	}()

	publisher, err := RabbitMQ(url)
	must(t, err)
	defer publisher.Close()
	twice(t, publisher, queue)

	var o order
	for {
		m, ok, err := channel.Get(queue, true)
		must(t, err)
		if !ok {
			break
		}
		id, _ := m.Headers["_watermill_message_uuid"].(string)
		if m.DeliveryMode != amqp.Persistent || m.Headers[sink.MetadataTable] != "accounts" {
			t.Fatalf("message %+v", m.Headers)
		}
		o.add(t, id, m.Body)
	}
	if o.count != 2*records || len(o.first) != records {
		t.Errorf("the queue had %d messages, %d different ones, for %d records", o.count, len(o.first), records)
	}
}
