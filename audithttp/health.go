package audithttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Check is one question that [Health] asks: a name for people, and a function that returns
// nil if all is well, such as the method Health of auditplugin.Plugin, relay.Relay or
// alert.Engine.
type Check struct {
	Name string
	Ask  func(ctx context.Context) error
}

// checkWithin is how long all checks together may take.
const checkWithin = 5 * time.Second

// errNoQuestion is a check without a function.
var errNoQuestion = errors.New("auditplugin: the check has no function")

// Health returns a handler for probes. It asks all checks, in order, for at most 5 seconds
// in all, and answers 200 if each is well, else 503, with a line for each: its name and "ok"
// or "failing". Why one fails is not for whoever may ask: it goes to slog's default logger,
// at level Warn. A check that panics fails.
//
// A probe that takes a process out of service, or restarts it, should ask only what that
// mends: the plugin, not the relay's lag. The handler is safe for concurrent use.
func Health(checks ...Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkWithin)
		defer cancel()
		status := http.StatusOK
		var body strings.Builder
		for _, c := range checks {
			word := "ok"
			if err := c.ask(ctx); err != nil {
				status, word = http.StatusServiceUnavailable, "failing"
				slog.WarnContext(ctx, "health check failed", "check", c.Name, "error", err.Error())
			}
			fmt.Fprintf(&body, "%s: %s\n", clean(c.Name, maxCheckName), word)
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body.String()) // who asked is gone if this fails
	})
}

// maxCheckName is where a check's name is cut, in bytes.
const maxCheckName = 100

func (c Check) ask(ctx context.Context) (err error) {
	if c.Ask == nil {
		return errNoQuestion
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("auditplugin: the check panicked (%T)", r)
		}
	}()
	return c.Ask(ctx)
}
