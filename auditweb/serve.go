package auditweb

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"time"
)

// CSP is the Content-Security-Policy of every answer: nothing is loaded, sent or run that
// the handler does not serve itself, and nobody may frame the pages.
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// request is one request on its way to an answer.
type request struct {
	h      *Handler
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context // ends when the patience with the database does
	viewer Viewer
	page   string // such as "search.csv"
	now    time.Time
	room   int    // bytes of long values that the page may still have
	work   int    // pairs of words that it may still compare
	about  string // the field that the page is about, or ""
}

// ServeHTTP answers GET and HEAD.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", CSP)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	q := &request{h: h, w: w, r: r, ctx: r.Context(), page: strings.TrimPrefix(r.URL.Path, "/"), now: h.now().In(h.cfg.zone), room: pageRoom, work: diffWork}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		q.fail(&problem{status: http.StatusMethodNotAllowed, title: "These pages only show", text: "They answer GET and HEAD."})
		return
	}
	if q.page == "health" && h.cfg.healthOpen {
		q.run(q.health)
		return
	}
	var err error
	if q.viewer, err = h.cfg.authorize(r); err != nil {
		h.cfg.log.InfoContext(r.Context(), "auditweb: not allowed", "path", r.URL.Path, "error", err)
		q.fail(&problem{status: http.StatusForbidden, title: "You may not see this", text: "Sign in as somebody who may, or ask whoever runs this service."})
		return
	}
	if name, ok := strings.CutPrefix(q.page, "static/"); ok && h.static(w, name) {
		return
	}
	if err := r.ParseForm(); err != nil {
		q.fail(badRequest("The address is damaged."))
		return
	}
	answer := q.route()
	if answer == nil {
		q.fail(notFound("There is no such page."))
		return
	}
	q.run(answer)
}

// route finds what answers. All pages stand side by side, so that "row?…" leads to the
// row wherever the handler is mounted.
func (q *request) route() func() error {
	switch q.page {
	case "":
		return q.start
	case "search":
		return q.search
	case "search.csv", "search.json":
		return q.export
	case "record":
		return q.record
	case "record.json":
		return q.recordJSON
	case "row":
		return q.row
	case "then":
		return q.then
	case "actor":
		return q.actor
	case "transaction":
		return q.transaction
	case "stats":
		return q.stats
	case "delivery":
		if q.h.delivers() {
			return q.delivery
		}
	case "health":
		return q.health
	}
	return nil
}

// run gives an answer its turn and its time.
func (q *request) run(answer func() error) {
	whole := q.r.Context()
	ctx, cancel := context.WithTimeout(whole, q.h.cfg.patience)
	defer cancel()
	select {
	case q.h.slots <- struct{}{}:
		defer func() { <-q.h.slots }()
	case <-ctx.Done():
		if whole.Err() == nil {
			q.w.Header().Set("Retry-After", "5")
			q.fail(&problem{status: http.StatusTooManyRequests, title: "Too many people are looking just now", text: "Try again in a few seconds."})
		}
		return
	}
	q.ctx = ctx
	if strings.HasPrefix(q.page, "search.") {
		q.ctx = whole // an export takes its time; each of its questions is short
	}
	if f := q.h.cfg.access; f != nil && q.page != "health" {
		if err := f(q.r, Access{Viewer: q.viewer, Page: q.page, Query: q.r.URL.RawQuery}); err != nil {
			q.h.cfg.log.ErrorContext(whole, "auditweb: access was not recorded", "error", err)
			q.fail(&problem{status: http.StatusServiceUnavailable, title: "This cannot be shown just now", text: "Looking at the trail is recorded here, and that failed."})
			return
		}
	}
	if err := answer(); err != nil {
		q.fail(err)
	}
}

// send writes a whole answer.
func (q *request) send(status int, kind string, body *bytes.Buffer) {
	q.w.Header().Set("Content-Type", kind)
	q.w.WriteHeader(status)
	_, _ = body.WriteTo(q.w) // the browser may have gone
}

// health asks the audit table for one record.
func (q *request) health() error {
	q.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	text, status := "ok\n", http.StatusOK
	if _, err := q.h.unscoped().Limit(1).Find(q.ctx); err != nil {
		q.h.cfg.log.ErrorContext(q.ctx, "auditweb: the audit table cannot be read", "error", err)
		text, status = "the audit table cannot be read\n", http.StatusServiceUnavailable
	}
	q.w.WriteHeader(status)
	_, _ = q.w.Write([]byte(text))
	return nil
}
