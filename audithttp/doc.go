// Package audithttp has net/http middleware that tells the audit trail about the
// request during which a change was made: its id, the client's address and user
// agent, and the W3C trace it belongs to.
//
//	handler := audithttp.Middleware(
//		audithttp.TrustedProxies(netip.MustParsePrefix("10.0.0.0/8")),
//	)(mux)
//
// Everything but the peer's address comes from headers, which a client can set to
// anything. What is passed on is valid UTF-8 of bounded length without control
// characters, and the client's address is believed only from trusted proxies.
package audithttp
