package emitter_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

func TestJSONLine(t *testing.T) {
	var out buffer
	r := emittertest.Records("line", 1)[0]
	r.Metadata = map[string]any{"a.b": 1, "a_b": "two", "list": []any{true}, "": false}
	if err := emitter.JSON(&out).Emit(t.Context(), []audit.Record{r}); err != nil {
		t.Fatal(err)
	}
	want := `{"@timestamp":"2024-05-06T07:08:09.123456Z","log.level":"info","message":"Edit made to MFA information",` +
		`"ecs.version":"1.6.0",` +
		`"log":{"logger":"accounts.audit","origin":{"file":{"name":"accounts/phone.go","line":17},"function":"accounts.SetPhone"}},` +
		`"changes":{"record_type":"user","record_id":"1","action":"update",` +
		`"before":{"address":{"city":"Oslo","zip":["0150",null]},"big":18446744073709551615,"phone":"+12345678901","visits":0},` +
		`"after":{"address":{"city":"Bergen","zip":["5003",null]},"big":9223372036854775809,"phone":"+19876543210","visits":1},` +
		`"transaction_id":"line"},` +
		`"event":{"id":"line-0000","kind":"event","category":["database"],"type":["change"],"action":"user.update","outcome":"success","reason":"ticket 1234"},` +
		`"user":{"id":"42","name":"Ada","effective":{"id":"7","name":"Grace"}},"organization":{"id":"acme"},"session":{"id":"s-9"},"trace":{"id":"4bf92f3577b34da6a3ce929d0e0e4736"},"span":{"id":"00f067aa0ba902b7"},` +
		`"http":{"request":{"id":"req-1"}},"client":{"ip":"192.0.2.1"},"user_agent":{"original":"curl/8.0"},` +
		`"labels":{"actor_type":"user","_":false,"a_b":1,"a_b_":"two","list":"[true]"}}` + "\n"
	if got := out.String(); got != want {
		t.Errorf("line is\n%s\nwant\n%s", got, want)
	}
}

func TestSlogSmallRecord(t *testing.T) {
	var out buffer
	r := audit.Record{Action: audit.Event, Outcome: audit.Failure, RecordType: "login", IP: "unix socket"}
	e := emitter.Slog(slog.New(slog.NewJSONHandler(&out, nil)), emitter.LoggerName("trail"))
	if err := e.Emit(t.Context(), []audit.Record{r}); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got["time"] == nil {
		t.Error("a record without a time made a line without one")
	}
	delete(got, "time")
	want := map[string]any{
		"level": "WARN", "msg": "login event",
		"log":     map[string]any{"logger": "trail"},
		"changes": map[string]any{"record_type": "login", "action": "event"},
		"event": map[string]any{
			"kind": "event", "category": []any{"database"}, "type": []any{"info"}, "action": "login.event", "outcome": "failure",
		},
		"client": map[string]any{"address": "unix socket"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("line is %v, want %v", got, want)
	}
}

func TestSlogLevel(t *testing.T) {
	var out buffer
	records := emittertest.Records("level", 2)
	records[1].Outcome = audit.Failure
	// Debug is below the handler's level; a failure is a warning all the same.
	e := emitter.JSON(&out, emitter.Level(slog.LevelError))
	quiet := emitter.Slog(slog.New(slog.NewJSONHandler(&out, nil)), emitter.Level(slog.LevelDebug))
	for _, e := range []*emitter.SlogEmitter{e, quiet} {
		if err := e.Emit(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(out.String(), "\n"); got != 3 {
		t.Errorf("%d lines, want 2 errors and 1 warning:\n%s", got, out.String())
	}
	if strings.Count(out.String(), `"log.level":"error"`) != 2 || strings.Count(out.String(), `"level":"WARN"`) != 1 {
		t.Errorf("wrong levels:\n%s", out.String())
	}
}

// Handlers for people write the message as it comes.
func TestSlogMessageIsOneLine(t *testing.T) {
	var out buffer
	r := emittertest.Records("one", 1)[0]
	r.Message = "first\nsecond\r\u2028\x1b[31m\xff"
	h := slog.NewJSONHandler(&out, nil)
	if err := emitter.Slog(slog.New(h)).Emit(t.Context(), []audit.Record{r}); err != nil {
		t.Fatal(err)
	}
	var got struct{ Msg string }
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	if want := `first\nsecond\r\u2028\u001b[31m` + "\uFFFD"; got.Msg != want {
		t.Errorf("message is %q, want %q", got.Msg, want)
	}
}

// A text handler gets the same values as JSON texts, still one line each.
func TestSlogTextHandler(t *testing.T) {
	var out buffer
	records := emittertest.Records("text", 1)
	if err := emitter.Slog(slog.New(slog.NewTextHandler(&out, nil))).Emit(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `changes.after="{\"address\":{\"city\":\"Bergen\"`) {
		t.Errorf("line is %s", got)
	}
}

func TestSlogErrors(t *testing.T) {
	for name, e := range map[string]*emitter.SlogEmitter{"Slog": emitter.Slog(nil), "JSON": emitter.JSON(nil)} {
		if _, err := e.Bind(nil); !errors.Is(err, emitter.ErrNilLogger) {
			t.Errorf("%s: Bind: %v, want ErrNilLogger", name, err)
		}
		if err := e.Emit(t.Context(), emittertest.Records("nil", 1)); !errors.Is(err, emitter.ErrNilLogger) {
			t.Errorf("%s: Emit: %v, want ErrNilLogger", name, err)
		}
	}
	if err := emitter.JSON(brokenWriter{}).Emit(t.Context(), emittertest.Records("w", 2)); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("broken writer: %v, want its error", err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
