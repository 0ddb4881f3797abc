package policies

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/datatypes"
	"gorm.io/gorm"
)

// blob takes every kind of value.
type blob struct {
	ID    uint
	Text  string `gorm:"size:4000000"`
	Bytes []byte `gorm:"size:4000000"`
	Real  float64
	Doc   datatypes.JSON
	Free  map[string]any `gorm:"serializer:json;type:text"`
}

// hostileTexts are texts that break what takes texts for granted.
func hostileTexts() map[string]string {
	return map[string]string{
		"invalid UTF-8": "a\xff\xfe\xed\xa0\x80b", "NUL": "a\x00b", "lines": "one\ntwo\r\nthree\u2028four\u0085five",
		"escapes": "\x1b[31mred\x07\x7f", "forged": "x\"}\n{\"message\":\"forged\",\"log.level\":\"info\"}\n",
		"forged text": "x\ntime=2024-05-06T07:08:09Z level=INFO msg=forged", "quotes": "'\"`\\%_$1?:name@x;--",
		"right to left": "a\u202eb", "astral": "\U0001F600\U0010FFFF", "empty": "", "spaces": "  \t ",
	}
}

// hostileRows are rows to create, by name.
func hostileRows() map[string]blob {
	rows := map[string]blob{}
	for name, text := range hostileTexts() {
		rows["text "+name] = blob{Text: text}
		rows["bytes "+name] = blob{Bytes: []byte(text)}
		rows["JSON "+name] = blob{Free: map[string]any{"k" + text: []any{text, map[string]any{text: text}}}}
		if doc, err := json.Marshal(map[string]any{text: text}); err == nil {
			rows["document "+name] = blob{Doc: doc}
		}
	}
	for name, real := range map[string]float64{
		"NaN": math.NaN(), "infinity": math.Inf(1), "minus infinity": math.Inf(-1), "huge": math.MaxFloat64,
		"tiny": math.SmallestNonzeroFloat64, "minus zero": math.Copysign(0, -1),
	} {
		rows["real "+name] = blob{Real: real}
	}
	mebibyte := strings.Repeat("x", 1<<20)
	rows["text 1 MiB"] = blob{Text: mebibyte}
	rows["text 1 MiB of two-byte letters"] = blob{Text: strings.Repeat("æ", 1<<19)}
	rows["bytes 1 MiB"] = blob{Bytes: []byte(strings.Repeat("\xff", 1<<20))}
	rows["document 1 MiB"] = blob{Doc: datatypes.JSON(`{"a":"` + mebibyte + `"}`)}
	rows["document that is none"] = blob{Doc: datatypes.JSON(`{"a":`)}
	rows["document of numbers"] = blob{Doc: datatypes.JSON(`[1e400, -0, 12345678901234567890123, 1E-400, 0.1]`)}
	rows["document with keys twice"] = blob{Doc: datatypes.JSON(`{"a":1,"a":{"b":2}}`)}
	rows["document of surrogates"] = blob{Doc: datatypes.JSON(`{"a":"\ud800","b":"\u0000"}`)}
	rows["document, deep"] = blob{Doc: datatypes.JSON(strings.Repeat("[", 500) + strings.Repeat("]", 500))}
	rows["document, null"] = blob{Doc: datatypes.JSON(`null`)}
	return rows
}

// TestHostileValues: with the plugin, each write succeeds or fails as it does
// without, stores the same, and leaves its record.
func TestHostileValues(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		var log, slogged lines
		d := g.Open(t, testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(&blob{}) }),
			testdb.WithPlugin(auditplugin.WithEmitter(emitter.JSON(&log), emitter.Slog(textLogger(&slogged)))))
		plain := d.Plain(t)
		records := 0
		rows := hostileRows()
		for _, name := range slices.Sorted(maps.Keys(rows)) {
			row := rows[name]
			t.Run(name, func(t *testing.T) {
				exec(t, d, "DELETE FROM audit_logs")
				exec(t, d, "DELETE FROM blobs")
				d.Announced.Reset()
				want, wantErrs := writeBlob(t, d, plain, row)
				exec(t, d, "DELETE FROM blobs")
				got, gotErrs := writeBlob(t, d, d.DB, row)
				if !slices.Equal(got, want) {
					t.Errorf("stored were %.300q, without the plugin %.300q", got, want)
				}
				actions := ""
				for i, err := range gotErrs {
					if (err == nil) != (wantErrs[i] == nil) {
						t.Errorf("step %d: %v, without the plugin %v", i, err, wantErrs[i])
					}
				}
				table := trail(t, d)
				for _, r := range table {
					actions += string(r.Action) + " "
				}
				if len(table) != len(d.Announced.Records()) {
					t.Errorf("the table holds %d records, announced were %d", len(table), len(d.Announced.Records()))
				}
				if gotErrs[0] == nil && !strings.HasPrefix(actions, "create ") {
					t.Errorf("the creation is not recorded: %s", actions)
				}
				if gotErrs[2] == nil && gotErrs[0] == nil && !strings.HasSuffix(actions, "delete ") {
					t.Errorf("the deletion is not recorded: %s", actions)
				}
				records += len(table)
			})
		}
		wantLines(t, &log, &slogged, records)
	})
}

