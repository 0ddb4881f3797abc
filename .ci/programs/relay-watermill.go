// A program that publishes a record through Watermill.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/gorm-audit/auditplugin/audit"
	sink "github.com/gorm-audit/auditplugin/relay/watermill"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	broker := gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: 1}, watermill.NopLogger{})
	messages, err := broker.Subscribe(ctx, "audit")
	if err != nil {
		return err
	}
	s, err := sink.New(broker, "audit")
	if err != nil {
		return err
	}
	if err := s.Emit(ctx, []audit.Record{{ID: "01a20820", Seq: 8, Action: audit.Update, RecordType: "user", Table: "users", RecordID: "1"}}); err != nil {
		return err
	}
	m := <-messages
	m.Ack()
	fmt.Println(m.UUID, string(m.Payload))
	return nil
}
