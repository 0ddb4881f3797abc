package auditplugin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
)

// member is an ordinary model: nothing in it knows of the plugin.
type member struct {
	ID       uint
	Name     string
	MFAPhone string
	Password string
}

// Install, change, ask.
func TestWhoChangedThePhone(t *testing.T) {
	db := database(t)
	noError(t, db.Use(auditplugin.New())) // this is all

	ctx := audit.WithActor(t.Context(), audit.Actor{ID: "7", Type: "user", Name: "Ada"})
	ctx = audit.WithReason(ctx, "ticket 1234")
	grace := member{Name: "Grace", MFAPhone: "+12345678900"}
	noError(t, db.WithContext(ctx).Create(&grace).Error)
	noError(t, db.WithContext(ctx).Model(&grace).Update("mfa_phone", "+19876543210").Error)

	records, err := history.Of(db, &grace).Column("mfa_phone").Newest().Find(ctx)
	noError(t, err)
	if len(records) != 1 {
		t.Fatalf("the phone was changed %d times, want once", len(records))
	}
	last := records[0]
	if last.Action != audit.Update || last.Actor.Name != "Ada" || last.Reason != "ticket 1234" {
		t.Errorf("%s by %q because of %q", last.Action, last.Actor.Name, last.Reason)
	}
	if !maps.Equal(last.Before, map[string]any{"mfa_phone": "+12345678900"}) ||
		!maps.Equal(last.After, map[string]any{"mfa_phone": "+19876543210"}) {
		t.Errorf("changed from %v to %v", last.Before, last.After)
	}
	if filepath.Base(last.Source.File) != "plugin_test.go" {
		t.Errorf("changed at %+v, want this file", last.Source)
	}
}

// What is rolled back is neither recorded nor announced.
func TestRolledBackLeavesNoRecord(t *testing.T) {
	var announced []audit.Record
	db := database(t)
	noError(t, db.Use(auditplugin.New(auditplugin.WithEmitter(
		emitter.Table(), // in the transaction
		emitter.Func(func(_ context.Context, records []audit.Record) error { // after it committed
			announced = append(announced, records...)
			return nil
		}),
	))))
	ctx := audit.WithActor(t.Context(), audit.Actor{ID: "7"})
	changed := errors.New("changed our mind")
	for _, ending := range []error{changed, nil} {
		err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			noError(t, tx.Create(&member{Name: "Grace"}).Error)
			return ending
		})
		if !errors.Is(err, ending) {
			t.Errorf("the transaction returned %v, want %v", err, ending)
		}
		want := 1
		if ending != nil {
			want = 0
		}
		recorded, err := history.Search(db).Find(ctx)
		noError(t, err)
		if len(recorded) != want || len(announced) != want {
			t.Errorf("after a transaction that ended with %v: %d recorded, %d announced, want %d", ending, len(recorded), len(announced), want)
		}
	}
}

// A secret that changes is recorded as changed, and not shown.
func TestSecretIsNotRecorded(t *testing.T) {
	db := database(t)
	noError(t, db.Use(auditplugin.New()))
	ctx := audit.WithActor(t.Context(), audit.Actor{ID: "7"})
	grace := member{Name: "Grace", Password: "hunter2"}
	noError(t, db.WithContext(ctx).Create(&grace).Error)
	noError(t, db.WithContext(ctx).Model(&grace).Update("password", "hunter3").Error)

	records, err := history.Of(db, &grace).Newest().Find(ctx)
	noError(t, err)
	if last := records[0]; len(last.Changed) != 1 || last.Changed[0] != "password" || last.After["password"] != "***" {
		t.Errorf("changed are %v, to %v", last.Changed, last.After)
	}
	var rows []map[string]any
	noError(t, db.Table("audit_logs").Find(&rows).Error)
	if text := fmt.Sprint(rows); strings.Contains(text, "hunter") || !strings.Contains(text, `"password":"***"`) {
		t.Errorf("the audit table holds %s", text)
	}
}

