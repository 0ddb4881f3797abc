package leaks

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gorm.io/datatypes"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// odd has a field of every kind that takes bytes from strangers.
type odd struct {
	Key     string `gorm:"primaryKey;size:191"`
	Sub     string `gorm:"primaryKey;size:191" audit:"hash"`
	Text    string `gorm:"size:4000000"`
	Pointer *string
	Masked  string `gorm:"size:4000000" audit:"mask"`
	Tail    string `gorm:"size:4000000" audit:"mask=4"`
	Hashed  string `gorm:"size:4000000" audit:"hash"`
	Gone    string `gorm:"size:4000000" audit:"-"`
	Bytes   []byte `gorm:"size:4000000"`
	Real    float64
	Single  float32
	JSON    datatypes.JSON
	Inner   oddInner       `gorm:"embedded"`
	Doc     oddInner       `gorm:"serializer:json;type:text;size:4000000"`
	Free    map[string]any `gorm:"serializer:json;type:text;size:4000000"`
}

type oddInner struct {
	Name string `gorm:"size:4000000"`
	Tail string `gorm:"size:4000000" audit:"mask=4" json:"tail"`
}

// fields put a text into one field.
var fields = map[string]func(o *odd, text string){
	"key":     func(o *odd, text string) { o.Key = text },
	"sub":     func(o *odd, text string) { o.Sub = text },
	"text":    func(o *odd, text string) { o.Text = text },
	"pointer": func(o *odd, text string) { o.Pointer = &text },
	"masked":  func(o *odd, text string) { o.Masked = text },
	"tail":    func(o *odd, text string) { o.Tail = text },
	"hashed":  func(o *odd, text string) { o.Hashed = text },
	"gone":    func(o *odd, text string) { o.Gone = text },
	"bytes":   func(o *odd, text string) { o.Bytes = []byte(text) },
	"json": func(o *odd, text string) {
		o.JSON, _ = json.Marshal(map[string]any{text: []string{text}}) // texts can be marshalled
	},
	"inner": func(o *odd, text string) { o.Inner = oddInner{text, text} },
	"doc":   func(o *odd, text string) { o.Doc = oddInner{text, text} },
	"free": func(o *odd, text string) {
		o.Free = map[string]any{text: text, "password": text, "list": []any{text, map[string]any{"k" + text: text}}}
	},
}

func hostileTexts() map[string]string {
	return map[string]string{
		"invalid UTF-8": "a\xff\xfe\xed\xa0\x80b", "NUL": "a\x00b", "NUL at the end": "tail\x00\x00\x00\x00\x00\x00\x00\x00",
		"lines": "one\ntwo\r\nthree\u2028four\u2029five\u0085six\vseven\feight", "escapes": "\x1b[31mred\x1b]0;title\x07\x7f\x9b2J",
		"forged JSON": "x\"}\n{\"message\":\"forged\",\"log.level\":\"info\"}\n", "forged text": "x\ntime=2024-05-06T07:08:09Z level=INFO msg=forged\n",
		"quotes": "'\"`\\%_$1?:name@x;--/*", "right to left": "a\u202eb\u2066c", "astral": "\U0001F600\U0010FFFF\ufffe\ufeff",
		"cut rune": "tail" + "\xe2\x82" + strings.Repeat("\xf0\x9f", 5),
	}
}

// big are texts that only wide columns take.
func bigTexts() map[string]string {
	return map[string]string{
		"1 MiB": strings.Repeat("x", 1<<20), "1 MiB of bad bytes": strings.Repeat("\xff", 1<<20), "1 MiB of lines": strings.Repeat("\n", 1<<20),
	}
}

