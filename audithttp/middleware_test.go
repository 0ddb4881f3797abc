package audithttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/audithttp"
)

// serve sends one request through the middleware and returns the context that the
// handler saw.
func serve(t *testing.T, r *http.Request, opts ...audithttp.Option) context.Context {
	t.Helper()
	var ctx context.Context
	h := audithttp.Middleware(opts...)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() }))
	h.ServeHTTP(httptest.NewRecorder(), r)
	if ctx == nil {
		t.Fatal("the handler was not called")
	}
	return ctx
}

func request(remote string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	for i := 0; i+1 < len(header); i += 2 {
		r.Header[header[i]] = append(r.Header[header[i]], header[i+1])
	}
	return r
}

func TestClientIP(t *testing.T) {
	const xff, fwd = "X-Forwarded-For", "Forwarded"
	private := audithttp.TrustedProxies(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48"))
	mapped := audithttp.TrustedProxies(netip.MustParsePrefix("::ffff:10.0.0.0/104"))
	forwarded := audithttp.UseForwarded()
	for _, c := range []struct {
		name, remote string
		header       []string
		opts         []audithttp.Option
		want         string
	}{
		{"peer", "192.0.2.1:1234", nil, nil, "192.0.2.1"},
		{"peer without port", "192.0.2.1", nil, nil, "192.0.2.1"},
		{"peer IPv6", "[2001:db8::1]:1234", nil, nil, "2001:db8::1"},
		{"peer IPv6 with zone", "[fe80::1%eth0]:1234", nil, nil, "fe80::1"},
		{"peer mapped", "[::ffff:192.0.2.1]:1234", nil, nil, "192.0.2.1"},
		{"unix socket", "@", []string{xff, "192.0.2.1"}, []audithttp.Option{private}, ""},
		{"no peer", "", nil, nil, ""},
		{"nobody is trusted", "10.0.0.1:1", []string{xff, "198.51.100.7"}, nil, "10.0.0.1"},
		{"peer is not trusted", "192.0.2.1:1", []string{xff, "198.51.100.7"}, []audithttp.Option{private}, "192.0.2.1"},
		{"one proxy", "10.0.0.1:1", []string{xff, "198.51.100.7"}, []audithttp.Option{private}, "198.51.100.7"},
		{"mapped prefix", "10.0.0.1:1", []string{xff, "198.51.100.7"}, []audithttp.Option{mapped}, "198.51.100.7"},
		{"mapped peer", "[::ffff:10.0.0.1]:1", []string{xff, "198.51.100.7"}, []audithttp.Option{private}, "198.51.100.7"},
		{"spoofed left part", "10.0.0.1:1", []string{xff, "1.1.1.1, 198.51.100.7, 10.0.0.2"}, []audithttp.Option{private}, "198.51.100.7"},
		{"several header lines", "10.0.0.1:1", []string{xff, "1.1.1.1, 198.51.100.7", xff, "10.0.0.2"}, []audithttp.Option{private}, "198.51.100.7"},
		{"with ports", "10.0.0.1:1", []string{xff, "198.51.100.7:4711"}, []audithttp.Option{private}, "198.51.100.7"},
		{"IPv6 hops", "[2001:db8:ffff::1]:1", []string{xff, "[2001:db8::7]:80, 2001:db8:ffff::2"}, []audithttp.Option{private}, "2001:db8::7"},
		{"all trusted", "10.0.0.1:1", []string{xff, "10.0.0.3, 10.0.0.2"}, []audithttp.Option{private}, "10.0.0.3"},
		{"broken hop", "10.0.0.1:1", []string{xff, "198.51.100.7, nonsense, 10.0.0.2"}, []audithttp.Option{private}, "10.0.0.2"},
		{"empty header", "10.0.0.1:1", []string{xff, ""}, []audithttp.Option{private}, "10.0.0.1"},
		{"hostile header", "10.0.0.1:1", []string{xff, "\xff\x00\r\nevil"}, []audithttp.Option{private}, "10.0.0.1"},
		{"other header is not read", "10.0.0.1:1", []string{fwd, "for=1.1.1.1", xff, "198.51.100.7"}, []audithttp.Option{private}, "198.51.100.7"},
		{"forwarded", "10.0.0.1:1", []string{fwd, "for=198.51.100.7;proto=https", xff, "1.1.1.1"}, []audithttp.Option{private, forwarded}, "198.51.100.7"},
		{"forwarded IPv6", "10.0.0.1:1", []string{fwd, `By=x; For="[2001:db8::7]:4711", for=10.0.0.2`}, []audithttp.Option{private, forwarded}, "2001:db8::7"},
		{"forwarded quoted comma", "10.0.0.1:1", []string{fwd, `for=198.51.100.7;by="a,for=1.1.1.1"`}, []audithttp.Option{private, forwarded}, "198.51.100.7"},
		{"forwarded unknown", "10.0.0.1:1", []string{fwd, "for=1.1.1.1, for=unknown"}, []audithttp.Option{private, forwarded}, "10.0.0.1"},
		{"forwarded obfuscated", "10.0.0.1:1", []string{fwd, "for=_hidden"}, []audithttp.Option{private, forwarded}, "10.0.0.1"},
		{"forwarded twice", "10.0.0.1:1", []string{fwd, "for=198.51.100.7;for=1.1.1.1"}, []audithttp.Option{private, forwarded}, "10.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := audit.RequestFrom(serve(t, request(c.remote, c.header...), c.opts...))
			if !ok || got.IP != c.want {
				t.Errorf("IP = %q (set: %v), want %q", got.IP, ok, c.want)
			}
		})
	}
}

