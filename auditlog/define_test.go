package auditlog_test

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
)

type origin struct {
	Country string `json:"country"`
	Token   string `json:"token"`
}

type signIn struct {
	User    string        `json:"user_id" event:"subject,required"`
	Method  string        `json:"method" event:"required"`
	Code    string        `json:"code,omitempty" audit:"mask"`
	Card    string        `json:"card" audit:"hash"`
	Gone    string        `json:"gone" audit:"-"`
	Visible string        `json:"password" audit:"show"`
	Tries   *int          `json:"tries,omitempty" event:"required"`
	From    []origin      `json:"from"`
	At      time.Time     `json:"at"`
	Took    time.Duration `json:"took"`
	Rooms   map[string]int
	secret  string
}

func tries(n int) *int { return &n }

func signedIn() *auditlog.Event[signIn] {
	return auditlog.Define[signIn]("user.sign_in", auditlog.Message("Signed in"), auditlog.Category("authentication"), slog.String("tier", "web"))
}

func aSignIn() signIn {
	return signIn{
		User: "7", Method: "totp", Code: "c-123", Card: "c-4111", Gone: "g-1", Visible: "shown", Tries: tries(0), From: []origin{{"NO", "t-1"}},
		At: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), Took: time.Second, Rooms: map[string]int{"a": 1}, secret: "s-1",
	}
}

func noSecrets(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{"c-123", "c-4111", "g-1", "t-1", "s-1"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is told: %s", secret, text)
		}
	}
}

