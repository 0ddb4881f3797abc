// Package brokertest publishes audit records to real brokers: NATS JetStream and
// RabbitMQ, if the environment names them in AUDIT_NATS_URL and AUDIT_RABBITMQ_URL.
// It also shows how publishers are configured so that nothing is lost.
package brokertest
