package audithttp

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/audit"
)

// The lengths, in bytes, to which header texts are cut.
const (
	maxRequestID = 255
	maxUserAgent = 512
)

// Option changes what [Middleware] does.
type Option func(*config)

type config struct {
	requestIDHeader string
	forwarded       bool
	noTrace         bool
	actor           func(*http.Request) audit.Actor
	tenant          func(*http.Request) string
	trusted         []netip.Prefix
}

// RequestIDHeader names the header that holds the request's id; the default is
// X-Request-Id. With an empty name no header is read and every request gets a new
// id.
func RequestIDHeader(name string) Option {
	return func(c *config) { c.requestIDHeader = http.CanonicalHeaderKey(name) }
}

// TrustedProxies names the networks of the proxies whose word on the client's
// address is taken. Several uses add up. The default is none: the client is then
// the peer of the connection. Invalid prefixes match nothing.
func TrustedProxies(prefixes ...netip.Prefix) Option {
	return func(c *config) {
		for _, p := range prefixes {
			c.trusted = append(c.trusted, unmapped(p))
		}
	}
}

// UseForwarded reads the Forwarded header of RFC 7239 instead of X-Forwarded-For.
// Only one of the two is ever read, because a proxy that sets one passes on the
// other as the client sent it.
func UseForwarded() Option {
	return func(c *config) { c.forwarded = true }
}

// WithoutTrace leaves the traceparent header alone, for services whose clients are not to
// say which trace a record belongs to.
func WithoutTrace() Option {
	return func(c *config) { c.noTrace = true }
}

// Actor tells who makes the request, as far as the application knows where the middleware
// stands: behind authentication. A zero actor leaves the context alone. f must be safe for
// concurrent use.
func Actor(f func(r *http.Request) audit.Actor) Option {
	return func(c *config) { c.actor = f }
}

// Tenant tells for whom the request is; where the router's parameters say it, the middleware
// has to stand behind the router. "" leaves the context alone. f must be safe for concurrent
// use.
func Tenant(f func(r *http.Request) string) Option {
	return func(c *config) { c.tenant = f }
}

// Middleware returns middleware that puts an [audit.Request] into the context of
// every request, and the trace and span ids of a valid traceparent header
// ([audit.WithRemoteTrace]) unless the context has a trace already. The service's own span,
// by audit.WithTrace or auditplugin.WithTraceFunc, wins over the header's wherever the
// tracer's middleware stands; see [WithoutTrace] to do without the header's.
//
// A request without a usable id gets a UUIDv7. Its address is the peer's, or, when
// the peer is a trusted proxy, the last address in the forwarding header that is
// not one; it is empty when the peer has none (a Unix socket). The middleware
// changes neither the request's headers nor the response, and is safe for
// concurrent use.
func Middleware(opts ...Option) func(http.Handler) http.Handler {
	annotate := Annotate(opts...)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, annotate(r)) })
	}
}

// Annotate is [Middleware] for frameworks whose middleware is none of net/http's: the function
// returns the request with the context that Middleware would give it.
//
//	annotate := audithttp.Annotate()
//	router.Use(func(c *gin.Context) { c.Request = annotate(c.Request) })
func Annotate(opts ...Option) func(*http.Request) *http.Request {
	c := config{requestIDHeader: "X-Request-Id"}
	for _, opt := range opts {
		opt(&c)
	}
	return func(r *http.Request) *http.Request { return r.WithContext(c.context(r)) }
}

func (c *config) context(r *http.Request) context.Context {
	ctx := audit.WithRequest(r.Context(), audit.Request{
		ID:        c.requestID(r),
		IP:        c.clientIP(r),
		UserAgent: clean(r.UserAgent(), maxUserAgent),
	})
	if known, _ := audit.TraceFrom(ctx); known == "" && !c.noTrace {
		if traceID, spanID, ok := parseTraceparent(r.Header.Values("Traceparent")); ok {
			ctx = audit.WithRemoteTrace(ctx, traceID, spanID)
		}
	}
	if c.actor != nil {
		if a := c.actor(r); !a.IsZero() {
			ctx = audit.WithActor(ctx, a)
		}
	}
	if c.tenant != nil {
		if tenant := c.tenant(r); tenant != "" {
			ctx = audit.WithTenant(ctx, tenant)
		}
	}
	return ctx
}

func (c *config) requestID(r *http.Request) string {
	if c.requestIDHeader != "" {
		if id := clean(r.Header.Get(c.requestIDHeader), maxRequestID); id != "" {
			return id
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "" // no randomness: better no id than the same one twice
	}
	return id.String()
}
