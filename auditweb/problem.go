package auditweb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/gorm-audit/auditplugin/history"
)

// problem is an answer other than the one that was asked for, in words for people.
type problem struct {
	status      int
	title, text string
}

func (p *problem) Error() string { return "auditplugin: " + p.title + ": " + p.text }

// Heading and Advice are for the page.
func (p *problem) Heading() string { return visible(p.title) }

// Advice says what to do.
func (p *problem) Advice() string { return visible(p.text) }

func notFound(text string) *problem {
	return &problem{http.StatusNotFound, "Not found", text}
}

func badRequest(text string) *problem {
	return &problem{http.StatusBadRequest, "That cannot be asked", text}
}

// hiddenFrom refuses what would tell a value to somebody who may not see any.
func hiddenFrom(what string) *problem {
	return &problem{http.StatusForbidden, "You may not see values", what}
}

// problemOf finds the words for an error.
func (q *request) problemOf(err error) *problem {
	var p *problem
	switch {
	case errors.As(err, &p):
		return p
	case q.r.Context().Err() == nil && errors.Is(q.ctx.Err(), context.DeadlineExceeded):
		return &problem{
			http.StatusServiceUnavailable, "That takes too long",
			"The database did not find it in time. Narrow it: by a row, an actor or a transaction, or by a shorter time. Texts and values alone have no index.",
		}
	case errors.Is(err, history.ErrCursor):
		return badRequest("The page that the link leads to does not exist. Start again from the newest records.")
	case errors.Is(err, history.ErrRedacted):
		return badRequest("The column is kept secret, also in the records, so that nobody can ask for its values.")
	case errors.Is(err, history.ErrNotFound):
		return notFound("The trail knows nothing of it.")
	case errors.Is(err, history.ErrInvalidQuery), errors.Is(err, history.ErrNoKey):
		return badRequest(strings.TrimPrefix(err.Error(), "auditplugin: "))
	}
	q.h.cfg.log.ErrorContext(q.ctx, "auditweb: page failed", "path", q.r.URL.Path, "error", err)
	return &problem{http.StatusServiceUnavailable, "The trail cannot be read just now", "The database did not answer. Try again in a moment; what went wrong is in the service's log."}
}

// fail answers with the words for an error.
func (q *request) fail(err error) {
	if q.r.Context().Err() != nil {
		return // nobody is there any more
	}
	p := q.problemOf(err)
	if p.status == http.StatusServiceUnavailable {
		q.w.Header().Set("Retry-After", "5")
	}
	var body bytes.Buffer
	if strings.HasSuffix(q.page, ".json") || strings.HasSuffix(q.page, ".csv") {
		_ = json.NewEncoder(&body).Encode(map[string]string{"error": p.title + ": " + p.text}) // texts encode
		q.send(p.status, "application/json", &body)
		return
	}
	if err := q.h.pages.write(&body, "problem", q.layout(p.title, "", p)); err != nil {
		q.h.cfg.log.ErrorContext(q.r.Context(), "auditweb: page failed", "error", err)
		http.Error(q.w, p.title, p.status)
		return
	}
	q.send(p.status, "text/html; charset=utf-8", &body)
}
