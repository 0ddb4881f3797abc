package leaks

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/summary"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// TestLeaks writes secrets of every kind in every way, and searches for them in
// everything that the plugin says.
func TestLeaks(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		s, sinks := newSecrets(), newSinks()
		s.names = []string{"default"}
		s.add("bbbbbbdefaultsecret00000")
		sinks.print = true
		options := append(sinks.options(s.next("hash key")), failing())
		with := func(more ...auditplugin.Option) testdb.Option {
			return testdb.WithPlugin(append(slices.Clone(options), more...)...)
		}
		var gormLog, plainLog text
		d := g.Open(t, testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(models...) }),
			testdb.WithGORM(configure(&gormLog)), with())
		plain := g.Open(t, testdb.WithoutPlugin(), testdb.WithGORM(configure(&plainLog)))
		if err := plain.AutoMigrate(models...); err != nil {
			t.Fatal(err)
		}
		start, plainStart := len(gormLog.String()), len(plainLog.String())

		own := map[string]error{} // the plugin's errors
		var all rows
		for _, w := range writes {
			err := w.do(d.DB, s, &all)
			if (err != nil) != w.fails {
				t.Errorf("%s: %v", w.name, err)
			}
			if errors.Is(err, auditplugin.ErrAuditFailed) {
				own[w.name] = err
			}
		}
		samePlain(t, plain.DB, gormLog.String()[start:], func() string { return plainLog.String()[plainStart:] })

		// Now the database refuses records and says so in their own words.
		if _, err := d.Raw.Exec(breakTable[g.Dialect]); err != nil {
			t.Fatal(err)
		}
		keeper := g.Open(t, testdb.In(d.DSN), with(auditplugin.WithFailurePolicy(auditplugin.KeepWrite)))
		strict := g.Open(t, testdb.In(d.DSN), with(auditplugin.WithRequiredReason(), auditplugin.WithRawSQL(auditplugin.RawRefuse)))
		for _, w := range lastly {
			err := w.do(d.DB, s, &all)
			if !errors.Is(err, auditplugin.ErrAuditFailed) {
				t.Errorf("%s without a record: %v", w.name, err)
			}
			own["refused "+w.name] = err
			if err := w.do(keeper.DB, s, &all); err != nil {
				t.Errorf("%s, kept: %v", w.name, err)
			}
			err = w.do(strict.DB, s, &all)
			if !errors.Is(err, auditplugin.ErrReasonRequired) && !errors.Is(err, auditplugin.ErrRawRefused) {
				t.Errorf("%s, strict: %v", w.name, err)
			}
			own["strict "+w.name] = err
		}
		for _, p := range []*testdb.DB{d, keeper, strict} {
			if err := p.Plugin.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
		}

		records, complaints := sinks.all(t)
		records["table"] = content(t, d, "audit_logs")
		for name, text := range records {
			// The positive control: what is no secret is there, in both spellings.
			shown := strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(control))) || strings.Contains(text, fmt.Sprintf("%d", []byte(control)))
			if !strings.Contains(text, control) || !shown || !strings.Contains(text, "***tail") || !strings.Contains(text, "hmac-sha256:") {
				t.Errorf("%s does not hold what it should: %.200q", name, text)
			}
		}
		for what, text := range complaints {
			if what == "error handler" && (!strings.Contains(text, errSink.Error()) || !strings.Contains(text, "panicked") || !strings.Contains(text, "lost")) {
				t.Errorf("the error handler heard %.500q", text)
			}
			records[what] = text
		}
		for name, err := range own {
			records["error of "+name] = fmt.Sprintf("%v %+v", err, err)
		}
		leaked := map[string]bool{}
		for name, text := range records {
			for _, secret := range s.in(text) {
				t.Errorf("%s shows the secret %q", name, secret)
				leaked[secret] = true
			}
		}
		// The same search finds what is not redacted: GORM's own log quotes every value.
		if found, most := len(s.in(gormLog.String())), len(s.names)/2; found < most {
			t.Errorf("the search finds only %d of %d secrets where they are", found, len(s.names))
		}
		summary.Add(t, g.Dialect, summary.Counts{
			summary.SecretsSearched: int64(len(s.names)), summary.SecretsLeaked: int64(len(leaked)), "sinks searched": int64(len(records)),
		})
		t.Logf("%d secrets in %d sinks", len(s.names), len(records))
	})
}

// configure makes GORM log every statement, at a time that stands still.
func configure(into *text) func(*gorm.Config) {
	return func(c *gorm.Config) {
		c.Logger = logger.New(log.New(into, "", 0), logger.Config{LogLevel: logger.Info})
		c.NowFunc = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	}
}

var duration = regexp.MustCompile(`(?m)^.*\.go:\d+.*$|\[[0-9.]+ms\] `)

// samePlain writes the same without the plugin: GORM's log must be the same, so no
// statement of the plugin stands in it.
func samePlain(t *testing.T, db *gorm.DB, audited string, plain func() string) {
	t.Helper()
	s := newSecrets()
	s.unsought = true
	s.next("hash key")
	var all rows
	for _, w := range writes {
		_ = w.do(db, s, &all) // as with the plugin
	}
	want, got := duration.ReplaceAllString(plain(), ""), duration.ReplaceAllString(audited, "")
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(wants), len(gots)) {
		if i >= len(wants) || i >= len(gots) || wants[i] != gots[i] {
			t.Errorf("GORM's log differs in line %d of %d and %d:\n  %.300s\n  %.300s", i, len(gots), len(wants), at(gots, i), at(wants, i))
			return
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

// content is every value of a table, byte by byte.
func content(t *testing.T, d *testdb.DB, table string) string {
	t.Helper()
	found, err := d.Raw.Query("SELECT * FROM " + table)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for found.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := found.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			switch v := (*v.(*any)).(type) {
			case []byte:
				b.Write(v)
			default:
				fmt.Fprint(&b, v)
			}
			b.WriteByte('|')
		}
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
