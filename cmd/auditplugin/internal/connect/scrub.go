package connect

import (
	"net/url"
	"regexp"
	"strings"
)

var (
	// inUserinfo finds the password of a URL, inDriverDSN that of what MySQL's driver
	// takes, inParameter one that is a setting.
	inUserinfo  = regexp.MustCompile(`(://[^:/?#@\s"']*):[^\s"']*@`)
	inDriverDSN = regexp.MustCompile(`(^|[\s"'])([^\s:/"'@]*):[^\s"']*@([a-z]+\()`)
	inParameter = regexp.MustCompile(`(?i)(password\s*=\s*)('[^']*'|[^\s&"']+)`)
)

// Scrub takes passwords out of a text that people will see: that of the target, and
// whatever stands where addresses have one.
func (t Target) Scrub(text string) string {
	if t.password != "" {
		for _, secret := range []string{t.password, url.QueryEscape(t.password), url.PathEscape(t.password), strings.TrimPrefix(url.UserPassword("", t.password).String(), ":")} {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	text = inUserinfo.ReplaceAllString(text, "$1:***@")
	text = inDriverDSN.ReplaceAllString(text, "$1$2:***@$3")
	return inParameter.ReplaceAllString(text, "${1}***")
}
