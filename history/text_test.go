package history_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func text(t *testing.T, r audit.Record, opts ...history.FormatOption) string {
	t.Helper()
	var b bytes.Buffer
	must(t, history.Text(&b, []audit.Record{r}, opts...))
	return b.String()
}

func TestText(t *testing.T) {
	update := audit.Record{
		ID: "id-1", Time: noon, Action: audit.Update, Outcome: audit.Success, RecordType: "account", Table: "accounts", RecordID: "1",
		Actor: audit.Actor{ID: "7", Type: "user", Name: "Grace"}, Reason: "ticket 1234", TransactionID: "tx-1", RequestID: "r-1", IP: "::1",
		Application: "accounts", Host: "web-1", Source: audit.Source{File: "phone.go", Line: 34}, SchemaVersion: audit.SchemaVersion,
		Changes: []audit.Change{
			{Path: "address.city", From: nil, To: "Paris"},
			{Path: "age", From: json.Number("36"), To: json.Number("37")},
			{Path: "email", From: "hmac-sha256:0badf00d:0123456789abcdef", To: "hmac-sha256:0badf00d:fedcba9876543210"},
			{Path: "iban", From: "***7890", To: "***"},
			{Path: "photo", From: map[string]any{"truncated": true, "bytes": json.Number("70000"), "sha256": "…"}, To: map[string]any{"a": true}},
		},
	}
	for _, c := range []struct {
		name   string
		record audit.Record
		opts   []history.FormatOption
		want   string
	}{
		{"update", update, nil, `2026-11-23 12:00:00 UTC  update account 1  by Grace (user 7)
    reason: ticket 1234
    address.city: NULL → "Paris"
    age: 36 → 37
    email: hashed 01234567 → hashed fedcba98
    iban: ***7890 → ***
    photo: (70000 bytes) → {"a":true}
`},
		{"details, zone, now", audit.Record{
			ID: "id-1", Time: noon, Action: audit.Delete, RecordType: "user_languages", Table: "user_languages", RecordID: `["1","2"]`,
			Before: map[string]any{"user_id": json.Number("1"), "language_id": json.Number("2"), "note": nil}, TransactionID: "tx-1",
			RequestID: "r-1", IP: "::1", Application: "accounts", Host: "web-1", Source: audit.Source{File: "phone.go", Line: 34}, Cause: "id-0",
		}, []history.FormatOption{history.Details(), history.Zone(time.FixedZone("CET", 3600)), history.Now(noon.Add(3*time.Hour + time.Minute))}, `2026-11-23 13:00:00 CET (3 hours ago)  delete user_languages ["1","2"]
    language_id: 2
    user_id: 1
    follows from: id-0
    record: id-1
    transaction: tx-1
    request: r-1 ::1
    written by: accounts web-1
    at: phone.go:34
`},
		{
			"create with nulls",
			audit.Record{Time: noon, Action: audit.Create, RecordType: "user", RecordID: "1", After: map[string]any{"name": "Ada", "phone": nil}},
			[]history.FormatOption{history.Nulls()},
			`2026-11-23 12:00:00 UTC  create user 1
    name: "Ada"
    phone: NULL
`,
		},
		{"raw", audit.Record{Time: noon, Action: audit.Raw, RecordType: "user", Message: "UPDATE users SET name = ?", Metadata: map[string]any{"rows": json.Number("3")}}, nil, `2026-11-23 12:00:00 UTC  raw user
    UPDATE users SET name = ?
    metadata: rows=3
`},
		{"event", audit.Record{Time: noon, Action: audit.Event, Outcome: audit.Failure, Table: "t", Message: "sign-in refused", Actor: audit.Actor{Name: "Eve"}}, nil, `2026-11-23 12:00:00 UTC  event t  by Eve  [failure]
    sign-in refused
`},
		{"newer", audit.Record{Time: noon, Action: "merge", RecordType: "user", SchemaVersion: audit.SchemaVersion + 1}, nil, `2026-11-23 12:00:00 UTC  merge user
    (written by a newer release)
`},
		{
			"cut",
			audit.Record{Time: noon, Action: audit.Create, RecordType: "note", After: map[string]any{"text": "ééééé", "short": "éééé"}},
			[]history.FormatOption{history.Width(4)},
			"2026-11-23 12:00:00 UTC  crea… note\n    shor…: \"éééé\"\n    text: \"éééé\"…\n",
		},
	} {
		if got := text(t, c.record, c.opts...); got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.name, got, c.want)
		}
	}
}

