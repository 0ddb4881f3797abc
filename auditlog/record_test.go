package auditlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/test/ecsspec"
)

type address struct {
	City string
	Code string `audit:"mask"`
}

type user struct {
	ID       int     `json:"id"`
	Phone    string  `json:"phone" audit:"mask=2"`
	Email    string  `json:"email,omitempty"`
	Password string  `json:"password"`
	Card     string  `json:"card" audit:"hash"`
	Internal string  `json:"internal" audit:"-"`
	Address  address `json:"address"`
	Extra    any     `json:"extra"`
	secret   string
}

// entry decodes the only line of the trail.
func entry(t *testing.T, trail *bytes.Buffer) map[string]any {
	t.Helper()
	if err := ecsspec.Load(t).Check(trail.Bytes()); err != nil {
		t.Errorf("%v\n%s", err, trail)
	}
	var m map[string]any
	if err := json.Unmarshal(trail.Bytes(), &m); err != nil {
		t.Fatalf("%v: %s", err, trail)
	}
	return m
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func at(m map[string]any, path string) any {
	var v any = m
	for key := range strings.SplitSeq(path, ".") {
		inner, _ := v.(map[string]any)
		v = inner[key]
	}
	return v
}

var hashKey = []byte("0123456789abcdef")

func TestOnlyKeysInBothThatDiffer(t *testing.T) {
	when := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	l, _, trail := newLogger(t)
	before := map[string]any{"same": 1, "only_before": 1, "zero": true, "when": when, "list": []int{1, 2}, "nil": nil, "count": 1, "f": 1.5}
	after := map[string]any{"same": int64(1), "only_after": 1, "zero": false, "when": when.In(time.FixedZone("", 3600)), "list": []any{1, 3}, "nil": "x", "count": 2, "f": 1.5}
	if err := l.Audit.RecordUpdated(context.Background(), "m", "thing", before, after); err != nil {
		t.Fatal(err)
	}
	want := `{"after":{"count":2,"list":[1,3],"nil":"x","zero":false},"before":{"count":1,"list":[1,2],"nil":null,"zero":true},"record_type":"thing"}`
	if got := asJSON(t, entry(t, trail)["changes"]); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestNothingChanged(t *testing.T) {
	same := map[string]string{"a": "1"}
	l, _, trail := newLogger(t)
	if err := l.Audit.RecordUpdated(context.Background(), "m", "thing", same, same); err != nil {
		t.Fatal(err)
	}
	if got := asJSON(t, entry(t, trail)["changes"]); got != `{"after":{},"before":{},"record_type":"thing"}` {
		t.Errorf("changes are %s", got)
	}
	l, _, trail = newLogger(t, auditlog.WithoutUnchanged())
	if err := l.Audit.RecordUpdated(context.Background(), "m", "thing", same, same); err != nil || trail.Len() != 0 {
		t.Errorf("error %v, line %q", err, trail)
	}
}

func TestStructsAndTags(t *testing.T) {
	l, _, trail := newLogger(t, auditlog.WithHashKey(hashKey))
	before := user{ID: 1, Phone: "+1234567890", Email: "x", Password: "p-one", Card: "4111", Internal: "i-one", Address: address{"Oslo", "c-one"}, Extra: address{"Rome", "c-x"}, secret: "s-one"}
	after := &user{ID: 1, Phone: "+19876543210", Password: "p-two", Card: "4222", Internal: "i-two", Address: address{"Oslo", "c-two"}, Extra: address{"Rome", "c-y"}, secret: "s-two"}
	if err := l.Audit.RecordUpdated(context.Background(), "m", "user", before, after); err != nil {
		t.Fatal(err)
	}
	m := entry(t, trail)
	for path, want := range map[string]any{
		"changes.before.phone": "***90", "changes.after.phone": "***10", "changes.before.email": "x", "changes.after.email": "",
		"changes.before.password": "***", "changes.after.password": "***", "changes.after.address.City": "Oslo",
		"changes.before.address.Code": "***", "changes.before.extra.Code": "***", "changes.before.extra.City": "Rome",
		"changes.before.internal": nil, "changes.before.id": nil, "changes.before.secret": nil,
	} {
		if got := at(m, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if from, to := at(m, "changes.before.card"), at(m, "changes.after.card"); from == to || !strings.HasPrefix(from.(string), "hmac-sha256:") {
		t.Errorf("hashes are %v and %v", from, to)
	}
	for _, secret := range []string{"p-one", "p-two", "4111", "4222", "i-one", "c-one", "c-two", "c-x", "c-y", "123456", "s-one"} {
		if strings.Contains(trail.String(), secret) {
			t.Errorf("the line tells %q: %s", secret, trail)
		}
	}
}

func TestTagsHoldForTheOtherSideToo(t *testing.T) {
	for _, reversed := range []bool{false, true} {
		l, _, trail := newLogger(t, auditlog.WithHashKey(hashKey))
		var before, after any = user{Phone: "+1234567890", Address: address{"Oslo", "c-one"}}, map[string]any{"phone": "+19876543210", "internal": "i-two", "address": map[string]any{"City": "Rome", "Code": "c-two"}}
		if reversed {
			before, after = after, before
		}
		if err := l.Audit.RecordUpdated(context.Background(), "m", "user", before, after); err != nil {
			t.Fatal(err)
		}
		entry(t, trail)
		for _, secret := range []string{"123456", "987654", "i-two", "c-one", "c-two"} {
			if strings.Contains(trail.String(), secret) {
				t.Errorf("the line tells %q: %s", secret, trail)
			}
		}
		if !strings.Contains(trail.String(), "Rome") {
			t.Errorf("the change of city is missing: %s", trail)
		}
	}
}

func TestSecretsInFreeText(t *testing.T) {
	l, _, trail := newLogger(t, auditlog.WithHashKey(hashKey))
	a := l.Audit.With("api_key", "s-1").WithGroup("g")
	a.Warn("m", "password", "s-2", "who", user{Phone: "+1234567890", Password: "s-3"}, slog.Group("h", "token", "s-4", "fine", "yes"),
		"m", map[string]any{"secret": "s-5", "u": &user{Password: "s-6"}}, "users", []user{{Password: "s-7"}})
	m := entry(t, trail)
	if strings.Contains(trail.String(), "s-") || strings.Contains(trail.String(), "123456") {
		t.Errorf("the line tells a secret: %s", trail)
	}
	if at(m, "g.h.fine") != "yes" || at(m, "g.who.phone") != "***90" {
		t.Errorf("too much is hidden: %s", trail)
	}
}

func TestTagsThatCanNotBeKept(t *testing.T) {
	var seen error
	l, _, trail := newLogger(t, auditlog.WithErrorHandler(func(_ context.Context, err error) { seen = err }))
	err := l.Audit.RecordCreated(context.Background(), "m", "user", user{Card: "4111"})
	if !errors.Is(err, auditlog.ErrHashKey) || !errors.Is(seen, auditlog.ErrHashKey) || trail.Len() != 0 {
		t.Errorf("error %v, handler %v, line %s", err, seen, trail)
	}
	l.Audit.Info("m", "u", user{Card: "4111"})
	if got := entry(t, trail)["u"]; got != "***" {
		t.Errorf("u is %v", got)
	}
	for _, bad := range []any{nil, 5, "x", map[int]string{1: "x"}, (*user)(nil), []string{"a"}} {
		if err := l.Audit.RecordDeleted(context.Background(), "m", "user", bad); !errors.Is(err, auditlog.ErrImage) {
			t.Errorf("%T: %v", bad, err)
		}
	}
}

func TestContext(t *testing.T) {
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "42", Type: "user", Name: "Ada"})
	ctx = audit.WithReason(ctx, "ticket 1234")
	ctx = audit.WithTrace(ctx, "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
	ctx = audit.WithRequest(ctx, audit.Request{ID: "r1", IP: "192.0.2.1", UserAgent: "curl"})
	ctx = audit.WithMetadata(ctx, map[string]any{"region.name": "north", "password": "s-1"})
	l, _, trail := newLogger(t)
	check := func(extra map[string]any) {
		t.Helper()
		m := entry(t, trail)
		for path, want := range map[string]any{
			"user.id": "42", "user.name": "Ada", "labels.actor_type": "user", "event.reason": "ticket 1234", "trace.id": "4bf92f3577b34da6a3ce929d0e0e4736",
			"span.id": "00f067aa0ba902b7", "http.request.id": "r1", "client.ip": "192.0.2.1", "user_agent.original": "curl",
			"labels.region_name": "north", "labels.password": "***",
		} {
			if got := at(m, path); got != want {
				t.Errorf("%s is %v, want %v", path, got, want)
			}
		}
		for path, want := range extra {
			if got := at(m, path); got != want {
				t.Errorf("%s is %v, want %v", path, got, want)
			}
		}
		trail.Reset()
	}
	l.Audit.WarnContext(ctx, "Sign-in refused", auditlog.Action("user.sign_in"), auditlog.Outcome(audit.Failure), auditlog.About("user", "7"), "user.id", "forged", "log.logger", "forged")
	check(map[string]any{"event.action": "user.sign_in", "event.outcome": "failure", "changes.record_id": "7", "log.logger": "accounts.audit", "labels.log_logger": "forged"})
	if err := l.Audit.RecordCreated(ctx, "m", "user", map[string]any{"id": 7}, auditlog.ID("7"), "changes.after", "forged"); err != nil {
		t.Fatal(err)
	}
	check(map[string]any{"event.action": "user.create", "event.outcome": "success", "changes.record_id": "7", "changes.after.id": float64(7), "labels.changes_after": "forged"})
}

func TestActorAndTraceFunctions(t *testing.T) {
	l, _, trail := newLogger(t,
		auditlog.WithActorFunc(func(context.Context) audit.Actor { return audit.Actor{ID: "svc"} }),
		auditlog.WithTraceFunc(func(context.Context) (string, string) { return "t", "s" }), auditlog.WithService("shop", "1", "prod"))
	l.Audit.Info("m")
	m := entry(t, trail)
	if at(m, "user.id") != "svc" || at(m, "trace.id") != "t" || at(m, "span.id") != "s" || at(m, "service.name") != "shop" {
		t.Errorf("%s", trail)
	}
}

func TestHostileImages(t *testing.T) {
	loop := map[string]any{}
	loop["loop"] = loop
	type node struct{ Next *node }
	ring := &node{}
	ring.Next = ring
	l, _, trail := newLogger(t)
	for _, v := range []any{
		map[string]any{"x": math.NaN()},
		map[string]any{"x": "\xff\n"},
		map[string]any{"\xff": 1, "\xfe": 2},
		map[string]any{"x": make(chan int)},
		loop, ring,
		map[string]any{"x": json.RawMessage("{")},
		map[string]any{"x": complex(1, 1)},
		map[string]any{"": 1},
		map[string]any{"x": strings.Repeat("y", 1<<20)},
	} {
		trail.Reset()
		if err := l.Audit.RecordCreated(context.Background(), "m\nm", "x\n", v); err != nil {
			t.Errorf("%T: %v", v, err)
		}
		entry(t, trail)
	}
}

func TestInvalidOptions(t *testing.T) {
	_, err := auditlog.New(nil, auditlog.WithApplication(""), auditlog.WithWriter(nil), auditlog.WithEmitter(nil), auditlog.WithHashKey([]byte("short")))
	if !errors.Is(err, auditlog.ErrInvalidOption) {
		t.Fatalf("got %v", err)
	}
	for _, name := range []string{"WithApplication", "WithWriter", "WithEmitter", "WithHashKey"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in: %v", name, err)
		}
	}
	var warned bytes.Buffer
	l, err := auditlog.New(slog.New(slog.NewTextHandler(&warned, nil)), auditlog.WithWriter(failing{}))
	if err != nil {
		t.Fatal(err)
	}
	l.Audit.Info("m")
	if !strings.Contains(warned.String(), "audit entry is incomplete or lost") {
		t.Errorf("a lost entry was not reported: %s", &warned)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
