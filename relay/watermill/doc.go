// Package watermill is a sink for relays that publishes records to a message broker,
// through any publisher of the Watermill library: NATS JetStream, RabbitMQ, Kafka,
// Google Pub/Sub, Redis streams and others.
//
//	sink, err := watermill.New(publisher, "audit")
//	err = r.Subscribe("broker", sink)
//
// Each record is a message. Its UUID is the record's id, the same at each attempt, so
// that consumers, or brokers that can (NATS JetStream with TrackMsgId), drop what
// they have already. Its payload is the JSON of emitter.RecordJSON, or what
// [WithEncoder] makes. Its metadata are listed at [MetadataPartitionKey] and below.
//
// # Order
//
// The changes of one row come in order as long as the broker keeps the order of
// messages with the same [PartitionKey]. Partitioned brokers need it as the key of
// the message; for Kafka:
//
//	kafka.NewWithPartitioningMarshaler(watermill.PartitionKey)
//
// # At least once
//
// The relay takes a message as delivered when Publish returns without an error. Use
// publishers that then wait for the broker: JetStream does, RabbitMQ's does with
// Publish.ConfirmDelivery, Kafka's with the acknowledgement of all replicas.
package watermill