func TestInvalidPrefixTrustsNobody(t *testing.T) {
	got, _ := audit.RequestFrom(serve(t, request("10.0.0.1:1", "X-Forwarded-For", "1.1.1.1"), audithttp.TrustedProxies(netip.Prefix{})))
	if got.IP != "10.0.0.1" {
		t.Errorf("IP = %q", got.IP)
	}
}

func TestRequestID(t *testing.T) {
	for _, c := range []struct {
		name, header, sent string
		opts               []audithttp.Option
		want               string // "" wants a generated one
	}{
		{"sent", "X-Request-Id", "abc-1", nil, "abc-1"},
		{"absent", "", "", nil, ""},
		{"blank", "X-Request-Id", " \t ", nil, ""},
		{"only control characters", "X-Request-Id", "\x00\x1f\x7f", nil, ""},
		{"other header", "X-Correlation-Id", "abc-2", []audithttp.Option{audithttp.RequestIDHeader("x-correlation-id")}, "abc-2"},
		{"no header read", "X-Request-Id", "abc", []audithttp.Option{audithttp.RequestIDHeader("")}, ""},
		{"control characters", "X-Request-Id", "a\r\nlevel=info\x00b", nil, "a  level=info b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := audit.RequestFrom(serve(t, request("192.0.2.1:1", c.header, c.sent), c.opts...))
			if c.want != "" {
				if got.ID != c.want {
					t.Errorf("ID = %q, want %q", got.ID, c.want)
				}
				return
			}
			if id, err := uuid.Parse(got.ID); err != nil || id.Version() != 7 {
				t.Errorf("ID = %q, want a UUIDv7", got.ID)
			}
		})
	}
}

func TestTraceparent(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, c := range []struct {
		name string
		sent []string
		ok   bool
	}{
		{"valid", []string{"00-" + trace + "-" + span + "-01"}, true},
		{"surrounding space", []string{" 00-" + trace + "-" + span + "-01\t"}, true},
		{"later version with more", []string{"cc-" + trace + "-" + span + "-01-what-ever"}, true},
		{"absent", nil, false},
		{"twice", []string{"00-" + trace + "-" + span + "-01", "00-" + trace + "-" + span + "-01"}, false},
		{"version 00 with more", []string{"00-" + trace + "-" + span + "-01-x"}, false},
		{"later version glued", []string{"cc-" + trace + "-" + span + "-01x"}, false},
		{"version ff", []string{"ff-" + trace + "-" + span + "-01"}, false},
		{"upper case", []string{"00-" + strings.ToUpper(trace) + "-" + span + "-01"}, false},
		{"zero trace", []string{"00-" + strings.Repeat("0", 32) + "-" + span + "-01"}, false},
		{"zero span", []string{"00-" + trace + "-" + strings.Repeat("0", 16) + "-01"}, false},
		{"short", []string{"00-" + trace + "-" + span}, false},
		{"no hex", []string{"00-" + trace[:31] + "g-" + span + "-01"}, false},
		{"wrong separators", []string{"00_" + trace + "_" + span + "_01"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("192.0.2.1:1")
			r.Header["Traceparent"] = c.sent
			gotTrace, gotSpan := audit.TraceFrom(serve(t, r))
			want := [2]string{}
			if c.ok {
				want = [2]string{trace, span}
			}
			if got := [2]string{gotTrace, gotSpan}; got != want {
				t.Errorf("trace, span = %q, want %q", got, want)
			}
		})
	}
}