// No value may forge a line, speak to a terminal or turn the text around.
func TestTextHostile(t *testing.T) {
	evil := "a\nb\r\x1b[2J\u202e\u2028\x00\xff\u009b\u200b"
	r := audit.Record{
		Time: noon, Action: audit.Action(evil), Outcome: audit.Outcome(evil), RecordType: evil, RecordID: evil, Message: evil, Reason: evil,
		Actor: audit.Actor{ID: evil, Type: evil, Name: evil}, Cause: evil, ID: evil, TransactionID: evil, RequestID: evil, IP: evil,
		Application: evil, Host: evil, Source: audit.Source{File: evil, Line: 1}, Metadata: map[string]any{evil: evil},
		Changes: []audit.Change{{Path: evil, From: evil, To: map[string]any{evil: []any{evil}}}, {Path: "m", From: "***" + evil, To: "hmac-sha256:x:" + evil}},
	}
	got := text(t, r, history.Details(), history.Width(0))
	for _, bad := range "\r\x1b\u202e\u2028\x00\u009b\u200b" {
		if strings.ContainsRune(got, bad) {
			t.Errorf("%q is in the text:\n%q", bad, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 12 {
		t.Errorf("%d lines, want 12:\n%s", n, got)
	}
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "just now", 900 * time.Millisecond: "just now", time.Second: "1 second ago", 59 * time.Second: "59 seconds ago",
		time.Minute: "1 minute ago", 3*time.Hour + 59*time.Minute: "3 hours ago", 25 * time.Hour: "1 day ago",
		8 * 24 * time.Hour: "1 week ago", 70 * 24 * time.Hour: "2 months ago", 800 * 24 * time.Hour: "2 years ago",
		-90 * time.Minute: "in 1 hour",
	} {
		e := history.Timeline([]audit.Record{{Time: noon}}, history.Now(noon.Add(d)))
		if e[0].Ago != want {
			t.Errorf("%v: %q, want %q", d, e[0].Ago, want)
		}
	}
}

func TestJSON(t *testing.T) {
	records := []audit.Record{
		{ID: "1", Seq: 5, Time: noon, Action: audit.Update, RecordType: "user", RecordID: "1", Actor: audit.Actor{Name: "<b>"}, Changes: []audit.Change{
			{Path: "iban", From: "***7890", To: nil},
			{Path: "n", From: json.Number("9007199254740993"), To: json.Number("1")},
		}},
		{ID: "2", Time: noon, Action: audit.Create, RecordType: "user", After: map[string]any{"a.b": "x", "none": nil, "e": "hmac-sha256:1:2"}},
	}
	var b bytes.Buffer
	must(t, history.JSON(&b, records, history.Now(noon.Add(time.Hour))))
	want := `[{"id":"1","seq":5,"time":"2026-11-23T12:00:00Z","ago":"1 hour ago","action":"update","record_type":"user","record_id":"1","actor":{"name":"\u003cb\u003e"},` +
		`"fields":[{"path":"iban","from":"***7890","to":null,"hidden":"masked"},{"path":"n","from":9007199254740993,"to":1}]},` +
		`{"id":"2","time":"2026-11-23T12:00:00Z","ago":"1 hour ago","action":"create","record_type":"user","actor":{},` +
		`"fields":[{"path":"a\\.b","from":null,"to":"x"},{"path":"e","from":null,"to":"hmac-sha256:1:2","hidden":"hashed"}]}]` + "\n"
	if b.String() != want {
		t.Errorf("got  %swant %s", b.String(), want)
	}
	b.Reset()
	must(t, history.JSON(&b, nil))
	if b.String() != "[]\n" {
		t.Errorf("no records: %q", b.String())
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestTextReportsTheWriter(t *testing.T) {
	records := []audit.Record{{Time: noon}}
	if err := history.Text(brokenWriter{}, records); !errors.Is(err, errBroken) {
		t.Errorf("Text: %v", err)
	}
	if err := history.JSON(brokenWriter{}, records); !errors.Is(err, errBroken) {
		t.Errorf("JSON: %v", err)
	}
}
