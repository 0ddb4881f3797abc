package channels

import (
	"html"
	"regexp"
	"strings"
)

// joiner is invisible and keeps what stands on its sides apart.
const joiner = "\u2060"

// mention is how chat services address everybody at once.
var mention = regexp.MustCompile(`(?i)@(channel|here|everyone|all|room|group|team)\b`)

// escape makes text from outside harmless in the markup of the service.
func (s *service) escape(text string) string {
	switch s.service() {
	case "slack":
		// The service's own escapes; no other character begins a mention or a link.
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	case "discord", "googlechat", "hangouts", "lark", "mattermost", "matrix", "rocketchat", "teams", "wecom", "zulip":
		text = mention.ReplaceAllString(text, "@"+joiner+"$1")
		// Zulip writes @**all**; the others have <@id>, <users/all> and <at …>, and
		// links with a text of their own.
		return strings.NewReplacer("@*", "@"+joiner+"*", "@_", "@"+joiner+"_", "<", "<"+joiner, "](", "]"+joiner+"(", "][", "]"+joiner+"[").Replace(text)
	}
	if s.html {
		return html.EscapeString(text)
	}
	return text
}
