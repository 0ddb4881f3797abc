package audithttp

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientIP walks from the peer towards the client for as long as it meets trusted
// proxies. What stands left of the first other address was written by nobody who
// is trusted.
func (c *config) clientIP(r *http.Request) string {
	client, ok := parseAddr(r.RemoteAddr)
	if !ok {
		return ""
	}
	if !c.isTrusted(client) {
		return client.String()
	}
	header := "X-Forwarded-For"
	if c.forwarded {
		header = "Forwarded"
	}
	lines := r.Header.Values(header)
	for i := len(lines) - 1; i >= 0; i-- {
		rest, more := lines[i], true
		for more {
			var hop string
			rest, hop, more = lastHop(rest, c.forwarded)
			if c.forwarded {
				hop = forwardedFor(hop)
			}
			addr, ok := parseAddr(hop)
			if !ok {
				return client.String() // unknown, obfuscated or broken
			}
			client = addr
			if !c.isTrusted(client) {
				return client.String()
			}
		}
	}
	return client.String()
}

// lastHop cuts the last element off a comma-separated list. In a Forwarded header
// a comma inside a quoted string separates nothing.
func lastHop(list string, quoting bool) (rest, hop string, more bool) {
	inside := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case quoting && list[i] == '"':
			inside = !inside
		case list[i] == ',' && !inside:
			return list[:i], list[i+1:], true
		}
	}
	return "", list, false
}

// forwardedFor returns the node of the for parameter of one Forwarded element. A
// second for parameter makes the element worthless.
func forwardedFor(element string) string {
	node := ""
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "for") {
			continue
		}
		if node != "" {
			return ""
		}
		node = strings.TrimSpace(value)
		if len(node) >= 2 && node[0] == '"' && node[len(node)-1] == '"' {
			node = node[1 : len(node)-1]
		}
	}
	return node
}

// parseAddr reads an address with or without a port: 192.0.2.1, 192.0.2.1:80,
// 2001:db8::1, [2001:db8::1], [2001:db8::1]:80. Zones are dropped.
func parseAddr(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap().WithZone(""), true
}

func (c *config) isTrusted(addr netip.Addr) bool {
	for _, p := range c.trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// unmapped turns ::ffff:10.0.0.0/104 into 10.0.0.0/8, because addresses are
// compared unmapped.
func unmapped(p netip.Prefix) netip.Prefix {
	if !p.Addr().Is4In6() || p.Bits() < 96 {
		return p
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
}