// database is an empty one, with a table for members.
func database(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")))
	noError(t, err)
	pool, err := db.DB()
	noError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	noError(t, db.AutoMigrate(&member{}))
	return db
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The examples of the package's documentation follow.

// Account is what the examples change.
type Account struct {
	ID    uint
	Name  string
	Phone string
}

// Customer has fields that must not be seen.
type Customer struct {
	ID       uint
	Notes    string `audit:"-"`
	Answer   string `audit:"mask"`
	IBAN     string `audit:"mask=4"`
	Email    string `audit:"hash"`
	Password string // masked because of its name
	PinCount int    `audit:"show"`
}

// Ledger is audited like Account; what its failures do differs.
type Ledger struct {
	ID      uint
	Balance int
}

// open opens a database in memory, with tables for the models.
func open(models ...any) *gorm.DB {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	check(err)
	sqlDB, err := db.DB()
	check(err)
	sqlDB.SetMaxOpenConns(1) // each connection would be a database of its own
	check(db.AutoMigrate(models...))
	return db
}

// install opens a database with a plugin.
func install(p *auditplugin.Plugin, models ...any) *gorm.DB {
	db := open(models...)
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
	db := open(&Account{}) // gorm.Open, as ever

	// This is all: the table audit_logs is created, and every write recorded.
	check(db.Use(auditplugin.New()))

	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "7", Type: "user", Name: "Ada"})
	ctx = audit.WithReason(ctx, "ticket 1234")
	account := Account{Name: "Grace", Phone: "+12345678901"}
	check(db.WithContext(ctx).Create(&account).Error)
	check(db.WithContext(ctx).Model(&account).Update("phone", "+19876543210").Error)

	var e struct{ Action, ActorName, Reason, Before, After string }
	check(db.Table("audit_logs").Where("record_type = ? AND record_id = ?", "account", "1").Order("seq DESC").Limit(1).Find(&e).Error)
	fmt.Println(e.Action, "by", e.ActorName, "because of", e.Reason)
	fmt.Println(e.Before, "→", e.After)
	// Output:
	// update by Ada because of ticket 1234
	// {"phone":"+12345678901"} → {"phone":"+19876543210"}
}

