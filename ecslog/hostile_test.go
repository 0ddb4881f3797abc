package ecslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/ecslog"
	"github.com/gorm-audit/auditplugin/test/ecsspec"
)

type (
	panicsMarshal struct{}
	panicsError   struct{}
	failsMarshal  struct{}
	repeatsKeys   struct{}
	badUTF8       struct{}
	endlessGroup  struct{}
	wideGroup     struct{}
	panicsValue   struct{}
	nilError      struct{}
	cyclic        struct{ Next *cyclic }
)

func (panicsMarshal) MarshalJSON() ([]byte, error) { panic("secret") }
func (panicsError) Error() string                  { panic("secret") }
func (failsMarshal) MarshalJSON() ([]byte, error)  { return nil, context.Canceled }
func (repeatsKeys) MarshalJSON() ([]byte, error) {
	return []byte(`{"a":{"x":[1,{"y":1,"\u0079":2}]}}`), nil
}
func (badUTF8) MarshalJSON() ([]byte, error) { return []byte("\"\xff\""), nil }
func (endlessGroup) LogValue() slog.Value    { return slog.GroupValue(slog.Any("g", endlessGroup{})) }

func (wideGroup) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("a", wideGroup{}), slog.Any("b", wideGroup{}), slog.Any("c", wideGroup{}))
}
func (panicsValue) LogValue() slog.Value { panic("boom") }
func (e *nilError) Error() string        { return *(*string)(nil) + "x" }

func hostileValues() map[string]any {
	m := map[string]any{}
	m["self"] = []any{m, m}
	c := &cyclic{}
	c.Next = c
	var deep any
	for range 5000 {
		deep = []any{deep}
	}
	return map[string]any{
		"panics in MarshalJSON": panicsMarshal{}, "panics in Error": panicsError{}, "fails": failsMarshal{},
		"repeats keys": repeatsKeys{}, "bad UTF-8": badUTF8{}, "endless": endlessGroup{}, "wide": wideGroup{},
		"panics in LogValue": panicsValue{}, "nil error": (*nilError)(nil), "cycle by map": m, "cycle by pointer": c,
		"deep": deep, "channel": make(chan int), "func": func() {}, "NaN": math.NaN(), "Inf in a map": map[string]any{"x": math.Inf(-1)},
		"NaN in a struct": struct{ F float64 }{math.NaN()}, "huge": strings.Repeat("é", 1<<20), "huge list": make([]any, 200_000),
		"year 20000": time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), "raw": json.RawMessage("{\"a\":1,\n\"a\":2}"),
		"broken raw": json.RawMessage("{"), "line ends": "a\r\nb\u2028c\u2029d\u0085e\x00\x1b[31m", "invalid": "\xff\xfe",
		"invalid keys": map[string]any{"\xff": 1, "\xfe": 2, "": 3, "_": 4}, "invalid keys by json": map[string]int{"\xff": 1, "\xfe": 2},
		"valuer in a map": map[string]any{"x": endlessGroup{}}, "complex": complex(1, 2), "nil map": map[string]any(nil),
	}
}

func TestHostileValuesMakeValidLines(t *testing.T) {
	spec := ecsspec.Load(t)
	for name, v := range hostileValues() {
		for _, key := range []string{"x", "error", "err", "labels", "user", "trace.id", "labels.x", "source", "message", "log.origin.file.line", "a.b"} {
			var buf bytes.Buffer
			l := slog.New(ecslog.NewHandler(&buf, &ecslog.Options{Logger: "l", AddSource: true}))
			l.With(key, v).WithGroup("g").Info("m", key, v, slog.Group("h", key, v))
			if err := spec.Check(buf.Bytes()); err != nil {
				t.Errorf("%s as %s: %v\n%.500s", name, key, err, buf.Bytes())
			}
			if strings.Contains(buf.String(), "secret") {
				t.Errorf("%s as %s: the line quotes a panic: %.500s", name, key, buf.Bytes())
			}
		}
	}
}

