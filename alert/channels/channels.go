package channels

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/gorm-audit/auditplugin/alert"
)

// ErrURL is a channel URL that cannot be used. The error does not quote it.
var ErrURL = errors.New("auditplugin: channel URL cannot be used")

// New makes a channel from a URL. It fails with an error that wraps [ErrURL]. Some
// services (matrix) are asked whether the URL is right. The channel is safe for
// concurrent use.
func New(rawURL string) (alert.Channel, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme == "" {
		return nil, fmt.Errorf("%w: it is not a URL", ErrURL)
	}
	scheme := strings.ToLower(u.Scheme)
	if scheme == "smtp" || scheme == "smtps" {
		return newMail(u)
	}
	hide := newScrubber(rawURL)
	c := &service{url: rawURL, scheme: scheme, html: strings.EqualFold(u.Query().Get("parsemode"), "html"), hide: hide}
	if _, err := c.locate(); errors.Is(err, router.ErrUnknownService) {
		return nil, fmt.Errorf("%w: unknown service", ErrURL)
	} else if err != nil {
		return nil, fmt.Errorf("%w: %s: %s", ErrURL, scheme, hide.text(err))
	}
	return c, nil
}

// service is a channel of shoutrrr.
type service struct {
	url, scheme string
	html        bool
	hide        scrubber
}

// locate makes the service. Some change their configuration while they send, so
// every message has its own.
func (s *service) locate() (types.Service, error) {
	var r router.ServiceRouter
	return r.Locate(s.url)
}

// Send sends a message. The services of shoutrrr have time limits of their own, of
// 10 seconds and more, and do not know ctx: Send returns when ctx ends, and the
// attempt may go on for a while.
func (s *service) Send(ctx context.Context, m alert.Message) error {
	to, err := s.locate()
	if err != nil {
		return s.failed(err)
	}
	text, params := s.write(m)
	done := make(chan error, 1)
	go func() { done <- to.Send(text, &params) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err != nil {
		return s.failed(err)
	}
	return nil
}

func (s *service) failed(err error) error {
	return fmt.Errorf("auditplugin: %s channel: %s", s.scheme, s.hide.text(err))
}

// titled are the services that show a title apart from the text.
func titled() []string {
	return []string{
		"bark", "discord", "generic", "gotify", "join", "lark", "matrix", "mattermost", "ntfy", "opsgenie",
		"pushbullet", "pushover", "slack", "teams", "telegram", "zulip",
	}
}

// write returns the text and the parameters for the service.
func (s *service) write(m alert.Message) (string, types.Params) {
	params := types.Params{}
	text := m.Body()
	// A title that repeats the text's beginning would only be noise.
	if slices.Contains(titled(), s.service()) {
		params.SetTitle(s.escape(s.marked(m)))
	} else if subject := s.marked(m); !strings.HasPrefix(text, subject) {
		text = subject + "\n" + text
	}
	switch s.service() {
	case "pagerduty":
		params["severity"] = map[alert.Severity]string{alert.Info: "info", alert.Warning: "warning", alert.Critical: "critical"}[m.Severity]
		params["dedup_key"] = m.ID
	case "opsgenie":
		params["alias"] = m.ID
		params["priority"] = map[alert.Severity]string{alert.Info: "P5", alert.Warning: "P3", alert.Critical: "P1"}[m.Severity]
	case "generic":
		params["id"] = m.ID
		params["rule"] = m.Rule
		params["severity"] = m.Severity.String()
		params["link"] = m.Link
	}
	return s.escape(text), params
}

// marked is the subject with the severity before it, where that is more than information
// and the service has no place of its own for it.
func (s *service) marked(m alert.Message) string {
	if m.Severity == alert.Info || slices.Contains([]string{"pagerduty", "opsgenie", "generic"}, s.service()) {
		return m.Subject
	}
	return "[" + m.Severity.String() + "] " + m.Subject
}

// service is the scheme without what stands before or after a plus, as in
// generic+https.
func (s *service) service() string {
	name, _, _ := strings.Cut(s.scheme, "+")
	return name
}
