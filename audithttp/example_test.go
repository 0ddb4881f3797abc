package audithttp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/audithttp"
)

func ExampleMiddleware() {
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// db.WithContext(r.Context()) records these with every change.
		request, _ := audit.RequestFrom(r.Context())
		traceID, _ := audit.TraceFrom(r.Context())
		fmt.Println(request.ID, request.IP, request.UserAgent)
		fmt.Println(traceID)
	})

	r := httptest.NewRequest(http.MethodPost, "/users/42", nil)
	r.RemoteAddr = "192.0.2.1:40000"
	r.Header.Set("X-Request-Id", "req-7")
	r.Header.Set("User-Agent", "curl/8.5.0")
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	audithttp.Middleware()(handler).ServeHTTP(httptest.NewRecorder(), r)

	// Output:
	// req-7 192.0.2.1 curl/8.5.0
	// 4bf92f3577b34da6a3ce929d0e0e4736
}

func ExampleTrustedProxies() {
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		request, _ := audit.RequestFrom(r.Context())
		fmt.Println(request.IP)
	})
	behindProxy := audithttp.Middleware(audithttp.TrustedProxies(netip.MustParsePrefix("10.0.0.0/8")))(handler)

	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Forwarded-For", "203.0.113.66, 198.51.100.7") // the first one is made up by the client

	r.RemoteAddr = "10.1.2.3:40000" // the proxy
	behindProxy.ServeHTTP(httptest.NewRecorder(), r)

	r.RemoteAddr = "192.0.2.1:40000" // somebody who goes round it
	behindProxy.ServeHTTP(httptest.NewRecorder(), r)

	// Output:
	// 198.51.100.7
	// 192.0.2.1
}
