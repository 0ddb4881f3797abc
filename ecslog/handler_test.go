package ecslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/gorm-audit/auditplugin/ecslog"
	"github.com/gorm-audit/auditplugin/test/ecsspec"
)

// fixed is the time of every record in these tests.
var fixed = time.Date(2024, 8, 20, 12, 18, 53, 49_000_000, time.FixedZone("", 2*3600))

// write returns the line that a handler with the given options makes of the
// attributes, without the fields that come first and the final line feed.
func write(t *testing.T, o *ecslog.Options, build func(slog.Handler) slog.Handler, attrs ...slog.Attr) string {
	t.Helper()
	var buf bytes.Buffer
	var h slog.Handler = ecslog.NewHandler(&buf, o)
	if build != nil {
		h = build(h)
	}
	r := slog.NewRecord(fixed, slog.LevelInfo, "m", 0)
	r.AddAttrs(attrs...)
	if err := h.Handle(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	if err := ecsspec.Load(t).Check(buf.Bytes()); err != nil {
		t.Errorf("%v\n%s", err, buf.Bytes())
	}
	rest, ok := strings.CutPrefix(buf.String(), `{"@timestamp":"2024-08-20T10:18:53.049000Z","log.level":"info","message":"m",`)
	if !ok {
		t.Fatalf("the line does not begin as it should: %s", buf.Bytes())
	}
	return strings.TrimSuffix(rest, "}\n")
}

const version = `"ecs.version":"1.6.0"`

func TestSlogtest(t *testing.T) {
	var buf bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buf.Reset()
		return ecslog.NewHandler(&buf, nil)
	}, func(t *testing.T) map[string]any {
		m := map[string]any{}
		if err := json.Unmarshal(buf.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		for ecs, std := range map[string]string{"@timestamp": slog.TimeKey, "log.level": slog.LevelKey, "message": slog.MessageKey} {
			if v, ok := m[ecs]; ok {
				m[std] = v
				delete(m, ecs)
			}
		}
		return m
	})
}

type loginError struct{ user string }

func (e loginError) Error() string { return "no such user: " + e.user }

type stackError struct{ error }

func (e stackError) Format(s fmt.State, verb rune) {
	_, _ = fmt.Fprint(s, e.Error())
	if verb == 'v' && s.Flag('+') {
		_, _ = fmt.Fprint(s, "\nmain.main\n\tmain.go:1")
	}
}