// hostileRows are the rows of [TestHostileFields], by name.
func hostileRows() map[string]*odd {
	rows := map[string]*odd{}
	add := func(name string, change func(o *odd)) {
		o := &odd{Key: "key", Sub: "sub"}
		change(o)
		rows[name] = o
	}
	for field, put := range fields {
		for name, text := range hostileTexts() {
			add(field+" "+name, func(o *odd) { put(o, text) })
		}
	}
	for name, text := range bigTexts() {
		for _, field := range []string{"text", "tail", "hashed", "bytes", "doc"} {
			add(field+" "+name, func(o *odd) { fields[field](o, text) })
		}
	}
	for name, f := range map[string]float64{"NaN": math.NaN(), "+Inf": math.Inf(1), "-Inf": math.Inf(-1), "-0": math.Copysign(0, -1), "max": math.MaxFloat64} {
		add("real "+name, func(o *odd) { o.Real = f })
		add("single "+name, func(o *odd) { o.Single = float32(f) })
	}
	return rows
}

// TestHostileFields: with the plugin, writes of hostile values succeed or fail as
// they do without, store the same, and leave one line a record in every log.
func TestHostileFields(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		sinks := newSinks()
		d := g.Open(t, testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(&odd{}) }), testdb.WithPlugin(sinks.options("0123456789abcdef")...))
		plain := g.Open(t, testdb.WithoutPlugin())
		if err := plain.AutoMigrate(&odd{}); err != nil {
			t.Fatal(err)
		}
		written := 0
		rows := hostileRows()
		names := share(g.Dialect, slices.Sorted(maps.Keys(rows)))
		for _, name := range names {
			want, wantErrs := writeOdd(t, plain, rows[name])
			before := sinks.heard()
			got, gotErrs := writeOdd(t, d, rows[name])
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%s, step %d: stored %.200q, without the plugin %.200q", name, i, got[i], want[i])
				}
				if (gotErrs[i] == nil) != (wantErrs[i] == nil) {
					t.Errorf("%s, step %d: %v, without the plugin %v", name, i, gotErrs[i], wantErrs[i])
				}
			}
			if gotErrs[0] == nil {
				written++
				if sinks.heard() == before {
					t.Errorf("%s: no record", name)
				}
			}
		}
		if written < len(names)/2 {
			t.Errorf("only %d of %d rows could be written", written, len(names))
		}
		closeAndCompare(t, d, sinks)
	})
}

// share is every third of the rows, others on each database; all of them where the
// tests run in full.
func share(dialect string, names []string) []string {
	if os.Getenv("AUDIT_PROOF_FULL") != "" {
		return names
	}
	first := slices.Index([]string{testdb.SQLite, testdb.Postgres, testdb.MySQL}, dialect)
	var third []string
	for i := first; i < len(names); i += 3 {
		third = append(third, names[i])
	}
	return third
}

// writeOdd creates the row, changes a plain one into it, and deletes it.
func writeOdd(t *testing.T, d *testdb.DB, row *odd) (stored []string, errs []error) {
	t.Helper()
	step := func(err error) {
		errs = append(errs, err)
		text := content(t, d, "odds")
		if len(text) > 1000 {
			text = fmt.Sprintf("%.200s… %x", text, sha256.Sum256([]byte(text)))
		}
		stored = append(stored, text)
	}
	created := *row
	step(d.DB.Create(&created).Error)
	step(d.DB.Where("1 = 1").Delete(&odd{}).Error)
	step(d.DB.Create(&odd{Key: "key", Sub: "sub", Text: "plain"}).Error)
	changed := *row
	changed.Key, changed.Sub = "key", "sub"
	step(d.DB.Updates(&changed).Error)
	step(d.DB.Model(&odd{}).Where("1 = 1").Update("text", "plain again").Error)
	step(d.DB.Where("1 = 1").Delete(&odd{}).Error)
	return stored, errs
}

