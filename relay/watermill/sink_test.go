package watermill

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
	"github.com/gorm-audit/auditplugin/relay/cloudevents"
)

// publisher keeps what it is given, in calls.
type publisher struct {
	mu     sync.Mutex
	topics []string
	all    []*message.Message
	err    error
}

func (p *publisher) Publish(topic string, messages ...*message.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	p.topics = append(p.topics, topic)
	for _, m := range messages {
		p.all = append(p.all, m.Copy())
	}
	return nil
}

func (p *publisher) Close() error { return nil }

func (p *publisher) received() []audit.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	var records []audit.Record
	for _, m := range p.all {
		var r audit.Record
		if err := json.Unmarshal(m.Payload, &r); err != nil {
			panic(err)
		}
		records = append(records, r)
	}
	return records
}

func TestContract(t *testing.T) {
	emittertest.Run(t, func(t *testing.T) (audit.Emitter, func() []audit.Record) {
		p := &publisher{}
		s, err := New(p, "audit")
		if err != nil {
			t.Fatal(err)
		}
		return s, p.received
	})
}

func TestMessage(t *testing.T) {
	p := &publisher{}
	s, err := New(p, "audit")
	if err != nil {
		t.Fatal(err)
	}
	r := audit.Record{ID: "x", Seq: 7, Table: "users", RecordID: "4\n2", RecordType: "user", Action: audit.Delete, TransactionID: "t"}
	if err := s.Emit(context.Background(), []audit.Record{r}); err != nil {
		t.Fatal(err)
	}
	m := p.all[0]
	want := map[string]string{
		MetadataPartitionKey: "users/4\uFFFD2", MetadataContentType: "application/json", MetadataSeq: "7", MetadataAction: "delete",
		MetadataRecordType: "user", MetadataTable: "users", MetadataRecordID: "4\uFFFD2", MetadataTransactionID: "t",
	}
	for name, value := range want {
		if m.Metadata.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, m.Metadata.Get(name), value)
		}
	}
	if key, err := PartitionKey("audit", m); key != "users/4\uFFFD2" || err != nil || m.UUID != "x" || len(m.Metadata) != len(want) {
		t.Errorf("key %q, %v, id %q, metadata %v", key, err, m.UUID, m.Metadata)
	}
}

func TestTopicsAndEncoder(t *testing.T) {
	p := &publisher{}
	s, err := New(p, "", WithTopics(func(r audit.Record) string { return "audit." + r.Table }), WithEncoder(cloudevents.Encoder()))
	if err != nil {
		t.Fatal(err)
	}
	records := []audit.Record{{ID: "1", Table: "a"}, {ID: "2", Table: "a"}, {ID: "3", Table: "b"}, {ID: "4", Table: "a"}}
	if err := s.Emit(context.Background(), records); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range p.all {
		var e cloudevents.Event
		if err := json.Unmarshal(m.Payload, &e); err != nil || m.Metadata.Get(MetadataContentType) != cloudevents.ContentType {
			t.Fatalf("%v, %v", err, m.Metadata)
		}
		ids = append(ids, e.ID)
	}
	if !slices.Equal(p.topics, []string{"audit.a", "audit.b", "audit.a"}) || !slices.Equal(ids, []string{"1", "2", "3", "4"}) {
		t.Errorf("topics %q, ids %q", p.topics, ids)
	}
}

func TestErrors(t *testing.T) {
	down := errors.New("broker down")
	s, err := New(&publisher{err: down}, "audit")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Emit(context.Background(), make([]audit.Record, 1)); !errors.Is(err, ErrPublish) || !errors.Is(err, down) {
		t.Errorf("publishing: %v", err)
	}
	for name, err := range map[string]error{
		"publisher": errorOf(New(nil, "audit")),
		"topic":     errorOf(New(&publisher{}, "")),
		"topics":    errorOf(New(&publisher{}, "x", WithTopics(nil))),
		"encoder":   errorOf(New(&publisher{}, "x", WithEncoder(nil))),
	} {
		if !errors.Is(err, ErrInvalidOption) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func errorOf(_ *Sink, err error) error { return err }