func TestPlaces(t *testing.T) {
	group := func(names ...string) func(slog.Handler) slog.Handler {
		return func(h slog.Handler) slog.Handler {
			for _, n := range names {
				h = h.WithGroup(n)
			}
			return h
		}
	}
	with := func(attrs ...slog.Attr) func(slog.Handler) slog.Handler {
		return func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) }
	}
	tests := []struct {
		name  string
		opts  *ecslog.Options
		build func(slog.Handler) slog.Handler
		attrs []slog.Attr
		want  string
	}{
		{name: "plain", attrs: []slog.Attr{slog.Int("a", 1), slog.String("b", "x")}, want: `"a":1,"b":"x",` + version},
		{name: "dotted key", attrs: []slog.Attr{slog.String("trace.id", "t"), slog.String("a.b", "x")}, want: `"a":{"b":"x"},` + version + `,"trace":{"id":"t"}`},
		{name: "trace", build: with(slog.String("trace.id", "t")), attrs: []slog.Attr{slog.String("span.id", "s"), slog.Int("a", 1)}, want: `"trace":{"id":"t"},"a":1,` + version + `,"span":{"id":"s"}`},
		{name: "paths into field sets", attrs: []slog.Attr{slog.String("http.request.method", "GET"), slog.String("user.id", "1"), slog.Int("a", 1), slog.String("http.request.id", "r"), slog.Int("http.version", 2)}, want: `"a":1,` + version + `,"http":{"request":{"method":"GET","id":"r"},"version":2},"user":{"id":"1"}`},
		{name: "path through a value", attrs: []slog.Attr{slog.String("http.request", "GET"), slog.String("http.request.id", "r")}, want: version + `,"http":{"request":"GET"},"labels":{"http_request_id":"r"}`},
		{name: "event beside the dataset", opts: &ecslog.Options{Dataset: "shop.log"}, attrs: []slog.Attr{slog.String("event.action", "x")}, want: version + `,"event":{"action":"x","dataset":"shop.log"}`},
		{name: "bound event beside the dataset", opts: &ecslog.Options{Dataset: "shop.log"}, build: with(slog.String("event.action", "x")), want: version + `,"event":{"action":"x","dataset":"shop.log"}`},
		{name: "trace twice", build: with(slog.String("trace.id", "t")), attrs: []slog.Attr{slog.String("trace.id", "u"), slog.String("trace.x", "y")}, want: version + `,"trace":{"id":"u","x":"y"}`},
		{name: "dotted and group merge", attrs: []slog.Attr{slog.String("user.id", "1"), slog.Group("user", "name", "Ada")}, want: version + `,"user":{"id":"1","name":"Ada"}`},
		{name: "strings are strings", attrs: []slog.Attr{slog.Int("trace.id", 5), slog.Bool("event.dataset", true)}, want: version + `,"trace":{"id":"5"},"event":{"dataset":"true"}`},
		{name: "reserved message", attrs: []slog.Attr{slog.String("message", "x"), slog.String("log.level", "fatal"), slog.String("@timestamp", "now"), slog.String("ecs.version", "9")}, want: version + `,"labels":{"message":"x","log_level":"fatal","@timestamp":"now","ecs_version":"9"}`},
		{name: "level in a group called log", build: group("log"), attrs: []slog.Attr{slog.String("level", "x"), slog.String("logger", "l")}, want: version + `,"log":{"logger":"l"},"labels":{"log_level":"x"}`},
		{name: "group called message", build: group("message", "x"), attrs: []slog.Attr{slog.Int("a", 1)}, want: version + `,"labels":{"message_x_a":1}`},
		{name: "labels", attrs: []slog.Attr{slog.Group("labels", "a.b", 1, `c*\d`, true, "e", []int{1, 2}, slog.Group("f", "g", "h"))}, want: version + `,"labels":{"a_b":1,"c__d":true,"e":"[1,2]","f_g":"h"}`},
		{name: "labels from a map", attrs: []slog.Attr{slog.Any("labels", map[string]string{"a.b": "1"}), slog.Int("labels.x", 2)}, want: version + `,"labels":{"a_b":"1","x":2}`},
		{name: "labels scalar", attrs: []slog.Attr{slog.Any("labels", 5)}, want: version + `,"labels":{"labels":5}`},
		{name: "error", attrs: []slog.Attr{slog.Any("error", loginError{"ada"})}, want: `"error":{"type":"ecslog_test.loginError","message":"no such user: ada"},` + version},
		{name: "err", build: with(slog.Any("err", loginError{"ada"})), want: `"error":{"type":"ecslog_test.loginError","message":"no such user: ada"},` + version},
		{name: "err and error", attrs: []slog.Attr{slog.Any("err", loginError{"a"}), slog.Any("error", loginError{"b"})}, want: version + `,"error":{"type":"ecslog_test.loginError","message":"no such user: b"}`},
		{name: "error with a stack", attrs: []slog.Attr{slog.Any("error", stackError{errors.New("x")})}, want: `"error":{"type":"ecslog_test.stackError","message":"x","stack_trace":"x\nmain.main\n\tmain.go:1"},` + version},
		{name: "error as text", attrs: []slog.Attr{slog.String("error", "x"), slog.String("error.stack_trace", "s")}, want: version + `,"error":{"message":"x","stack_trace":"s"}`},
		{name: "nil error", attrs: []slog.Attr{slog.Any("error", nil)}, want: version},
		{name: "error elsewhere", attrs: []slog.Attr{slog.Group("g", "error", loginError{"ada"})}, want: `"g":{"error":"no such user: ada"},` + version},
		{name: "source", attrs: []slog.Attr{slog.Any("source", &slog.Source{File: "/a/b/c.go", Line: 7, Function: "b.F"})}, want: version + `,"log":{"origin":{"file":{"line":7,"name":"b/c.go"},"function":"b.F"}}`},
		{name: "source as field set", attrs: []slog.Attr{slog.Group("source", "ip", "::1")}, want: version + `,"source":{"ip":"::1"}`},
		{name: "line that is no number", attrs: []slog.Attr{slog.String("log.origin.file.line", "x")}, want: version + `,"labels":{"log_origin_file_line":"x"}`},
		{name: "scalar where ECS has an object", attrs: []slog.Attr{slog.String("user", "ada"), slog.Any("http", []string{"x"})}, want: version + `,"labels":{"user":"ada","http":"[\"x\"]"}`},
		{name: "map where ECS has an object", attrs: []slog.Attr{slog.Any("user", map[string]any{"id": "1"}), slog.String("user.name", "Ada")}, want: version + `,"user":{"id":"1","name":"Ada"}`},
		{name: "scalar beside object", attrs: []slog.Attr{slog.Int("a", 1), slog.Int("a.b", 2)}, want: `"a":1,` + version + `,"labels":{"a_b":2}`},
		{name: "object beside scalar", attrs: []slog.Attr{slog.Int("a.b", 2), slog.Int("a", 1)}, want: `"a":{"b":2},` + version + `,"labels":{"a":1}`},
		{name: "duplicates", build: with(slog.Int("a", 1)), attrs: []slog.Attr{slog.Int("a", 2), slog.Int("b", 1), slog.Int("b", 3)}, want: `"a":2,"b":3,` + version},
		{name: "duplicates in groups", attrs: []slog.Attr{slog.Group("g", "a", 1, "a", 2), slog.Group("g", "b", 1), slog.Group("", slog.Int("c", 1), slog.Int("c", 2))}, want: `"g":{"a":2,"b":1},"c":2,` + version},
		{name: "duplicate after an inlined group in a group", attrs: []slog.Attr{slog.Group("g", slog.Group("", "a", 1), slog.Int("a", 2))}, want: `"g":{"a":2},` + version},
		{name: "group of the same name as an attribute", build: func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("g", 1)}).WithGroup("g")
		}, attrs: []slog.Attr{slog.Int("a", 2)}, want: `"g":1,` + version + `,"labels":{"g_a":2}`},
		{name: "keys that become the same", attrs: []slog.Attr{slog.Int("\xff", 1), slog.Int("\xfe", 2), slog.Int("", 3), slog.Int("_", 4)}, want: `"` + "\ufffd" + `":2,"_":4,` + version},
		{name: "empty path parts", attrs: []slog.Attr{slog.Int("a..b", 1), slog.Int(".", 2)}, want: `"a__b":1,"_":2,` + version},
		{name: "fields of the options", opts: &ecslog.Options{Logger: "app", ServiceName: "shop", ServiceVersion: "1", ServiceEnvironment: "prod", ServiceNode: "n1", Original: true}, attrs: []slog.Attr{slog.Int("a", 1)}, want: `"a":1,` + version + `,"log":{"logger":"app","original":"m"},"event":{"dataset":"shop"},"service":{"name":"shop","version":"1","environment":"prod","node":{"name":"n1"}}`},
		{name: "attribute over option", opts: &ecslog.Options{Logger: "app", ServiceName: "shop"}, attrs: []slog.Attr{slog.String("log.logger", "x"), slog.String("service.name", "y")}, want: version + `,"log":{"logger":"x"},"event":{"dataset":"shop"},"service":{"name":"y"}`},
		{name: "option over attribute", opts: &ecslog.Options{Logger: "app", Pinned: true}, attrs: []slog.Attr{slog.Group("log", "logger", "x")}, want: version + `,"log":{"logger":"app"},"labels":{"log_logger":"x"}`},
		{name: "attributes of the context", opts: &ecslog.Options{ContextAttrs: func(context.Context) []slog.Attr { return []slog.Attr{slog.String("trace.id", "t"), slog.Int("c", 1)} }}, build: group("g"), attrs: []slog.Attr{slog.Int("a", 1)}, want: `"c":1,"g":{"a":1},` + version + `,"trace":{"id":"t"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := write(t, tt.opts, tt.build, tt.attrs...); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestDirectPathAndTreeAgree(t *testing.T) {
	build := func(h slog.Handler) slog.Handler {
		return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 2)}).WithGroup("h")
	}
	attrs := []slog.Attr{slog.String("c", "x"), slog.Group("d", "e", 1.5, slog.Group("f")), slog.Time("t", fixed), slog.Duration("u", time.Second), slog.Any("n", nil)}
	opts := &ecslog.Options{Logger: "l", AddSource: true, Original: true, ServiceName: "s", Process: true}
	direct := write(t, opts, build, attrs...)
	opts.ContextAttrs = func(context.Context) []slog.Attr { return []slog.Attr{slog.Group("x.y")} } // needs the tree, says nothing
	if tree := write(t, opts, build, attrs...); tree != direct {
		t.Errorf("\ndirect %s\ntree   %s", direct, tree)
	}
}

func TestSourceIsTheCallersLine(t *testing.T) {
	var buf bytes.Buffer
	l := slog.New(ecslog.NewHandler(&buf, &ecslog.Options{AddSource: true}))
	for range 2 { // the second time from the cache
		buf.Reset()
		l.Info("x")
		want := regexp.MustCompile(`"log":\{"origin":\{"file":\{"line":\d+,"name":"ecslog/handler_test\.go"\},"function":"[^"]*TestSourceIsTheCallersLine"\}\}`)
		if !want.Match(buf.Bytes()) {
			t.Errorf("no origin in %s", buf.Bytes())
		}
	}
}