func TestTraceInContextIsKept(t *testing.T) {
	r := request("192.0.2.1:1", "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	r = r.WithContext(audit.WithTrace(r.Context(), "mine", "too"))
	if trace, span := audit.TraceFrom(serve(t, r)); trace != "mine" || span != "too" {
		t.Errorf("trace, span = %q, %q", trace, span)
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add("curl/8", "abc", "1.1.1.1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Add("\xff\xfe", strings.Repeat("é", 300), `for="[::1]:1",,;=`, "")
	f.Add(strings.Repeat("\u202e", 5000), strings.Repeat("x", 100_000), "\x00", "-")
	f.Fuzz(func(t *testing.T, agent, id, forwarded, traceparent string) {
		for _, opts := range [][]audithttp.Option{nil, {audithttp.UseForwarded()}} {
			opts = append(opts, audithttp.TrustedProxies(netip.MustParsePrefix("0.0.0.0/0")))
			ctx := serve(t, request(
				"10.0.0.1:1", "User-Agent", agent, "X-Request-Id", id,
				"X-Forwarded-For", forwarded, "Forwarded", forwarded, "Traceparent", traceparent,
			), opts...)
			got, _ := audit.RequestFrom(ctx)
			for _, s := range []struct {
				text  string
				limit int
			}{{got.UserAgent, 512}, {got.ID, 255}} {
				if len(s.text) > s.limit || !utf8.ValidString(s.text) || strings.ContainsFunc(s.text, unicode.IsControl) {
					t.Errorf("%d bytes of %q", len(s.text), s.text)
				}
			}
			if got.ID == "" {
				t.Error("no request id")
			}
			if _, err := netip.ParseAddr(got.IP); err != nil {
				t.Errorf("IP = %q", got.IP)
			}
			if trace, span := audit.TraceFrom(ctx); (len(trace) != 32 || len(span) != 16) && trace+span != "" {
				t.Errorf("trace, span = %q, %q", trace, span)
			}
		}
	})
}

// What a header says is the client's trace: the service's own takes its place, before the
// middleware or behind it.
func TestTraceOfTheHeaderIsRemote(t *testing.T) {
	r := request("192.0.2.1:1", "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	ctx := serve(t, r)
	if trace, span := audit.TraceFrom(ctx); trace != "4bf92f3577b34da6a3ce929d0e0e4736" || span != "00f067aa0ba902b7" || !audit.TraceIsRemote(ctx) {
		t.Errorf("trace, span = %q, %q, remote %v", trace, span, audit.TraceIsRemote(ctx))
	}
	ctx = audit.WithTrace(ctx, "mine", "too")
	for range 2 {
		if trace, span := audit.TraceFrom(ctx); trace != "mine" || span != "too" || audit.TraceIsRemote(ctx) {
			t.Errorf("trace, span = %q, %q, remote %v", trace, span, audit.TraceIsRemote(ctx))
		}
		ctx = audit.WithRemoteTrace(ctx, "theirs", "too")
	}
}

func TestWithoutTrace(t *testing.T) {
	r := request("192.0.2.1:1", "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if trace, span := audit.TraceFrom(serve(t, r, audithttp.WithoutTrace())); trace != "" || span != "" {
		t.Errorf("trace, span = %q, %q", trace, span)
	}
}

func TestActorAndTenantOfTheRequest(t *testing.T) {
	opts := []audithttp.Option{
		audithttp.Actor(func(r *http.Request) audit.Actor { return audit.Actor{ID: r.Header.Get("X-User")} }),
		audithttp.Tenant(func(r *http.Request) string { return r.Header.Get("X-Tenant") }),
	}
	ctx := serve(t, request("192.0.2.1:1", "X-User", "7", "X-Tenant", "acme"), opts...)
	if a, ok := audit.ActorFrom(ctx); !ok || a.ID != "7" || audit.TenantFrom(ctx) != "acme" {
		t.Errorf("actor %+v, %v, tenant %q", a, ok, audit.TenantFrom(ctx))
	}
	r := request("192.0.2.1:1")
	r = r.WithContext(audit.WithTenant(audit.WithActor(r.Context(), audit.Actor{ID: "before"}), "before"))
	ctx = audithttp.Annotate(opts...)(r).Context()
	if a, _ := audit.ActorFrom(ctx); a.ID != "before" || audit.TenantFrom(ctx) != "before" {
		t.Errorf("nobody and none took the place of %+v, %q", a, audit.TenantFrom(ctx))
	}
	if req, ok := audit.RequestFrom(ctx); !ok || req.IP != "192.0.2.1" {
		t.Errorf("the request is %+v", req)
	}
}
