package emitter_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

func ExampleJSON() {
	e := emitter.JSON(os.Stdout)
	_ = e.Emit(context.Background(), []audit.Record{{
		ID:          "018f4a2c-0000-7000-8000-000000000001",
		Time:        time.Date(2024, time.May, 6, 7, 8, 9, 0, time.UTC),
		Action:      audit.Update,
		Outcome:     audit.Success,
		RecordType:  "user",
		RecordID:    "42",
		Before:      map[string]any{"phone": "+12345678901"},
		After:       map[string]any{"phone": "+19876543210"},
		Actor:       audit.Actor{ID: "7", Name: "Ada"},
		Application: "accounts",
	}})
	// Output:
	// {"@timestamp":"2024-05-06T07:08:09Z","log.level":"info","message":"user update","ecs.version":"1.6.0","log":{"logger":"accounts.audit"},"changes":{"record_type":"user","record_id":"42","action":"update","before":{"phone":"+12345678901"},"after":{"phone":"+19876543210"}},"event":{"id":"018f4a2c-0000-7000-8000-000000000001","kind":"event","category":["database"],"type":["change"],"action":"user.update","outcome":"success"},"user":{"id":"7","name":"Ada"}}
}

func ExampleFunc() {
	e := emitter.Func(func(_ context.Context, records []audit.Record) error {
		for _, r := range records {
			fmt.Println(r.Actor.Name, r.Action, r.RecordType, r.RecordID)
		}
		return nil
	})
	_ = e.Emit(context.Background(), []audit.Record{{
		Actor: audit.Actor{Name: "Ada"}, Action: audit.Delete, RecordType: "user", RecordID: "42",
	}})
	// Output: Ada delete user 42
}

func ExampleAsync() {
	slow := emitter.Memory()
	queue := emitter.Async(slow, emitter.Queue(100), emitter.OnFull(emitter.Drop))
	_ = queue.Emit(context.Background(), []audit.Record{{RecordID: "1"}, {RecordID: "2"}})

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := queue.Close(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%+v\n", queue.Stats())
	// Output: {Queued:0 Emitted:2 Dropped:0 Failed:0}
}

func ExampleMemory() {
	memory := emitter.Memory()
	_ = memory.Emit(context.Background(), []audit.Record{{
		Action: audit.Create, RecordType: "user", After: map[string]any{"name": "Ada", "age": int64(36)},
	}})
	for _, r := range memory.Find(emitter.Want{RecordType: "user", After: map[string]any{"age": 36}}) {
		fmt.Println(r.Action, r.After["name"])
	}
	// Output: create Ada
}

func ExampleStoredText() {
	fmt.Println(emitter.StoredText("record_id", "a\x00b"))
	// Output: a�b
}
