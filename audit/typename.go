package audit

import (
	"strings"
	"unicode"
)

// TypeName returns the record type of a model that has no AuditName: the name of its Go type
// as words in lower case, joined by underscores. Abbreviations are one word: "user_id" for
// UserID, "api_keys" for APIKeys, "oauth2_session" for OAuth2Session, "oidc_client" for
// OIDCClient.
func TypeName(goName string) string {
	runes := []rune(goName)
	var words []string
	for len(runes) > 0 {
		n := wordLength(runes)
		if w := strings.Trim(string(runes[:n]), "_"); w != "" {
			words = append(words, strings.ToLower(w))
		}
		runes = runes[n:]
	}
	return strings.Join(words, "_")
}

// mixed are words with capitals inside, which are no words of their own.
var mixed = [...]string{"OAuth", "IPv4", "IPv6", "GraphQL", "PostgreSQL", "MySQL", "NoSQL", "WebAuthn", "GitHub", "GitLab", "MacOS", "IOS"}

// wordLength is how long the first word is.
func wordLength(r []rune) int {
	for _, m := range mixed {
		n := len(m)
		if len(r) >= n && string(r[:n]) == m && (n == len(r) || !unicode.IsLower(r[n])) {
			return n + digits(r[n:])
		}
	}
	upper := 0
	for upper < len(r) && unicode.IsUpper(r[upper]) {
		upper++
	}
	switch {
	case upper == len(r):
		return upper
	case upper < 2:
		n := max(upper, 1)
		for n < len(r) && r[n] != '_' && !unicode.IsUpper(r[n]) {
			n++
		}
		return n
	case unicode.IsDigit(r[upper]): // SHA256, S3
		return upper + digits(r[upper:])
	case r[upper] == 's' && (upper+1 == len(r) || !unicode.IsLower(r[upper+1])): // IDs
		return upper + 1
	case unicode.IsLower(r[upper]): // the last capital begins the next word
		return upper - 1
	}
	return upper
}

func digits(r []rune) int {
	n := 0
	for n < len(r) && unicode.IsDigit(r[n]) {
		n++
	}
	return n
}
