package relay

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	driver "gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/emitter"
)

func TestWrongOptions(t *testing.T) {
	db := open(t)
	for name, opt := range map[string]Option{
		"table": AuditTable(""), "schema": AuditTable(".x"), "prefix": TablePrefix(""), "poll": PollEvery(0),
		"lease": LeaseFor(time.Millisecond), "stop": StopWithin(-1), "gaps": ForgetGapsAfter(0), "settle": SettleAfter(0),
		"logger": WithLogger(nil), "waker": WithWaker(nil),
	} {
		if _, err := New(db, opt); !errors.Is(err, ErrInvalidOption) || !strings.HasPrefix(err.Error(), "auditplugin: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := newRelay(t, db)
	for name, opt := range map[string]SubscribeOption{
		"seq": FromSeq(0), "batch": Batch(0), "large": Batch(1e6), "timeout": Timeout(0), "attempts": Retry(-1, 1, 1),
		"pauses": Retry(1, 2, 1), "filter": Filter(nil),
	} {
		if err := r.Subscribe("a", &sink{}, opt); !errors.Is(err, ErrInvalidOption) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"no name":     r.Subscribe("", &sink{}),
		"no sink":     r.Subscribe("a", nil),
		"own table":   r.Subscribe("a", emitter.Table()),
		"async":       r.Subscribe("a", emitter.Async(&sink{})),
		"in a tx":     errorOf(New(db.Begin())),
		"no database": errorOf(New(nil)),
		"no limit":    errorOf(r.Subscriber("a").DeadLetters(context.Background(), 0, 0)),
		"rewind":      r.Subscriber("a").Rewind(context.Background(), 0),
	} {
		if !errors.Is(err, ErrInvalidOption) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.Subscribe("slog", emitter.Slog(nil)); !errors.Is(err, emitter.ErrNilLogger) {
		t.Errorf("a sink that cannot be bound: %v", err)
	}
	if err := r.Run(context.Background()); !errors.Is(err, ErrNoSubscriber) {
		t.Errorf("nothing to run: %v", err)
	}
	subscribe(t, r, "a", &sink{})
	if err := r.Subscribe("a", &sink{}); !errors.Is(err, ErrInvalidOption) {
		t.Errorf("the same name twice: %v", err)
	}
	run(t, r)
	eventually(t, "a second run is refused", func() bool { return errors.Is(r.Subscribe("late", &sink{}), ErrRunning) })
	if err := r.Run(context.Background()); !errors.Is(err, ErrRunning) {
		t.Errorf("second run: %v", err)
	}
}

func errorOf[T any](_ T, err error) error { return err }

func TestTables(t *testing.T) {
	db := open(t)
	if _, err := New(db, NoCreate()); !errors.Is(err, ErrTableMissing) {
		t.Errorf("without the relay's tables: %v", err)
	}
	if _, err := New(db, AuditTable("nothing")); !errors.Is(err, ErrTableMissing) {
		t.Errorf("without an audit table: %v", err)
	}
	ddl, err := Schema("sqlite", TablePrefix("x_"))
	if err != nil || !strings.Contains(ddl, "`x_positions`") {
		t.Fatalf("%s, %v", ddl, err)
	}
	for _, statement := range strings.Split(ddl, ";\n") {
		if statement == "" {
			continue
		}
		if err := db.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := New(db, NoCreate(), TablePrefix("x_")); err != nil {
		t.Errorf("with the tables of Schema: %v", err)
	}
	if _, err := Schema("oracle"); !errors.Is(err, ErrUnknownDialect) {
		t.Errorf("unknown dialect: %v", err)
	}
	other, err := gorm.Open(named{driver.Open(":memory:")}, &gorm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(other); !errors.Is(err, ErrUnknownDialect) {
		t.Errorf("unknown dialect: %v", err)
	}
}

// named is SQLite under another name.
type named struct{ gorm.Dialector }

func (named) Name() string { return "sqlserver" }

func TestPermanent(t *testing.T) {
	cause := errors.New("x")
	err := Permanent(cause)
	if !IsPermanent(errors.Join(errors.New("y"), err)) || !errors.Is(err, cause) || IsPermanent(cause) || Permanent(nil) != nil {
		t.Error("Permanent marks errors, and nothing else")
	}
}