func TestHostileMessagesMakeValidLines(t *testing.T) {
	spec := ecsspec.Load(t)
	for _, msg := range []string{"", "\xff", "a\nb", `"}`, strings.Repeat("é", 1<<20), "\x00"} {
		var buf bytes.Buffer
		slog.New(ecslog.NewHandler(&buf, &ecslog.Options{Original: true})).Info(msg)
		if err := spec.Check(buf.Bytes()); err != nil {
			t.Errorf("%.20q: %v", msg, err)
		}
	}
}

func TestTimes(t *testing.T) {
	spec := ecsspec.Load(t)
	for _, when := range []time.Time{time.Unix(0, 0), time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), {}} {
		var buf bytes.Buffer
		h := ecslog.NewHandler(&buf, &ecslog.Options{StampZeroTime: true})
		if err := h.Handle(context.Background(), slog.NewRecord(when, slog.LevelInfo, "m", 0)); err != nil {
			t.Fatal(err)
		}
		if err := spec.Check(buf.Bytes()); err != nil {
			t.Errorf("%v: %v\n%s", when, err, buf.Bytes())
		}
	}
}

func TestLargeValuesAreCut(t *testing.T) {
	opts := &ecslog.Options{MaxValueBytes: 10}
	got := write(t, opts, nil, slog.String("s", "abcdefghé"+"jkl"), slog.Any("list", []any{1, 2, 3, 4, 5, 6, 7}), slog.Any("ints", [9]int{}))
	want := `"s":"abcdefghé… (cut, 13 bytes)","list":"[1,2,3,4,5… (cut, 15 bytes)","ints":"[0,0,0,0,0… (cut, 19 bytes)",` + version
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	long := strings.Repeat("x", ecslog.DefaultMaxValueBytes+1)
	if got := write(t, &ecslog.Options{MaxValueBytes: -1}, nil, slog.String("s", long)); !strings.Contains(got, long) {
		t.Error("a value was cut although there is no limit")
	}
}

func TestManyAttributes(t *testing.T) {
	attrs := make([]slog.Attr, 0, 3000)
	for i := range 1500 {
		k := strings.Repeat("k", i+1)
		attrs = append(attrs, slog.Int(k, 0), slog.Int(k, i))
	}
	var got map[string]any
	if err := json.Unmarshal([]byte("{"+write(t, nil, nil, attrs...)+"}"), &got); err != nil {
		t.Fatal(err)
	}
	for i := range 1500 {
		if v := got[strings.Repeat("k", i+1)]; v != float64(i) {
			t.Fatalf("key %d holds %v", i, v)
		}
	}
}

// Elasticsearch refuses a whole line for one number that is out of range.
func TestNumbersThatNobodyCanHold(t *testing.T) {
	huge := strings.Repeat("9", 400)
	for name, c := range map[string]struct {
		v    any
		want string
	}{
		"number":              {json.Number("1.50"), `1.50`},
		"no number":           {json.Number("x"), `"x"`},
		"empty":               {json.Number(""), `0`},
		"huge":                {json.Number("1e999"), `"1e999"`},
		"huge and negative":   {json.Number("-1E+999"), `"-1E+999"`},
		"many digits":         {json.Number(huge), `"` + huge + `"`},
		"tiny":                {json.Number("1e-999"), `1e-999`},
		"in a map":            {map[string]any{"n": json.Number("1e999"), "m": json.Number("2")}, `{"m":2,"n":"1e999"}`},
		"in a struct":         {struct{ N, M json.Number }{"1e999", "2e3"}, `{"N":"1e999","M":2e3}`},
		"in a list":           {[]json.Number{"1e999", "3"}, `["1e999",3]`},
		"raw":                 {json.RawMessage(`{"a":[1e999,-2.5,"1e999\\\"1e999",1e5],"b":1e400}`), `{"a":["1e999",-2.5,"1e999\\\"1e999",1e5],"b":"1e400"}`},
		"raw with two of one": {json.RawMessage(`{"a":1,"a":1e999}`), `{"a":"1e999"}`},
	} {
		if got := write(t, nil, nil, slog.Any("x", c.v)); got != `"x":`+c.want+`,`+version {
			t.Errorf("%s: %s", name, got)
		}
	}
}