// TestHostileContexts: the same for everything that the context brings along.
func TestHostileContexts(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		sinks := newSinks()
		d := g.Open(t, testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(&ticket{}) }), testdb.WithPlugin(sinks.options("0123456789abcdef")...))
		texts := hostileTexts()
		maps.Copy(texts, bigTexts())
		contexts := map[string]context.Context{}
		for name, text := range texts {
			for part, with := range map[string]func(ctx context.Context) context.Context{
				"actor": func(ctx context.Context) context.Context {
					return audit.WithActor(ctx, audit.Actor{ID: text, Type: text, Name: text})
				},
				"reason":   func(ctx context.Context) context.Context { return audit.WithReason(ctx, text) },
				"message":  func(ctx context.Context) context.Context { return audit.WithMessage(ctx, text) },
				"metadata": func(ctx context.Context) context.Context { return audit.WithMetadata(ctx, map[string]any{text: text}) },
				"request": func(ctx context.Context) context.Context {
					return audit.WithRequest(ctx, audit.Request{ID: text, IP: text, UserAgent: text})
				},
				"trace": func(ctx context.Context) context.Context {
					return audit.WithCause(audit.WithTrace(ctx, text, text), text)
				},
				"skip": func(ctx context.Context) context.Context { return audit.Skip(ctx, text) },
			} {
				contexts[part+" "+name] = with(t.Context())
			}
		}
		for name, value := range emittertest.HostileValues() {
			contexts["metadata value "+name] = audit.WithMetadata(t.Context(), map[string]any{name: value})
		}
		for _, name := range slices.Sorted(maps.Keys(contexts)) {
			before := sinks.heard()
			err := d.WithContext(contexts[name]).Transaction(func(tx *gorm.DB) error {
				row := ticket{Token: "x"}
				if err := tx.Create(&row).Error; err != nil {
					return err
				}
				return tx.Delete(&row).Error
			})
			if n := sinks.heard() - before; err != nil || n != 2 {
				t.Errorf("%s: %v, %d records", name, err, n)
			}
		}
		closeAndCompare(t, d, sinks)
	})
}

// quotedText is what slog's text handler puts between quotes.
var quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// closeAndCompare closes the plugin and demands that every sink heard of as many
// records as the table holds, one line each, and none that was forged.
func closeAndCompare(t *testing.T, d *testdb.DB, sinks *sinks) {
	t.Helper()
	if err := d.Plugin.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	var want int
	if err := d.Raw.QueryRow("SELECT count(*) FROM audit_logs").Scan(&want); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"JSON": sinks.json.String(), "Slog, JSON": sinks.slogJSON.String(), "ecslog": sinks.ecs.String()} {
		n := 0
		for line := range strings.Lines(text) {
			var l map[string]any
			if err := json.Unmarshal([]byte(line), &l); err != nil || l["message"] == "forged" || l["msg"] == "forged" || strings.ContainsAny(line, "\r\u2028\u2029\x1b") {
				t.Errorf("%s: %v in %.200q", name, err, line)
			}
			n++
		}
		if n != want {
			t.Errorf("%s has %d lines, want %d", name, n, want)
		}
	}
	for name, text := range map[string]string{"Func": sinks.calls.String(), "Async": sinks.queued.String()} {
		if n := strings.Count(text, "\n"); n != want {
			t.Errorf("%s got %d records, want %d", name, n, want)
		}
	}
	n := 0
	for line := range strings.Lines(sinks.slogText.String()) {
		if !strings.HasPrefix(line, "time=") || strings.Contains(quotedText.ReplaceAllString(line, "_"), "msg=forged") {
			t.Errorf("a line of text is %.200q", line)
		}
		wantOneLine(t, line)
		n++
	}
	if n != want {
		t.Errorf("Slog, text has %d lines, want %d", n, want)
	}
	if n := len(sinks.memory.Records()); n != want {
		t.Errorf("Memory has %d records, want %d", n, want)
	}
	if text := sinks.errors.String(); text != "" {
		t.Errorf("the error handler heard %.500q", text)
	}
	for line := range strings.Lines(sinks.warnings.String()) {
		if !strings.HasPrefix(line, "time=") || !strings.Contains(line, "without an actor") {
			t.Errorf("a warning: %.300q", line)
		}
	}
}

// wantOneLine demands that a terminal, or whatever else reads the log, sees a line.
func wantOneLine(t *testing.T, line string) {
	t.Helper()
	for _, r := range strings.TrimSuffix(line, "\n") {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			t.Errorf("%U in the line %.200q", r, line)
			return
		}
	}
}
