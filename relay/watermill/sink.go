package watermill

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
)

// The metadata of each message. Control characters in them become U+FFFD.
const (
	// MetadataPartitionKey is table and record's id, "users/42": see [PartitionKey].
	MetadataPartitionKey = "audit_partition_key"
	// MetadataContentType is the payload's media type.
	MetadataContentType = "content_type"
	// MetadataSeq is the record's sequence number.
	MetadataSeq = "audit_seq"
	// MetadataAction, MetadataRecordType, MetadataTable, MetadataRecordID and
	// MetadataTransactionID are the record's fields, for routing without decoding.
	MetadataAction        = "audit_action"
	MetadataRecordType    = "audit_record_type"
	MetadataTable         = "audit_table"
	MetadataRecordID      = "audit_record_id"
	MetadataTransactionID = "audit_transaction_id"
)

// ErrInvalidOption is an option or an argument that makes no sense.
var ErrInvalidOption = errors.New("auditplugin: invalid watermill option")

// ErrPublish is a message that the publisher did not take.
var ErrPublish = errors.New("auditplugin: publishing a record failed")

// Encoder makes a payload of a record; see cloudevents.Encoder for another one.
type Encoder func(r audit.Record) (payload []byte, contentType string, err error)

// Sink publishes records; it is an [audit.Emitter]. It is as safe for concurrent use
// as its publisher, which Watermill demands to be.
type Sink struct {
	publisher message.Publisher
	topic     func(audit.Record) string
	encode    Encoder
}

// Option configures a [Sink].
type Option func(*Sink) error

// WithEncoder sends other payloads.
func WithEncoder(encode Encoder) Option {
	return func(s *Sink) error {
		s.encode = encode
		if encode == nil {
			return fmt.Errorf("%w: WithEncoder(nil)", ErrInvalidOption)
		}
		return nil
	}
}

// WithTopics chooses the topic of each record, such as one for each table. Brokers
// keep no order between topics: the records of one row must stay in one.
func WithTopics(topic func(audit.Record) string) Option {
	return func(s *Sink) error {
		s.topic = topic
		if topic == nil {
			return fmt.Errorf("%w: WithTopics(nil)", ErrInvalidOption)
		}
		return nil
	}
}

// New returns a sink that publishes to a topic. The publisher stays the caller's:
// close it after the relay has stopped. Errors wrap [ErrInvalidOption].
func New(publisher message.Publisher, topic string, opts ...Option) (*Sink, error) {
	s := &Sink{publisher: publisher, encode: encodeJSON}
	if publisher == nil {
		return nil, fmt.Errorf("%w: no publisher", ErrInvalidOption)
	}
	for _, opt := range opts {
		if err := opt(s); err != nil {
			return nil, err
		}
	}
	if s.topic == nil {
		if topic == "" {
			return nil, fmt.Errorf("%w: no topic", ErrInvalidOption)
		}
		s.topic = func(audit.Record) string { return topic }
	}
	return s, nil
}

func encodeJSON(r audit.Record) ([]byte, string, error) {
	return emitter.RecordJSON(r), "application/json", nil
}

// Emit publishes the records in order, those for the same topic in one call. The
// error wraps [ErrPublish] and the publisher's; records before the failing one may
// have been published, and are again when the relay tries again.
func (s *Sink) Emit(ctx context.Context, records []audit.Record) error {
	var topic string
	var batch []*message.Message
	for i := range records {
		m, err := s.message(ctx, records[i])
		if err != nil {
			return err
		}
		if t := s.topic(records[i]); t != topic && len(batch) > 0 {
			if err := s.publish(ctx, topic, batch); err != nil {
				return err
			}
			topic, batch = t, nil
		} else {
			topic = t
		}
		batch = append(batch, m)
	}
	return s.publish(ctx, topic, batch)
}

func (s *Sink) publish(ctx context.Context, topic string, batch []*message.Message) error {
	if len(batch) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrPublish, err)
	}
	if err := s.publisher.Publish(topic, batch...); err != nil {
		return fmt.Errorf("%w: %w", ErrPublish, err)
	}
	return nil
}

func (s *Sink) message(ctx context.Context, r audit.Record) (*message.Message, error) {
	payload, contentType, err := s.encode(r)
	if err != nil {
		return nil, relay.Permanent(fmt.Errorf("auditplugin: watermill: encoding a record: %w", err))
	}
	m := message.NewMessageWithContext(ctx, clean(r.ID), payload)
	m.Metadata = message.Metadata{
		MetadataPartitionKey: clean(strings.TrimSuffix(r.Table+"/"+r.RecordID, "/")),
		MetadataContentType:  contentType,
		MetadataSeq:          strconv.FormatInt(r.Seq, 10),
		MetadataAction:       clean(string(r.Action)),
		MetadataRecordType:   clean(r.RecordType),
		MetadataTable:        clean(r.Table),
		MetadataRecordID:     clean(r.RecordID),
	}
	if r.TransactionID != "" {
		m.Metadata[MetadataTransactionID] = clean(r.TransactionID)
	}
	return m, nil
}

// clean makes a text fit for headers of any broker.
func clean(text string) string {
	text = emitter.StoredText("record_id", text) // bounds it, and repairs UTF-8
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// PartitionKey returns the key under which a broker must keep the order of messages:
// table and record's id. It has the signature that Watermill's Kafka marshaler wants.
func PartitionKey(_ string, m *message.Message) (string, error) {
	return m.Metadata.Get(MetadataPartitionKey), nil
}