func ExampleWithEmitter() {
	db := install(auditplugin.New(auditplugin.WithEmitter(
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
	db := install(auditplugin.New(auditplugin.WithEmitter(emitter.JSON(&log))), &Account{})
	check(db.WithContext(asAda()).Create(&Account{Name: "Grace"}).Error)

	var line struct {
		Message string
		Changes struct{ After map[string]any }
		Event   struct{ Action, Outcome string }
		User    struct{ Name string }
	}
	check(json.Unmarshal(log.Bytes(), &line))
	fmt.Println(line.Message+":", line.Event.Action, line.Event.Outcome, "by", line.User.Name, line.Changes.After)
	// Output: account create: account.create success by Ada map[id:1 name:Grace phone:]
}

// sessionKey is where this application keeps who is signed in.
type sessionKey struct{}

func ExampleWithActorFunc() {
	trail := emitter.Memory()
	db := install(auditplugin.New(
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
	db := install(auditplugin.New(auditplugin.WithEmitter(printed)), &Account{})
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
	fmt.Println("outside a transaction:", errors.Is(err, gorm.ErrInvalidTransaction))
	// Output:
	// create account 1 map[] map[id:1 name:Grace phone:]
	// outside a transaction: true
}

func ExampleEvent() {
	trail := emitter.Memory()
	db := install(auditplugin.New(auditplugin.WithEmitter(emitter.Table(), trail)))

	check(auditplugin.Event(db.WithContext(asAda()), audit.Record{
		RecordType: "account", RecordID: "1",
		Message: "sign-in with a recovery code", Outcome: audit.Failure,
		Metadata: map[string]any{"attempts": 3},
	}))

	r := trail.Records()[0]
	fmt.Println(r.Action, r.Outcome, r.RecordType, r.RecordID, r.Actor.Name+":", r.Message, r.Metadata)
	// Output: event failure account 1 Ada: sign-in with a recovery code map[attempts:3]
}

func ExamplePlugin_Close() {
	trail := emitter.Memory()
	plugin := auditplugin.New(auditplugin.WithEmitter(emitter.Async(trail)))
	db := install(plugin, &Account{})
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
	db := install(plugin, &Account{})
	check(db.WithContext(asAda()).Create([]Account{{Name: "Grace"}, {Name: "Edsger"}}).Error)
	fmt.Printf("%+v\n", plugin.Stats())
	// Output: {Records:2 Failed:0 Dropped:0 Buffered:0}
}

func ExampleWithHashKey() {
	trail := emitter.Memory()
	db := install(auditplugin.New(
		auditplugin.WithEmitter(trail),
		auditplugin.WithHashKey([]byte("at least 16 bytes, from a vault")),
	), &Customer{})
	check(db.WithContext(asAda()).Create(&Customer{
		Notes: "calls often", Answer: "blue", IBAN: "NO9386011117947", Email: "grace@example.com", Password: "hunter2", PinCount: 2,
	}).Error)

	after := trail.Records()[0].After
	for _, column := range []string{"notes", "answer", "iban", "password", "pin_count"} {
		value, recorded := after[column]
		fmt.Println(column, recorded, value)
	}
	fmt.Printf("email %.21s…\n", after["email"])
	// Output:
	// notes false <nil>
	// answer true ***
	// iban true ***7947
	// password true ***
	// pin_count true 2
	// email hmac-sha256:2b7c1d3a:…
}

func ExampleWithModels() {
	db := install(auditplugin.New(auditplugin.WithEmitter(printed), auditplugin.WithModels(&Account{})), &Account{}, &Customer{})
	check(db.WithContext(asAda()).Create(&Customer{Answer: "blue"}).Error) // not recorded
	check(db.WithContext(asAda()).Create(&Account{Name: "Grace"}).Error)
	// Output: create account 1 map[] map[id:1 name:Grace phone:]
}

func ExampleWithoutColumns() {
	db := install(auditplugin.New(auditplugin.WithEmitter(printed), auditplugin.WithoutColumns("accounts.phone")), &Account{})
	account := Account{Name: "Grace", Phone: "+12345678901"}
	check(db.WithContext(asAda()).Create(&account).Error)
	check(db.WithContext(asAda()).Model(&account).Update("phone", "+19876543210").Error) // nothing to record
	check(db.WithContext(asAda()).Model(&account).Updates(Account{Name: "Grace H.", Phone: "none"}).Error)
	// Output:
	// create account 1 map[] map[id:1 name:Grace]
	// update account 1 map[name:Grace] map[name:Grace H.]
}

func ExampleWithRequiredReason() {
	db := install(auditplugin.New(auditplugin.WithRequiredReason(&Account{})), &Account{})
	err := db.WithContext(asAda()).Create(&Account{Name: "Grace"}).Error
	fmt.Println(errors.Is(err, auditplugin.ErrReasonRequired))
	fmt.Println(err)

	fmt.Println(db.WithContext(audit.WithReason(asAda(), "ticket 1234")).Create(&Account{Name: "Grace"}).Error)
	// Output:
	// true
	// auditplugin: a reason is required: create of account (table accounts): the context gives no reason; use audit.WithReason
	// <nil>
}

func ExampleWithFailurePolicy() {
	db := install(auditplugin.New(
		auditplugin.WithFailurePolicy(auditplugin.FailWrite),            // the default
		auditplugin.WithFailurePolicy(auditplugin.KeepWrite, &Ledger{}), // for this one only
		auditplugin.WithErrorHandler(func(_ context.Context, err error) { fmt.Println("alarm:", err) }),
	), &Account{}, &Ledger{})
	// From here on no update can be recorded.
	check(db.Exec("CREATE TRIGGER full BEFORE INSERT ON audit_logs WHEN NEW.action = 'update' BEGIN SELECT RAISE(ABORT, 'full'); END").Error)
	account, ledger := Account{Name: "Grace"}, Ledger{Balance: 1}
	check(db.WithContext(asAda()).Create(&account).Error)
	check(db.WithContext(asAda()).Create(&ledger).Error)

	err := db.WithContext(asAda()).Model(&account).Update("name", "Edsger").Error
	fmt.Println("account refused:", errors.Is(err, auditplugin.ErrAuditFailed))
	err = db.WithContext(asAda()).Model(&ledger).Update("balance", 2).Error
	fmt.Println("ledger kept:", err == nil)
	// Output:
	// account refused: true
	// alarm: auditplugin: change could not be recorded: ledger update: 1 records lost, the write was kept (SQLite error 1811)
	// ledger kept: true
}

func ExampleWithRawSQL() {
	db := install(auditplugin.New(auditplugin.WithRawSQL(auditplugin.RawRefuse)), &Account{})
	err := db.WithContext(asAda()).Exec("UPDATE accounts SET phone = '+19876543210'").Error
	fmt.Println(errors.Is(err, auditplugin.ErrRawRefused))

	// By default it leaves a record without its literals.
	trail := emitter.Memory()
	db = install(auditplugin.New(auditplugin.WithEmitter(trail)), &Account{})
	check(db.WithContext(asAda()).Create(&Account{Name: "Grace"}).Error)
	check(db.WithContext(asAda()).Exec("UPDATE accounts SET phone = '+19876543210'").Error)
	r := trail.Records()[1]
	fmt.Println(r.Action, r.RecordType, r.Metadata, r.Message)
	// Output:
	// true
	// raw account map[rows:1] UPDATE accounts SET phone = ?
}

func Example_skip() {
	trail := emitter.Memory()
	db := install(auditplugin.New(auditplugin.WithEmitter(trail)), &Account{})
	accounts := []Account{{Name: "Grace"}, {Name: "Edsger"}, {Name: "Barbara"}}
	check(db.WithContext(audit.Skip(asAda(), "import of 2024")).Create(&accounts).Error)

	for _, r := range trail.Records() {
		fmt.Println(r.Action, "by", r.Actor.Name+":", r.Message, r.Reason, r.Metadata)
	}
	// Output: event by Ada: create of account not recorded: 3 rows import of 2024 map[rows:3 skipped_action:create]
}

// Of sessions, only that they were ended is recorded.
func ExampleWithActions() {
	trail := emitter.Memory()
	db := install(auditplugin.New(auditplugin.WithEmitter(trail), auditplugin.WithActions([]audit.Action{audit.Delete}, &Login{})), &Login{}, &Account{})
	db = db.WithContext(asAda())
	login := Login{Agent: "curl"}
	check(db.Create(&login).Error)
	check(db.Model(&login).Update("agent", "curl/8").Error)
	check(db.Create(&Account{Name: "Grace"}).Error)
	check(db.Delete(&login).Error)

	for _, r := range trail.Records() {
		fmt.Println(r.Action, r.RecordType, r.RecordID)
	}
	// Output:
	// create account 1
	// delete login 1
}

// Login changes all the time.
type Login struct {
	ID    uint
	Agent string
}

// Session is named by a secret.
type Session struct {
	Token     string `gorm:"primaryKey"`
	UserID    uint
	UserAgent string
	Data      SessionData `gorm:"serializer:json"`
}

// SessionData is kept as JSON.
type SessionData struct {
	CSRFToken string `json:"csrf_token"`
	Theme     string `json:"theme"`
}

// Setting is a row of a table of settings.
type Setting struct {
	Key   string `gorm:"primaryKey"`
	Value string
}

// What will not be seen of an application's models, before the first record is made.
func ExampleSecrets() {
	db := open()
	secrets, err := auditplugin.Secrets(db, &Customer{}, &Session{}, &Setting{})
	check(err)
	for _, s := range secrets {
		fmt.Println(s)
	}
	// Output:
	// customers.notes: never recorded
	// customers.answer: masked
	// customers.iban: masked but for the last 4
	// customers.email: hashed
	// customers.password: masked, because of its name
	// sessions.token: masked, because of its name (a key: needs WithHashKey)
	// sessions.data.csrf_token: masked, because of its name
	// settings.value: masked where key is a secret's name
}

// What the plugin does, counted. The modules telemetry/prometheus and telemetry/otel make
// observers that do more.
func ExampleWithObserver() {
	committed := 0
	db := install(auditplugin.New(auditplugin.WithoutActor(), auditplugin.WithObserver(audit.Observer{
		Committed: func(_ context.Context, c audit.Committed) {
			for _, n := range c.Counts {
				committed += n.Records
			}
		},
	})), &Account{})
	check(db.Create(&Account{Name: "Ada"}).Error)
	_ = db.Transaction(func(tx *gorm.DB) error {
		check(tx.Create(&Account{Name: "Bob"}).Error)
		return errors.New("changed our mind")
	})
	fmt.Println(committed, "committed")
	// Output: 1 committed
}

// A probe asks whether changes can be recorded.
func ExamplePlugin_Health() {
	plugin := auditplugin.New()
	db := install(plugin)
	fmt.Println(plugin.Health(context.Background()))
	check(db.Exec("DROP TABLE audit_logs").Error)
	fmt.Println(plugin.Health(context.Background()))
	// Output:
	// <nil>
	// auditplugin: emitter table: auditplugin: audit_logs can not be reached, or takes no INSERT (SQLite error 1)
}
