package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
)

type user struct {
	ID    uint
	Phone string
}

func openUsers(options ...auditplugin.Option) *gorm.DB {
	dir, err := os.MkdirTemp("", "relay")
	if err != nil {
		panic(err)
	}
	db, err := gorm.Open(sqlite.Open("file:"+filepath.Join(dir, "example.db")+"?_journal_mode=WAL&_busy_timeout=20000"), &gorm.Config{})
	if err != nil {
		panic(err)
	}
	quiet := auditplugin.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err := errors.Join(db.Use(auditplugin.New(append(options, quiet)...)), db.AutoMigrate(&user{})); err != nil {
		panic(err)
	}
	return db
}

// A subscriber gets what was committed, also while nobody was listening.
func Example() {
	db := openUsers()
	db.Create(&user{Phone: "+12345678900"})
	db.Model(&user{ID: 1}).Update("phone", "+19876543210")

	r, err := relay.New(db)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	seen := 0
	err = r.Subscribe("console", emitter.Func(func(_ context.Context, records []audit.Record) error {
		for _, record := range records {
			fmt.Println(record.Seq, record.RecordType, record.RecordID, record.Action, record.After["phone"])
			if seen++; seen == 2 {
				stop()
			}
		}
		return nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("stopped:", r.Run(ctx))
	// Output:
	// 1 user 1 create +12345678900
	// 2 user 1 update +19876543210
	// stopped: <nil>
}

// In the process that makes the changes, the relay need not poll.
func ExampleNotifier() {
	notifier := relay.NewNotifier()
	db := openUsers(auditplugin.WithEmitter(emitter.Table(), notifier))
	r, err := relay.New(db, relay.WithWaker(notifier), relay.PollEvery(time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	err = r.Subscribe("console", emitter.Func(func(_ context.Context, records []audit.Record) error {
		fmt.Println(records[0].RecordType, records[0].Action)
		stop()
		return nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	go db.Create(&user{Phone: "+12345678900"})
	_ = r.Run(ctx)
	// Output:
	// user create
}

// What a sink will never accept becomes a dead letter, which can be delivered again
// once the sink was mended.
func ExampleSubscriber_Replay() {
	db := openUsers()
	db.Create(&user{Phone: "not a number"})

	r, err := relay.New(db, relay.PollEvery(10*time.Millisecond), relay.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		fmt.Println(err)
		return
	}
	mended := false
	ctx, stop := context.WithCancel(context.Background())
	err = r.Subscribe("phones", emitter.Func(func(_ context.Context, records []audit.Record) error {
		if !mended {
			mended = true
			return relay.Permanent(errors.New("no such number"))
		}
		fmt.Println("delivered", records[0].RecordType, records[0].RecordID)
		stop()
		return nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()

	for {
		letters, err := r.Subscriber("phones").DeadLetters(context.Background(), 0, 10)
		if err != nil {
			fmt.Println(err)
			return
		}
		if len(letters) == 0 {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		fmt.Println("dead:", letters[0].Record.RecordType, letters[0].Record.RecordID, letters[0].Error)
		if _, err := r.Subscriber("phones").Replay(context.Background(), letters[0].ID); err != nil {
			fmt.Println(err)
			return
		}
		break
	}
	<-done
	// Output:
	// dead: user 1 no such number
	// delivered user 1
}
