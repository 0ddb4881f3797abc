package channels

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	mail "github.com/wneessen/go-mail"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/relay"
)

// mailbox is a channel that sends e-mail.
type mailbox struct {
	host     string
	options  []mail.Option
	from     string
	fromName string
	to       []string
	hide     scrubber
}

// newMail reads smtp://user:password@host:port/?from=…&to=…,…&fromname=…&tls=… .
// smtps is TLS from the start. With smtp, TLS by STARTTLS is demanded, unless tls is
// "opportunistic" or "none"; a password is never sent without it.
func newMail(u *url.URL) (alert.Channel, error) {
	m := &mailbox{host: u.Hostname(), hide: newScrubber(u.String())}
	query := u.Query()
	wrong := func(what string) error { return fmt.Errorf("%w: %s: %s", ErrURL, strings.ToLower(u.Scheme), what) }
	for key := range query {
		if !slices.Contains([]string{"from", "to", "fromname", "tls"}, key) {
			return nil, wrong("unknown parameter; known are from, to, fromname and tls")
		}
	}
	m.from, m.fromName = query.Get("from"), query.Get("fromname")
	for _, list := range query["to"] {
		for address := range strings.SplitSeq(list, ",") {
			m.to = append(m.to, strings.TrimSpace(address))
		}
	}
	if m.host == "" || m.from == "" || len(m.to) == 0 {
		return nil, wrong("it needs a host, from and to")
	}
	secure := strings.EqualFold(u.Scheme, "smtps")
	policy, port := mail.TLSMandatory, 587
	switch query.Get("tls") {
	case "", "mandatory":
	case "opportunistic":
		policy, port = mail.TLSOpportunistic, 25
	case "none":
		policy, port = mail.NoTLS, 25
	default:
		return nil, wrong("tls is mandatory, opportunistic or none")
	}
	if secure {
		if query.Has("tls") {
			return nil, wrong("smtps has no parameter tls")
		}
		port = 465
		m.options = append(m.options, mail.WithSSL())
	} else {
		m.options = append(m.options, mail.WithTLSPolicy(policy))
	}
	if u.Port() != "" {
		p, err := strconv.Atoi(u.Port())
		if err != nil {
			return nil, wrong("the port is no number")
		}
		port = p
	}
	m.options = append(m.options, mail.WithPort(port), mail.WithTimeout(20*time.Second))
	if password, ok := u.User.Password(); ok {
		if policy != mail.TLSMandatory && !secure {
			return nil, wrong("a password is only sent with tls=mandatory")
		}
		m.options = append(m.options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
			mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	if _, err := mail.NewClient(m.host, m.options...); err != nil {
		return nil, wrong(m.hide.text(err))
	}
	if _, err := m.compose(alert.Message{}); err != nil {
		return nil, wrong("from or to is no address")
	}
	return m, nil
}

// Send sends a message to all recipients at once.
func (m *mailbox) Send(ctx context.Context, message alert.Message) error {
	letter, err := m.compose(message)
	if err != nil {
		return fmt.Errorf("auditplugin: mail channel: %s", m.hide.text(err))
	}
	client, err := mail.NewClient(m.host, m.options...)
	if err != nil {
		return fmt.Errorf("auditplugin: mail channel: %s", m.hide.text(err))
	}
	if err := client.DialAndSendWithContext(ctx, letter); err != nil {
		said := fmt.Errorf("auditplugin: mail channel: %s", m.hide.text(err))
		var sending *mail.SendError
		if errors.As(err, &sending) && sending.ErrorCode() >= 550 && sending.ErrorCode() < 560 && !sending.IsTemp() {
			return relay.Permanent(said) // the server will say the same tomorrow
		}
		return said
	}
	return nil
}

func (m *mailbox) compose(message alert.Message) (*mail.Msg, error) {
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := letter.FromFormat(m.fromName, m.from); err != nil {
		return nil, err
	}
	if err := letter.To(m.to...); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(m.from, "@")
	letter.SetMessageIDWithValue(message.ID + "@" + domain)
	letter.SetDate()
	letter.Subject((&service{scheme: "smtp"}).marked(message))
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	if message.Severity == alert.Critical {
		letter.SetImportance(mail.ImportanceHigh)
	}
	letter.SetBodyString(mail.TypeTextPlain, message.Body()+"\n")
	return letter, nil
}
