package auditweb_test

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditweb"
)

type customer struct {
	ID       uint
	Name     string
	Phone    *string
	Big      int64
	Settings map[string]any `gorm:"serializer:json"`
	Password string
	IBAN     string `gorm:"column:iban" audit:"mask=4"`
	Secret   string `audit:"-"`
	Tenant   string
}

type visit struct {
	Place string `gorm:"primaryKey"`
	Day   int    `gorm:"primaryKey;autoIncrement:false"`
	Note  string
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open makes a database in a file, with the plugin.
func open(t testing.TB) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")+"?_synchronous=off"), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { pool.Close() })
	must(t, db.AutoMigrate(&customer{}, &visit{}))
	must(t, db.Use(auditplugin.New(auditplugin.WithLogger(slog.New(slog.DiscardHandler)))))
	return db
}

// as is the handle of somebody, with a reason.
func as(db *gorm.DB, id, name, reason string) *gorm.DB {
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: id, Type: "user", Name: name})
	return db.WithContext(audit.WithReason(ctx, reason))
}

func text(s string) *string { return &s }

// viewer is a handler that everybody may see, unless opts say otherwise.
func viewer(t testing.TB, db *gorm.DB, opts ...auditweb.Option) http.Handler {
	t.Helper()
	opts = append([]auditweb.Option{auditweb.Public(), auditweb.Models(&customer{}, &visit{}), auditweb.WithLogger(slog.New(slog.DiscardHandler)), auditweb.Limits(time.Minute, 4)}, opts...)
	h, err := auditweb.New(db, opts...)
	must(t, err)
	return h
}

// got is an answer.
type got struct {
	status int
	header http.Header
	body   string
}

func get(t testing.TB, h http.Handler, url string) got {
	t.Helper()
	return ask(t, h, http.MethodGet, url)
}

func ask(t testing.TB, h http.Handler, method, url string) got {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, url, nil))
	body, err := io.ReadAll(w.Body)
	must(t, err)
	return got{w.Code, w.Header(), string(body)}
}

// words is what people read on a page: without tags, and with spaces made one.
func (g got) words() string {
	var b strings.Builder
	in := false
	for _, r := range g.body {
		switch {
		case r == '<':
			in = true
			b.WriteRune(' ')
		case r == '>':
			in = false
		case !in:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(html.UnescapeString(b.String())), " ")
}

func (g got) has(t testing.TB, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(g.words(), want) {
			t.Errorf("no %q in (%d)\n%s", want, g.status, g.words())
		}
	}
}

func (g got) lacks(t testing.TB, all ...string) {
	t.Helper()
	for _, unwanted := range all {
		if strings.Contains(g.body, unwanted) {
			t.Errorf("%q is in (%d)\n%s", unwanted, g.status, g.body)
		}
	}
}
