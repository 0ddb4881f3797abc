package auditplugin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// Account is what the examples change.
type Account struct {
	ID    uint
	Name  string
	Phone string
}

// open opens a database in memory, with a plugin, and tables for the models.
func open(p *auditplugin.Plugin, models ...any) *gorm.DB {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	check(err)
	sqlDB, err := db.DB()
	check(err)
	sqlDB.SetMaxOpenConns(1) // each connection would be a database of its own
	check(db.AutoMigrate(models...))
	check(db.Use(p))
	return db
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// asAda is a context that says who.
func asAda() context.Context {
	return audit.WithActor(context.Background(), audit.Actor{ID: "7", Type: "user", Name: "Ada"})
}

// printed is an emitter that shows what the examples are about.
var printed = emitter.Func(func(_ context.Context, records []audit.Record) error {
	for _, r := range records {
		fmt.Println(r.Action, r.RecordType, r.RecordID, r.Before, r.After)
	}
	return nil
})

func ExampleNew() {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{})
	check(err)
	sqlDB, err := db.DB()
	check(err)
	sqlDB.SetMaxOpenConns(1)
	check(db.AutoMigrate(&Account{}))

	// This is all: the table audit_logs is created, and every write recorded.
	check(db.Use(auditplugin.New()))

	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "7", Type: "user", Name: "Ada"})
	ctx = audit.WithReason(ctx, "ticket 1234")
	account := Account{Name: "Grace", Phone: "+12345678901"}
	check(db.WithContext(ctx).Create(&account).Error)
	check(db.WithContext(ctx).Model(&account).Update("phone", "+19876543210").Error)

	var trail []struct{ Action, ActorName, Reason, Before, After string }
	check(db.Table("audit_logs").Where("record_type = ? AND record_id = ?", "account", "1").Order("seq DESC").Limit(1).Find(&trail).Error)
	for _, e := range trail {
		fmt.Println(e.Action, "by", e.ActorName, "because of", e.Reason)
		fmt.Println(e.Before, "→", e.After)
	}
	// Output:
	// update by Ada because of ticket 1234
	// {"phone":"+12345678901"} → {"phone":"+19876543210"}
}

func ExampleWithEmitter() {
	db := open(auditplugin.New(auditplugin.WithEmitter(
		emitter.Table(), // in the transaction
		emitter.Func(func(_ context.Context, records []audit.Record) error { // after it committed
			fmt.Println(len(records), "records of one transaction, the first a", records[0].Action)
			return nil
		}),
	)), &Account{})

	check(db.WithContext(asAda()).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&Account{Name: "Grace"}).Error; err != nil {
			return err
		}
		return tx.Create(&Account{Name: "Edsger"}).Error
	}))

	var n int64
	check(db.Table("audit_logs").Count(&n).Error)
	fmt.Println(n, "in the table")
	// Output:
	// 2 records of one transaction, the first a create
	// 2 in the table
}

func ExampleWithEmitter_json() {
	var log bytes.Buffer
	db := open(auditplugin.New(auditplugin.WithEmitter(emitter.JSON(&log))), &Account{})
	check(db.WithContext(asAda()).Create(&Account{Name: "Grace"}).Error)

	var line struct {
		Message string
		Changes struct{ After map[string]any }
		Event   struct{ Action, Outcome string }
		User    struct{ Name string }
	}
	check(json.Unmarshal(log.Bytes(), &line))
	fmt.Println(line.Message)
	fmt.Println(line.Event.Action, line.Event.Outcome, "by", line.User.Name)
	fmt.Println(line.Changes.After)
	// Output:
	// account create
	// account.create success by Ada
	// map[id:1 name:Grace phone:]
}

// sessionKey is where this application keeps who is signed in.
type sessionKey struct{}

func ExampleWithActorFunc() {
	trail := emitter.Memory()
	db := open(auditplugin.New(
		auditplugin.WithEmitter(trail),
		auditplugin.WithActorFunc(func(ctx context.Context) audit.Actor {
			login, _ := ctx.Value(sessionKey{}).(string)
			return audit.Actor{ID: login, Type: "user"}
		}),
	), &Account{})

	ctx := context.WithValue(context.Background(), sessionKey{}, "grace@example.com")
	check(db.WithContext(ctx).Create(&Account{Name: "Grace"}).Error)

	fmt.Println(trail.Records()[0].Actor.ID)
	// Output: grace@example.com
}

func ExampleSQLTx() {
	db := open(auditplugin.New(auditplugin.WithEmitter(printed)), &Account{})
	check(db.Exec("CREATE TABLE jobs (name text)").Error)

	check(db.WithContext(asAda()).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&Account{Name: "Grace"}).Error; err != nil {
			return err
		}
		// A job queue that wants to be part of the transaction.
		sqlTx, err := auditplugin.SQLTx(tx)
		if err != nil {
			return err
		}
		_, err = sqlTx.ExecContext(tx.Statement.Context, "INSERT INTO jobs VALUES ('send a welcome')")
		return err
	}))

	_, err := auditplugin.SQLTx(db)
	fmt.Println(err)
	// Output:
	// create account 1 map[] map[id:1 name:Grace phone:]
	// auditplugin: SQLTx: *auditplugin.pool: invalid transaction
}

func ExampleEvent() {
	trail := emitter.Memory()
	db := open(auditplugin.New(auditplugin.WithEmitter(emitter.Table(), trail)))

	check(auditplugin.Event(db.WithContext(asAda()), audit.Record{
		RecordType: "account", RecordID: "1",
		Message: "sign-in with a recovery code", Outcome: audit.Failure,
		Metadata: map[string]any{"attempts": 3},
	}))

	r := trail.Records()[0]
	fmt.Println(r.Action, r.Outcome, r.RecordType, r.RecordID)
	fmt.Println(r.Actor.Name, r.Message, r.Metadata)
	// Output:
	// event failure account 1
	// Ada sign-in with a recovery code map[attempts:3]
}

func ExamplePlugin_Close() {
	trail := emitter.Memory()
	plugin := auditplugin.New(auditplugin.WithEmitter(emitter.Async(trail)))
	db := open(plugin, &Account{})
	check(db.WithContext(asAda()).Create(&Account{Name: "Grace"}).Error)

	// At the end of the program: what is queued is delivered.
	check(plugin.Close(context.Background()))
	fmt.Println(len(trail.Records()), "delivered")
	fmt.Println(db.WithContext(asAda()).Create(&Account{Name: "Edsger"}).Error)
	// Output:
	// 1 delivered
	// auditplugin: plugin is closed: create of account refused
}

func ExamplePlugin_Stats() {
	plugin := auditplugin.New()
	db := open(plugin, &Account{})
	check(db.WithContext(asAda()).Create([]Account{{Name: "Grace"}, {Name: "Edsger"}}).Error)
	fmt.Printf("%+v\n", plugin.Stats())
	// Output: {Records:2 Failed:0 Dropped:0}
}
