package auditweb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/relay"
)

// ErrInvalidOption is wrapped by the errors of [New].
var ErrInvalidOption = errors.New("auditplugin: invalid viewer option")

// Viewer is somebody who may see the pages, as [Authorize] says.
type Viewer struct {
	// Name is shown in the pages' footer, and told to [OnAccess].
	Name string
	// CanSeeValues shows what columns were changed from and to, names, and metadata.
	// Without it they read "hidden", and cannot be searched for either.
	CanSeeValues bool
	// CanExport allows CSV and JSON.
	CanExport bool
}

// Access is what somebody looked at; see [OnAccess].
type Access struct {
	// Viewer is who.
	Viewer Viewer
	// Page is which page: "search", "search.csv", "row", "then", ….
	Page string
	// Query is what was asked, as in the URL.
	Query string
}

// Option configures [New].
type Option func(*settings)

type settings struct {
	authorize  func(r *http.Request) (Viewer, error)
	scope      func(ctx context.Context, q history.Query) history.Query
	ask        func(q history.Query) history.Query
	models     []any
	link       func(table, id string) string
	names      []history.Namer
	labels     map[string]string
	relay      *relay.Relay
	alerts     *alert.Engine
	title      string
	zone       *time.Location
	access     func(r *http.Request, a Access) error
	healthOpen bool
	log        *slog.Logger
	patience   time.Duration
	atOnce     int
	err        error
}

func (s *settings) fail(format string, args ...any) {
	s.err = errors.Join(s.err, fmt.Errorf("%w: "+format, append([]any{ErrInvalidOption}, args...)...))
}

// Authorize says who a request comes from and what they may see. It is called for each
// request, assets included; an error is answered with 403 and not shown. It, or
// [Public], is required. f must be safe for concurrent use.
func Authorize(f func(r *http.Request) (Viewer, error)) Option {
	return func(s *settings) {
		if f == nil {
			s.fail("Authorize: no function")
			return
		}
		s.authorize = f
	}
}

// Public lets everybody see everything that [Scope] leaves. It is for pages that are
// protected by something else, and for trying out.
func Public() Option {
	return func(s *settings) {
		s.authorize = func(*http.Request) (Viewer, error) {
			return Viewer{CanSeeValues: true, CanExport: true}, nil
		}
	}
}

// Scope narrows every question, export and row to what a request may see: f adds
// conditions, by ctx, which is the request's: on the tenant, the application, the metadata.
//
//	auditweb.Scope(func(ctx context.Context, q history.Query) history.Query {
//		return q.Tenant(tenantOf(ctx))
//	})
//
// Rows as they were, and who set each column, are shown only where the scope hides none
// of the row's records. Alerts and relay are about everybody, and not shown at all.
func Scope(f func(ctx context.Context, q history.Query) history.Query) Option {
	return func(s *settings) {
		if f == nil {
			s.fail("Scope: no function")
			return
		}
		s.scope = f
	}
}

// Asking changes every question: which audit table and database, and how columns and
// tables were called; see [history.Asking].
func Asking(f func(q history.Query) history.Query) Option {
	return func(s *settings) {
		if f == nil {
			s.fail("Asking: no function")
			return
		}
		s.ask = f
	}
}

// Models are the models whose rows can be shown as they were, with who set each column,
// and offered in forms. Rows as they were need the plugin on the handle, too, which
// knows what of them may be shown.
func Models(models ...any) Option {
	return func(s *settings) { s.models = append(s.models, models...) }
}

// Link gives the host's own page about a row, or "" if it has none.
func Link(f func(table, id string) string) Option { return func(s *settings) { s.link = f } }

// Names shows names beside keys; see [history.Names]. Viewers who cannot see values do
// not see them.
func Names(namers ...history.Namer) Option {
	return func(s *settings) { s.names = append(s.names, namers...) }
}

// Labels are the words for record types, tables and columns, where their names, with
// spaces for underscores, would not do: {"mfa_phone": "second-factor phone"}. A column of
// one table is "users.phone".
func Labels(labels map[string]string) Option {
	return func(s *settings) {
		if s.labels == nil {
			s.labels = map[string]string{}
		}
		maps.Copy(s.labels, labels)
	}
}

// Relay shows how far the relay's subscribers are.
func Relay(r *relay.Relay) Option { return func(s *settings) { s.relay = r } }

// Alerts shows how the alerts' channels are doing, and which messages were given up.
func Alerts(e *alert.Engine) Option { return func(s *settings) { s.alerts = e } }

// Title is the pages' name; the default is "Audit trail".
func Title(title string) Option { return func(s *settings) { s.title = title } }

// Zone is the zone of times, in pages and in filters; the default is UTC.
func Zone(l *time.Location) Option {
	return func(s *settings) {
		if l == nil {
			s.fail("Zone: no zone")
			return
		}
		s.zone = l
	}
}

// OnAccess is called before each page about records is made, and before each export, so
// that looking can be recorded as well. An error is answered with 503. f must be safe for
// concurrent use.
func OnAccess(f func(r *http.Request, a Access) error) Option {
	return func(s *settings) { s.access = f }
}

// HealthOpen answers health without [Authorize]: for monitors, which learn nothing else.
func HealthOpen() Option { return func(s *settings) { s.healthOpen = true } }

// WithLogger sets where failures are told; the default is [slog.Default].
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) {
		if l != nil {
			s.log = l
		}
	}
}

// Limits sets for how long a page may ask the database, 3 s by default, and how many
// requests may do so at once, 4 by default. Others wait that long, and get 429 then.
func Limits(patience time.Duration, atOnce int) Option {
	return func(s *settings) {
		if patience <= 0 || atOnce <= 0 {
			s.fail("Limits(%v, %d)", patience, atOnce)
			return
		}
		s.patience, s.atOnce = patience, atOnce
	}
}
