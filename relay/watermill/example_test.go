package watermill_test

import (
	"context"
	"fmt"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/gorm-audit/auditplugin/audit"
	sink "github.com/gorm-audit/auditplugin/relay/watermill"
)

// Any publisher will do; here, one that stays inside the process.
func ExampleNew() {
	broker := gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: 8}, watermill.NopLogger{})
	messages, err := broker.Subscribe(context.Background(), "audit")
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := sink.New(broker, "audit")
	if err != nil {
		fmt.Println(err)
		return
	}
	// A relay does this: r.Subscribe("broker", s)
	err = s.Emit(context.Background(), []audit.Record{{ID: "01a20820", Seq: 8, Action: audit.Update, RecordType: "user", Table: "users", RecordID: "1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := <-messages
	fmt.Println(m.UUID, m.Metadata.Get(sink.MetadataPartitionKey), m.Metadata.Get(sink.MetadataAction))
	m.Ack()
	// Output:
	// 01a20820 users/1 update
}
