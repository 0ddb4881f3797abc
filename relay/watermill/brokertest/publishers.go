package brokertest

import (
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v3/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	natsgo "github.com/nats-io/nats.go"

	sink "github.com/gorm-audit/auditplugin/relay/watermill"
)

// NATS returns a publisher to JetStream: Publish waits until the stream has stored
// the message, and the server drops a message whose id it has seen within the
// stream's duplicate window. The stream must exist.
func NATS(url string) (message.Publisher, error) {
	return nats.NewPublisher(nats.PublisherConfig{
		URL:         url,
		NatsOptions: []natsgo.Option{natsgo.Timeout(5 * time.Second), natsgo.RetryOnFailedConnect(false)},
		Marshaler:   &nats.NATSMarshaler{},
		JetStream:   nats.JetStreamConfig{TrackMsgId: true},
	}, watermill.NopLogger{})
}

// RabbitMQ returns a publisher to a durable queue: Publish waits until the broker
// has confirmed the message.
func RabbitMQ(url string) (message.Publisher, error) {
	config := amqp.NewDurableQueueConfig(url)
	config.Publish.ConfirmDelivery = true
	return amqp.NewPublisher(config, watermill.NopLogger{})
}

// Kafka returns a publisher to Kafka: all replicas in sync acknowledge each message,
// and the messages of one row go to the same partition. It is compiled here; it was
// not run against a broker.
func Kafka(brokers ...string) (message.Publisher, error) {
	config := kafka.DefaultSaramaSyncPublisherConfig()
	config.Producer.RequiredAcks = -1 // all replicas in sync
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1 // or a retry inside the client could change the order
	return kafka.NewPublisher(kafka.PublisherConfig{
		Brokers:               brokers,
		Marshaler:             kafka.NewWithPartitioningMarshaler(sink.PartitionKey),
		OverwriteSaramaConfig: config,
	}, watermill.NopLogger{})
}