// writeBlob creates a row with plain values, gives it those of row, and deletes it;
// then it creates row. It returns what was stored and what each step returned.
func writeBlob(t *testing.T, d *testdb.DB, db *gorm.DB, row blob) ([]string, []error) {
	t.Helper()
	const all = "SELECT * FROM blobs"
	row.ID = 1
	created := row
	var errs []error
	var stored []string
	step := func(err error) {
		errs = append(errs, err)
		stored = append(stored, content(t, d, all))
	}
	step(db.Create(&created).Error)
	step(db.Where("id = ?", 1).Updates(&blob{Text: "other", Real: 1.5, Bytes: []byte("other")}).Error)
	step(db.Delete(&blob{}, 1).Error)
	step(db.Create(&blob{ID: 2, Text: "plain", Doc: datatypes.JSON(`{}`)}).Error)
	row.ID = 2
	step(db.Where("id = ?", 2).Updates(&row).Error)
	step(db.Delete(&blob{}, 2).Error)
	step(db.Create(&blob{ID: 3}).Error)
	step(db.Delete(&blob{}, 3).Error)
	return stored, errs
}

// quotedText is what slog's text handler puts between quotes.
var quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// wantLines checks that a log has a line for each record, and nothing else.
func wantLines(t *testing.T, log, slogged *lines, records int) {
	t.Helper()
	n := 0
	for line := range strings.Lines(log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("not a JSON line: %v\n%.300q", err, line)
		} else if entry["message"] == "forged" || entry["ecs.version"] == nil {
			t.Errorf("a forged line: %.300q", line)
		}
		n++
	}
	if n != records {
		t.Errorf("the JSON log has %d lines, want %d", n, records)
	}
	n = 0
	for line := range strings.Lines(slogged.String()) {
		if bare := quotedText.ReplaceAllString(line, "_"); !strings.HasPrefix(line, "time=") || strings.Contains(bare, "msg=forged") {
			t.Errorf("a forged line: %.300q", line)
		}
		for _, r := range strings.TrimSuffix(line, "\n") {
			if r < ' ' || r == '\u2028' || r == '\u0085' || r == 0x7f {
				t.Errorf("%U is in the line %.300q", r, line)
				break
			}
		}
		n++
	}
	if n != records {
		t.Errorf("the text log has %d lines, want %d", n, records)
	}
}

// TestHostileContext: what callers, and through net/http strangers, put into the
// context never keeps a write from happening.
func TestHostileContext(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		var log, slogged, warnings lines
		d := g.Open(t, testdb.Before(migrate), testdb.WithPlugin(auditplugin.WithLogger(textLogger(&warnings)),
			auditplugin.WithEmitter(emitter.JSON(&log), emitter.Slog(textLogger(&slogged)))))
		contexts := map[string]context.Context{}
		texts := hostileTexts()
		texts["1 MiB"] = strings.Repeat("x", 1<<20)
		texts["1 MiB of bad bytes"] = strings.Repeat("\xff", 1<<20)
		for name, text := range texts {
			ctx := audit.WithActor(t.Context(), audit.Actor{ID: text, Type: text, Name: text})
			ctx = audit.WithReason(audit.WithMessage(ctx, text), text)
			ctx = audit.WithRequest(ctx, audit.Request{ID: text, IP: text, UserAgent: text})
			ctx = audit.WithCause(audit.WithTrace(ctx, text, text), text)
			contexts["text "+name] = audit.WithMetadata(ctx, map[string]any{text: text})
		}
		for name, value := range emittertest.HostileValues() {
			contexts["metadata "+name] = audit.WithMetadata(t.Context(), map[string]any{name: value})
		}
		records := 0
		for name, ctx := range contexts {
			t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
				reset(t, d)
				db := d.WithContext(ctx)
				must(t, db.Create(&account{ID: 10, Name: "new"}))
				must(t, db.Model(&account{ID: 1}).Update("name", "Eve"))
				must(t, db.Exec("UPDATE notes SET text = 'x' WHERE id = 1"))
				must(t, db.Delete(&account{ID: 2}))
				wantRecords(t, d, "create account 10", "update account 1", "raw notes", "delete account 2")
				records += 4
			})
		}
		wantLines(t, &log, &slogged, records)
		for line := range strings.Lines(warnings.String()) {
			if !strings.HasPrefix(line, "time=") || !strings.Contains(line, "without an actor") {
				t.Errorf("a warning: %.300q", line)
			}
		}
	})
}
