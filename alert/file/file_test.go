package file_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/alert/file"
	"github.com/gorm-audit/auditplugin/audit"
)

type User struct {
	ID       uint
	Role     string
	MFAPhone string
	Balance  int
}

type Order struct{ ID uint }

type inbox struct {
	mu       sync.Mutex
	messages []alert.Message
}

func (i *inbox) Send(_ context.Context, m alert.Message) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.messages = append(i.messages, m)
	return nil
}

func (i *inbox) all() []alert.Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]alert.Message(nil), i.messages...)
}

func openDB(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open("file:"+filepath.Join(t.TempDir(), "test.db")+"?_journal_mode=WAL&_busy_timeout=20000"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

func env(name string) (string, bool) {
	v, ok := map[string]string{"CHAT_TOKEN": "T0K3N", "PAGE_KEY": "K3Y"}[name]
	return v, ok
}

func change(id, phone string) audit.Record {
	return audit.Record{
		ID: id, Time: time.Date(2026, 11, 23, 12, 5, 0, 0, time.UTC), Action: audit.Update, RecordType: "user", Table: "users", RecordID: "7",
		Actor: audit.Actor{ID: "42", Name: "Ada"}, Before: map[string]any{"mfa_phone": "1"}, After: map[string]any{"mfa_phone": phone},
		Changes: []audit.Change{{Path: "mfa_phone", From: "1", To: phone}},
	}
}

func run(t *testing.T, e *alert.Engine, boxes ...*inbox) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	for range 1000 {
		missing := false
		for _, b := range boxes {
			missing = missing || len(b.all()) == 0
		}
		if !missing {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A file with every key makes the rules it says.
func TestLoad(t *testing.T) {
	db := openDB(t)
	support, mail := &inbox{}, &inbox{}
	var urls []string
	c, err := file.Load("testdata/alerts.yaml", file.Env(env), file.With(db, alert.WithModels(&User{}, &Order{})),
		file.Channels(map[string]alert.Channel{"mail": mail}),
		file.URLs(func(url string) (alert.Channel, error) {
			urls = append(urls, url)
			return support, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(urls, " "); got != "chat://T0K3N@room/$x page://K3Y" {
		t.Errorf("URLs %s", got)
	}
	want := []string{
		"mfa-phone-changed: all of (model user, column mfa_phone, action update, not the owner)",
		"mass-deletion: all of (action delete or soft_delete, more than 2 in a minute by actor by table)",
		"odd-hours: all of (model user or order, no reason, during 18:00–08:00 Europe/Berlin 08:00–18:00 Sun Europe/Berlin, " +
			"any of (all of (value of role becomes admin or owner was reader, value of balance below -10.5 above -1000), " +
			"all of (not (all of (table users, actor type service))), " +
			"all of (all of (all of (metadata client.kind is batch or <nil>, metadata n is 3, metadata b is true), all of (message matches ^x, outcome failure)))))",
	}
	for i, r := range c.Rules {
		if r.String() != want[i] {
			t.Errorf("%s\nwant\n%s", r, want[i])
		}
	}
	e, err := alert.New(db, c.Rules, c.Channels, c.Options...)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Emit(t.Context(), []audit.Record{change("r1", "2")}); err != nil {
		t.Fatal(err)
	}
	// Whether it is night in Berlin depends on when the test runs; mail has no
	// quiet hours.
	run(t, e, mail)
	m := mail.all()[0]
	if m.Text != "Ada (42) changed it:\n1 → 2" || m.Subject != "Second factor changed (customer 7)" || m.Link != "https://admin.example.com/users/7" || m.Severity != alert.Warning {
		t.Errorf("%+v", m)
	}
}

// Every mistake is found, and said with its place.
func TestProblems(t *testing.T) {
	const text = `
tme_zone: UTC
time_zone: Mars/Olympus
labels: [a]
channels:
  chat: chat://${NO_SUCH}
  bad: bad://S3CR3T
  mail: x://y
quiet_hours:
  - {from: "22:00", to: "25:00"}
  - {from: "22:00", to: "07:00", days: [someday], channels: nowhere}
rules:
  - name: one
    when: {model: user, colum: mfa_phone}
    send: chat
  - name: one
    when: {model: usr}
    send: chat
  - name: three
    when: {model: user, column: mfa_fone}
    send: nowhere
    severity: urgent
  - name: four
    when:
      value:
        balance: {above: much, matches: "("}
      action: upsert
    count: {more_than: few, in: soon, by: weather}
    send: []
    digest: 3 days
  - name: five
    when: {not_owner: maybe, outcome: bad, during: {from: "1", to: "2"}}
    throttle: {at_most: 1.5}
    send: chat
    text: "{{.Whom}}"
  - name: six
    when: {model: user}
    send: chat
    text: "{{.Whom}}"
  - when: {model: user}
    send: chat
  - just a text
`
	_, err := file.Parse("alerts.yaml", []byte(text), file.Env(env), file.With(openDB(t), alert.WithModels(&User{})),
		file.Channels(map[string]alert.Channel{"mail": &inbox{}}),
		file.URLs(func(url string) (alert.Channel, error) {
			if strings.HasPrefix(url, "bad:") {
				return nil, errors.New("no such service")
			}
			return &inbox{}, nil
		}))
	var problems *file.Error
	if !errors.As(err, &problems) || !errors.Is(err, file.ErrInvalid) || !errors.Is(err, alert.ErrUnknownModel) {
		t.Fatal(err)
	}
	want := []string{
		`2:1: file: unknown key "tme_zone"`,
		`3:12: time_zone: unknown time zone "Mars/Olympus"`,
		`4:9: labels: a mapping`,
		`6:9: channels: the environment variable "NO_SUCH" is not set`,
		`7:8: channels: "bad": no such service`,
		`8:3: channels: "mail" is given by the program already`,
		`10:6: quiet_hours: "25:00" is no time of day`,
		`11:6: quiet_hours: auditplugin: unknown alert channel: "nowhere"`,
		`11:41: days: unknown day "someday"`,
		`14:25: when: unknown key "colum"`,
		`16:5: rule: the name "one" is used twice`,
		`16:5: rule "one": auditplugin: unknown model in alert rule: "usr"; known are user`,
		`19:5: rule "three": auditplugin: unknown alert channel: "nowhere"; known are bad, chat, mail; auditplugin: unknown column in alert rule: "mfa_fone"; known are balance, id, mfa_phone, role`,
	}
	got := err.Error()
	for _, w := range want {
		if !strings.Contains(got, "\nalerts.yaml:"+w) {
			t.Errorf("nothing says %q", w)
		}
	}
	for _, w := range []string{
		`22:15: severity: info, warning or critical`, `26:26: above: a number`, `26:41: matches: error parsing regexp`, `27:15: action: unknown action "upsert"; known are create, update, delete, soft_delete, restore, raw, event`,
		`28:24: more_than: a whole number`, `28:33: in: "soon" is no length of time`, `28:43: by: actor, model`, `29:11: send: the list is empty`, `30:13: digest: "3 days"`,
		`32:23: not_owner: true or false`, `32:39: outcome: success, failure`, `32:53: during: "2" is no time of day`, `33:25: at_most: a whole number`,
		`36:5: rule "six": template: text:1:2`, `40:5: rule "": name: it is empty`,
		`42:5: rule: a mapping`,
	} {
		if !strings.Contains(got, "\nalerts.yaml:"+w) {
			t.Errorf("nothing says %q", w)
		}
	}
	if strings.Contains(got, "S3CR3T") {
		t.Error("the error quotes a URL")
	}
	if t.Failed() {
		t.Log(got)
	}
}

// What is wrong with a rule is said at once, whatever else is wrong with it, and nothing
// that only follows from that.
func TestAllMistakesOfARule(t *testing.T) {
	const text = `rules:
  - name: a
    severity: loud
    when: {model: user, action: upsert, column: "a,b", value: {x: {above: much}}}
    send: [nowhere, nowhere]
    subject: "{{.Whom}}"
    text: "{{"
    link: "ftp://{{.RecordID}}"
    digest: 1ms
    throttle: {at_most: -1, in: 1h}
  - just text
`
	_, err := file.Parse("f", []byte(text), file.Channels(map[string]alert.Channel{"box": &inbox{}}))
	got := fmt.Sprint(err)
	for _, want := range []string{
		"f:3:15: severity", "f:4:33: action: unknown action", "above: a number", `unknown alert channel: "nowhere"; known are box`, `channel "nowhere" twice`,
		"template: subject:1:2", "template: text:1", "link: it does not become", "digest: 1ms", "throttle", "f:11:5: rule: a mapping",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing says %s", want)
		}
	}
	for _, follows := range []string{"unknown severity", "no conditions", "no channel", "it is empty"} {
		if strings.Contains(got, follows) {
			t.Errorf("%q follows from another mistake", follows)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestByteOrderMark(t *testing.T) {
	const rules = "rules: [{name: a, when: {model: user}, send: box}]"
	channels := file.Channels(map[string]alert.Channel{"box": &inbox{}})
	c, err := file.Parse("f", []byte("\xef\xbb\xbf"+rules), channels)
	if err != nil || len(c.Rules) != 1 {
		t.Errorf("%v", err)
	}
	for _, other := range []string{"\xff\xfer\x00u\x00", "\xfe\xff\x00r\x00u"} {
		if _, err := file.Parse("f", []byte(other), channels); err == nil || !strings.Contains(err.Error(), "f:1:1: the file must be UTF-8") {
			t.Errorf("UTF-16: %v", err)
		}
	}
}

func TestBadFiles(t *testing.T) {
	for name, text := range map[string]string{
		"empty":              "",
		"no YAML":            "rules: [\n  x: \"S3CR3T",
		"two documents":      "rules: []\n---\nrules: []",
		"no mapping":         "- a",
		"no rules":           "labels: {a: b}",
		"key twice":          "rules: []\nrules: []",
		"an anchor":          "rules: &a []\nlabels: *a",
		"URLs not taken":     "channels: {a: 'x://S3CR3T'}\nrules: []",
		"too large":          "rules: []\n#" + strings.Repeat("x", 1<<20),
		"open variable":      "channels: {a: '${CHAT_TOKEN'}\nrules: []",
		"rule without reach": "rules: [{name: a, when: {model: user}}]",
		"null":               "rules: ~",
		"null rule":          "rules: [~]",
		"null conditions":    "rules: [{name: a, send: b, when: ~}]",
	} {
		_, err := file.Parse("f", []byte(text), file.Env(env))
		if !errors.Is(err, file.ErrInvalid) || strings.Contains(err.Error(), "S3CR3T") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := file.Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// A new file is put in force; a bad one is reported and changes nothing.
func TestWatch(t *testing.T) {
	db, box := openDB(t), &inbox{}
	e, err := alert.New(db, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "alerts.yaml")
	reports := make(chan error, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- file.Watch(ctx, path, e, time.Millisecond, func(err error) { reports <- err }, file.Channels(map[string]alert.Channel{"box": box}))
	}()
	next := func() error {
		t.Helper()
		select {
		case err := <-reports:
			return err
		case <-time.After(10 * time.Second):
			t.Fatal("nothing was reported")
			return nil
		}
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	if err := next(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	const good = "rules: [{name: %s, when: {model: user}, send: box}]"
	write(fmt.Sprintf(good, "first"))
	if err := next(); err != nil || e.Rules()[0].Name() != "first" {
		t.Fatal(err)
	}
	write("rules: [{name: broken, when: {tabel: user}, send: box}]")
	if err := next(); !errors.Is(err, file.ErrInvalid) || e.Rules()[0].Name() != "first" {
		t.Errorf("%v, rules %v", err, e.Rules())
	}
	write(fmt.Sprintf(good, "second"))
	if err := next(); err != nil || e.Rules()[0].Name() != "second" {
		t.Fatal(err)
	}
	if err := e.Emit(ctx, []audit.Record{change("r1", "2")}); err != nil {
		t.Fatal(err)
	}
	run(t, e, box)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(reports) != 0 {
		t.Errorf("%v", <-reports)
	}
}

// No text makes the reader panic, and what it accepts the engine accepts.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/alerts.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("rules: [{name: a, when: {value: {x: {is: [1, ~, true]}}}, send: box}]"))
	f.Add([]byte("rules:\n- name: !!str a\n  when: {not: [{any: [{all: []}]}]}\n  send: box\n  count: {more_than: 1, in: 1s}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := file.Parse("f", text, file.Channels(map[string]alert.Channel{"box": &inbox{}}),
			file.URLs(func(string) (alert.Channel, error) { return &inbox{}, nil }), file.Env(env))
		if err != nil {
			if !errors.Is(err, file.ErrInvalid) {
				t.Error(err)
			}
			return
		}
		if err := alert.Check(nil, c.Rules, c.Channels, c.Options...); err != nil {
			t.Error(err)
		}
	})
}