func TestLevels(t *testing.T) {
	var buf bytes.Buffer
	var lv slog.LevelVar
	lv.Set(slog.LevelDebug)
	l := slog.New(ecslog.NewHandler(&buf, &ecslog.Options{Level: &lv}))
	for level, want := range map[slog.Level]string{slog.LevelDebug: "debug", slog.LevelInfo: "info", slog.LevelWarn: "warn", slog.LevelError: "error", slog.LevelError + 4: "error+4"} {
		buf.Reset()
		l.Log(context.Background(), level, "x")
		if !strings.Contains(buf.String(), `"log.level":"`+want+`"`) {
			t.Errorf("level %v: %s", level, buf.Bytes())
		}
	}
	lv.Set(slog.LevelError)
	buf.Reset()
	l.Warn("x")
	if buf.Len() != 0 {
		t.Errorf("a warning was written at level error: %s", buf.Bytes())
	}
	named := slog.New(ecslog.NewHandler(&buf, &ecslog.Options{LevelName: func(slog.Level) string { return "notice" }}))
	named.Info("x")
	if !strings.Contains(buf.String(), `"log.level":"notice"`) {
		t.Errorf("LevelName was not used: %s", buf.Bytes())
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

func TestWriterErrorIsReturned(t *testing.T) {
	h := ecslog.NewHandler(failingWriter{}, nil)
	err := h.Handle(context.Background(), slog.NewRecord(fixed, slog.LevelInfo, "m", 0))
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