// An event says the same in the line, in the record for emitters, and in that for the plugin.
func TestDefinedEvent(t *testing.T) {
	var got []audit.Record
	l, _, trail := newLogger(t, auditlog.WithEmitter(keep(&got)), auditlog.WithHashKey(hashKey))
	ctx := audit.WithReason(audit.WithMetadata(audit.WithActor(context.Background(), audit.Actor{ID: "42"}), map[string]any{"region": "north", "secret": "t-1"}), "because")
	event := signedIn().Of(aSignIn(), auditlog.Outcome(audit.Failure), slog.String("event.reason", "not this one"))
	if err := l.Audit.WithGroup("g").Event(ctx, event); err != nil {
		t.Fatal(err)
	}
	noSecrets(t, trail.String())
	m := entry(t, trail)
	if m["log.level"] != "warn" {
		t.Errorf("the level is %v", m["log.level"])
	}
	for path, want := range map[string]any{
		"message": "Signed in", "event.action": "user.sign_in", "event.category": []any{"authentication"}, "event.outcome": "failure",
		"changes.record_type": "user", "changes.record_id": "7", "user_id": "7", "method": "totp", "code": "***", "password": "shown", "gone": nil,
		"tries": 0.0, "user.id": "42", "tier": "web", "event.reason": "because", "Rooms.a": 1.0, "at": "2024-01-02T03:04:05Z", "labels.region": "north",
	} {
		if got := at(m, path); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if !strings.HasPrefix(at(m, "card").(string), "hmac-sha256:") || asJSON(t, m["from"]) != `[{"country":"NO","token":"***"}]` {
		t.Errorf("card is %v, from is %v", m["card"], m["from"])
	}
	if file := at(m, "log.origin.file.name").(string); !strings.HasSuffix(file, "define_test.go") {
		t.Errorf("the origin is %s", file)
	}

	r := got[0]
	if r.Action != audit.Event || r.Outcome != audit.Failure || r.RecordType != "user" || r.RecordID != "7" || r.Message != "Signed in" || r.Reason != "because" {
		t.Errorf("the record is %+v", r)
	}
	through, err := event.AuditEvent(ctx, hashKey)
	if err != nil {
		t.Fatal(err)
	}
	noSecrets(t, asJSON(t, through))
	if through.Action != r.Action || through.Outcome != r.Outcome || through.RecordType != r.RecordType || through.RecordID != r.RecordID ||
		through.Message != r.Message || through.Reason != r.Reason || !reflect.DeepEqual(through.Metadata, r.Metadata) {
		t.Errorf("through the plugin it is\n%+v\nthrough the logger\n%+v", through, r)
	}
	if _, err := event.AuditEvent(ctx, nil); !errors.Is(err, auditlog.ErrHashKey) {
		t.Errorf("without a hash key: %v", err)
	}
}

func TestOptionalFieldsOfAnEvent(t *testing.T) {
	type visit struct {
		ID    uuid.UUID `json:"id" event:"subject"`
		Page  string    `json:"page,omitempty"`
		Query string    `json:"query"`
	}
	l, _, trail := newLogger(t)
	event := auditlog.Define[visit]("site.page.visit", auditlog.Subject("page"), auditlog.Outcome(audit.Success))
	id := uuid.MustParse("0189f7e0-0000-7000-8000-000000000001")
	if err := l.Audit.With("bound", "x").Event(context.Background(), event.Of(visit{ID: id}, auditlog.Action("forged"))); err != nil {
		t.Fatal(err)
	}
	m := entry(t, trail)
	for path, want := range map[string]any{
		"message": "site.page.visit", "event.action": "site.page.visit", "event.outcome": "success", "changes.record_type": "page", "changes.record_id": id.String(),
		"page": nil, "query": "", "bound": "x",
	} {
		if got := at(m, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	trail.Reset()
	if err := l.Audit.Event(context.Background(), event.Of(visit{}, auditlog.About("book", "9"))); err != nil {
		t.Fatal(err)
	}
	if m := entry(t, trail); at(m, "changes.record_type") != "book" || at(m, "changes.record_id") != "9" {
		t.Errorf("it is about %v", m["changes"])
	}
}

func TestRequiredFieldsOfAnEvent(t *testing.T) {
	var seen error
	l, _, trail := newLogger(t, auditlog.WithHashKey(hashKey), auditlog.WithErrorHandler(func(_ context.Context, err error) { seen = err }))
	event := signedIn().Of(signIn{User: " \t", Code: "c-123"})
	err := l.Audit.Event(context.Background(), event)
	if !errors.Is(err, auditlog.ErrRequired) || !errors.Is(seen, auditlog.ErrRequired) || trail.Len() > 0 || !strings.HasSuffix(err.Error(), "user.sign_in: user_id, method, tries") {
		t.Errorf("error %v, handler %v, line %s", err, seen, trail)
	}
	if _, err := event.AuditEvent(context.Background(), hashKey); !errors.Is(err, auditlog.ErrRequired) {
		t.Errorf("through the plugin: %v", err)
	}
	if err := l.Audit.Event(context.Background(), auditlog.Occurrence{}); !errors.Is(err, auditlog.ErrDefinition) {
		t.Errorf("no event: %v", err)
	}
	if _, err := new(auditlog.Event[signIn]).Of(aSignIn()).AuditEvent(context.Background(), nil); !errors.Is(err, auditlog.ErrDefinition) {
		t.Errorf("an event that was not defined: %v", err)
	}
}

type place struct {
	Room string `json:"room" event:"required"`
}

// Fields of embedded structs are the event's own.
func TestEmbeddedFieldsOfAnEvent(t *testing.T) {
	type byValue struct {
		place
		Level int `json:"level"`
	}
	type byPointer struct{ *place }
	l, _, trail := newLogger(t, auditlog.WithErrorHandler(func(context.Context, error) {}))
	value, pointer := auditlog.Define[byValue]("door.open"), auditlog.Define[byPointer]("door.close")
	if err := l.Audit.Event(context.Background(), value.Of(byValue{place{"7b"}, 3})); err != nil {
		t.Fatal(err)
	}
	if m := entry(t, trail); m["room"] != "7b" || m["level"] != 3.0 {
		t.Errorf("the line is %v", m)
	}
	trail.Reset()
	if err := l.Audit.Event(context.Background(), pointer.Of(byPointer{&place{"7c"}})); err != nil {
		t.Fatal(err)
	}
	if m := entry(t, trail); m["room"] != "7c" {
		t.Errorf("the line is %v", m)
	}
	if err := l.Audit.Event(context.Background(), pointer.Of(byPointer{})); !errors.Is(err, auditlog.ErrRequired) {
		t.Errorf("without its struct: %v", err)
	}
}

// wrong is the mistake that Define panics with.
func wrong[T any](t *testing.T, name string, attrs ...slog.Attr) (err error) {
	t.Helper()
	defer func() {
		if err, _ = recover().(error); !errors.Is(err, auditlog.ErrDefinition) {
			t.Errorf("%q: the mistake is %v", name, err)
			err = auditlog.ErrDefinition
		}
	}()
	auditlog.Define[T](name, attrs...)
	return nil
}

type selfish struct {
	Next *selfish `json:"next"`
}

type endless []endless

func TestMistakesInDefinitions(t *testing.T) {
	for _, name := range []string{"", "sign_in", "User.sign_in", "user.", ".x", "user..x", "user sign.in", "user.1x", "user.é", strings.Repeat("a", 99) + ".b"} {
		if err := wrong[struct{}](t, name); !strings.Contains(err.Error(), "the name has to be") {
			t.Errorf("%q: %v", name, err)
		}
	}
	for says, err := range map[string]error{
		"which is no struct":                        wrong[string](t, "a.b"),
		"of type time.Time":                         wrong[time.Time](t, "a.b"),
		"field C is of type chan int":               wrong[struct{ C chan int }](t, "a.b"),
		"field F is of type func()":                 wrong[struct{ F func() }](t, "a.b"),
		"may be anything":                           wrong[struct{ A any }](t, "a.b"),
		"field L is of type interface":              wrong[struct{ L []interface{ M() } }](t, "a.b"),
		"field N is of type complex128":             wrong[struct{ N complex128 }](t, "a.b"),
		"keys are no texts":                         wrong[struct{ M map[int]string }](t, "a.b"),
		"contains itself":                           wrong[struct{ S selfish }](t, "a.b"),
		"field E is of a type that contains itself": wrong[struct{ E endless }](t, "a.b"),
		"unknown audit tag": wrong[struct {
			A string `audit:"maks"`
		}](t, "a.b"),
		`unknown event tag "requird"`: wrong[struct {
			A string `event:"requird"`
		}](t, "a.b"),
		"zero is a value": wrong[struct {
			A int `event:"required"`
		}](t, "a.b"),
		"is the subject and no text": wrong[struct {
			A []string `event:"subject"`
		}](t, "a.b"),
		"is a second subject": wrong[struct {
			A, B string `event:"subject"`
		}](t, "a.b"),
		"subject and is never recorded": wrong[struct {
			A string `event:"subject" audit:"-"`
		}](t, "a.b"),
		"has an event tag and is not recorded": wrong[struct {
			A string `json:"-" event:"required"`
		}](t, "a.b"),
		"can not be called user": wrong[struct {
			A string `json:"user"`
		}](t, "a.b"),
		"can not be called a.b": wrong[struct {
			A string `json:"a.b"`
		}](t, "a.b"),
		"two fields are called B": wrong[struct {
			A string `json:"B"`
			B string
		}](t, "a.b"),
		"a is a field and an attribute": wrong[struct {
			A string `json:"a"`
		}](t, "a.b", slog.String("a", "x")),
		"event.action is not for the definition": wrong[struct{}](t, "a.b", auditlog.Action("c.d")),
		"Message and Subject need a text":        wrong[struct{}](t, "a.b", auditlog.Message("")),
		"hash\" can not hide a boolean: model struct": wrong[struct {
			B bool `audit:"hash"`
		}](t, "a.b"),
	} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v\nlacks %q", err, says)
		}
	}
	if err := wrong[struct {
		A any
		B chan int
	}](t, "x"); strings.Count(err.Error(), "event definition") != 3 {
		t.Errorf("not all mistakes are told: %v", err)
	}
}
