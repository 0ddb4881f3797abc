package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/history"
)

// The shop has a year behind it, and its pages tell the story that it ends with.
func TestShop(t *testing.T) {
	now := time.Date(2026, 11, 28, 18, 0, 0, 0, time.UTC)
	db, closeShop, err := openShop(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := closeShop(); err != nil {
			t.Error(err)
		}
	}()
	first, err := history.Search(db).First(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last, err := history.Search(db).Newest().First(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := last.Time.Sub(first.Time); d < 364*24*time.Hour || last.Seq < 2000 || last.Time.After(now) {
		t.Errorf("%d records in %v", last.Seq, d)
	}
	viewer, err := shopViewer(db)
	if err != nil {
		t.Fatal(err)
	}
	for page, want := range map[string]string{
		"/": "changed", "/stats?days=31": "Statistics", "/search?q=%2B447946012345": "that was somebody else’s number",
		"/row?table=customers&id=1": "ticket 4718", "/row?table=orders&id=1&with=all": "order line", "/then?table=customers&id=1&at=2026-11-20": "different now",
	} {
		w := httptest.NewRecorder()
		viewer.ServeHTTP(w, httptest.NewRequest(http.MethodGet, page, nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d, no %q", page, w.Code, want)
		}
		if strings.Contains(w.Body.String(), "argon2id") {
			t.Errorf("%s shows a secret", page)
		}
	}
}
