package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"time"

	"github.com/gorm-audit/auditplugin/auditweb"
	"github.com/gorm-audit/auditplugin/history"
)

// page is a page of the viewer, about something else each time.
type page struct {
	name string
	url  func(r *rand.Rand) string
	slow bool // reads what has no index; 10 samples
}

// pages are those of auditweb. Rows are users, all of which were deleted in the end.
func (d *database) pages(ctx context.Context, w world) ([]page, error) {
	recent, err := history.Search(d.db).Newest().Limit(1000).Find(ctx)
	if err != nil {
		return nil, err
	}
	user := func(r *rand.Rand) string { return fmt.Sprint(r.IntN(w.rows()/2)*2 + 1) }
	of := func(path string) func(*rand.Rand) string {
		return func(r *rand.Rand) string { return path + user(r) }
	}
	one := func(url string) func(*rand.Rand) string { return func(*rand.Rand) string { return url } }
	return []page{
		{"start", one("/"), false},
		{"statistics, 7 days", one("/stats"), true},
		{"statistics, 31 days", one("/stats?days=31"), true},
		{"search, all", one("/search"), false},
		{"search, page 10,000 or so", func(r *rand.Rand) string {
			at := recent[0]
			at.Seq -= int64(w.records/2 + r.IntN(1000))
			return "/search?after=" + history.Search(d.db).Newest().Cursor(at)
		}, false},
		{"search, users", one("/search?table=users"), false},
		{"search, an actor since 30 days", func(r *rand.Rand) string { return fmt.Sprintf("/search?actor=%d&since=30d", actor(r)) }, false},
		{"search, a column in a week", func(r *rand.Rand) string {
			since := w.at(w.records/20 + r.IntN(w.records*8/10))
			return "/search?table=users&column=phone&since=" + url.QueryEscape(since.Format(time.RFC3339)) +
				"&until=" + url.QueryEscape(since.AddDate(0, 0, 7).Format(time.RFC3339))
		}, false},
		{"record", func(r *rand.Rand) string { return "/record?id=" + recent[r.IntN(len(recent))].ID }, false},
		{"row", of("/row?table=users&id="), false},
		{"row, one field", of("/row?table=users&path=phone&id="), false},
		{"row then and now", func(r *rand.Rand) string {
			return fmt.Sprintf("/then?table=users&id=%s&at=%s", user(r), w.at(w.records/20+r.IntN(w.records*9/10)).Format("2006-01-02"))
		}, false},
		{"actor", func(r *rand.Rand) string { return fmt.Sprintf("/actor?id=%d", actor(r)) }, false},
		{"transaction", func(r *rand.Rand) string { return "/transaction?id=" + recent[r.IntN(len(recent))].TransactionID }, false},
		{"text in the newest month", func(r *rand.Rand) string { return fmt.Sprintf("/search?since=30d&text=ticket+%d", r.IntN(100_000)) }, true},
		{"text, alone", func(r *rand.Rand) string { return fmt.Sprintf("/search?text=ticket+%d", r.IntN(100_000)) }, true},
		{"a value that is not there, alone", one("/search?text=no-such-value-anywhere"), true},
	}, nil
}

// measurePages loads the table unless it is loaded, gets pages, and prints a table.
func (d *database) measurePages(s settings) error {
	ctx := context.Background()
	w := world{records: s.records}
	if s.dsn == "" {
		if err := d.load(ctx, w); err != nil {
			return err
		}
	}
	if err := d.db.AutoMigrate(&User{}); err != nil {
		return err
	}
	h, err := auditweb.New(d.db, auditweb.Public(), auditweb.Models(&User{}), auditweb.Limits(30*time.Second, 4))
	if err != nil {
		return err
	}
	all, err := d.pages(ctx, w)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s, %d records\n\n| Page | kB | p50 ms | p95 ms |\n|---|--:|--:|--:|\n", d.kind, s.records)
	for _, p := range all {
		samples := s.samples
		if p.slow {
			samples = 10
		}
		r := rand.New(rand.NewPCG(3, 4))
		times := make([]time.Duration, 0, samples)
		size := 0
		for i := range samples + samples/10 { // the first tenth warms up
			request := httptest.NewRequest(http.MethodGet, p.url(r), nil)
			answer := httptest.NewRecorder()
			from := time.Now()
			h.ServeHTTP(answer, request)
			took := time.Since(from)
			if answer.Code != http.StatusOK && answer.Code != http.StatusNotFound {
				return fmt.Errorf("auditplugin: %s: %d %s", request.URL, answer.Code, answer.Body)
			}
			if i >= samples/10 {
				times = append(times, took)
				size += answer.Body.Len()
			}
		}
		slices.Sort(times)
		at := func(share float64) float64 {
			return float64(times[int(share*float64(len(times)-1))].Microseconds()) / 1000
		}
		fmt.Printf("| %s | %d | %.1f | %.1f |\n", p.name, size/samples/1000, at(0.50), at(0.95))
	}
	return nil
}
