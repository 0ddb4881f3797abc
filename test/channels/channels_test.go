package channels

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/alert/channels"
	"github.com/gorm-audit/auditplugin/relay"
)

func decode(t *testing.T, m *netmail.Message) string {
	return readBody(t, m.Body, m.Header.Get("Content-Transfer-Encoding"))
}

func readBody(t *testing.T, r io.Reader, encoding string) string {
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

func message() alert.Message {
	return alert.Message{
		ID: "0192-1", Rule: "mfa-phone-changed", Channel: "support", Severity: alert.Warning, Title: "MFA phone changed",
		Subject: "MFA phone changed: user 7", Text: "Ada Lovelace (user 42) changed the MFA phone of user 7: *** → ***; reason: ticket 1234",
		Link: "https://admin.example.com/users/7", Records: []string{"r1"}, Attempt: 1,
	}
}

func newChannel(t *testing.T, url string) alert.Channel {
	t.Helper()
	c, err := channels.New(url)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMail(t *testing.T) {
	server := startMail(t)
	c := newChannel(t, "smtp://127.0.0.1:"+server.port+"/?tls=none&from=audit@example.com&fromname=Trail&to=support@example.com,grace@example.com")
	m := message()
	m.Severity = alert.Critical
	m.Text += "\n" + strings.Repeat("lange Wörter ", 300)
	if err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	letters := server.all()
	if len(letters) != 1 {
		t.Fatalf("%d letters", len(letters))
	}
	l := letters[0]
	if l.from != "audit@example.com" || len(l.to) != 2 || l.to[1] != "grace@example.com" || l.Header.Get("From") != `"Trail" <audit@example.com>` {
		t.Errorf("%+v", l)
	}
	if l.subject != "[critical] "+m.Subject || l.text != m.Text+"\n"+m.Link+"\n" {
		t.Errorf("%q\n%q", l.subject, l.text)
	}
	if l.Header.Get("Message-Id") != "<0192-1@example.com>" || l.Header.Get("Auto-Submitted") != "auto-generated" || l.Header.Get("Importance") != "high" || l.Header.Get("Date") == "" {
		t.Errorf("%+v", l.Header)
	}
}

// A subject that came from elsewhere than a rule still cannot add a header.
func TestMailHeaders(t *testing.T) {
	server := startMail(t)
	c := newChannel(t, "smtp://127.0.0.1:"+server.port+"/?tls=none&from=audit@example.com&to=support@example.com")
	m := message()
	m.Subject = "Änderung → yes\r\nBcc: all@example.com"
	m.Text = "one\r\n.\r\nQUIT\r\n"
	if err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	l := server.all()[0]
	if l.Header.Get("Bcc") != "" || len(l.to) != 1 || !strings.Contains(l.text, "one\n.\nQUIT") {
		t.Errorf("%+v\n%q", l.Header, l.text)
	}
}

func TestMailRefused(t *testing.T) {
	server := startMail(t)
	c := newChannel(t, "smtp://127.0.0.1:"+server.port+"/?tls=none&from=audit@example.com&to=support@example.com")
	for code, permanent := range map[int]bool{550: true, 450: false} {
		server.refuse = &smtp.SMTPError{Code: code, Message: "not here, support@example.com"}
		err := c.Send(t.Context(), message())
		if err == nil || relay.IsPermanent(err) != permanent || strings.Contains(err.Error(), "support@") {
			t.Errorf("%d: %v, permanent %v", code, err, relay.IsPermanent(err))
		}
	}
	// A server without TLS is not given a letter that should be encrypted.
	server.refuse = nil
	c = newChannel(t, "smtp://user:pass-word@127.0.0.1:"+server.port+"/?from=audit@example.com&to=support@example.com")
	if err := c.Send(t.Context(), message()); err == nil || strings.Contains(err.Error(), "pass-word") || len(server.all()) != 0 {
		t.Errorf("%v, %d letters", err, len(server.all()))
	}
}

// requests is an HTTP server that keeps what it gets.
type requests struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	status int
}

func startHTTP(t *testing.T) *requests {
	t.Helper()
	s := &requests{status: http.StatusOK}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bodies = append(s.bodies, string(body))
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, "no "+r.URL.String())
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *requests) host() string { return strings.TrimPrefix(s.URL, "http://") }

func TestWebhook(t *testing.T) {
	s := startHTTP(t)
	c := newChannel(t, "generic://"+s.host()+"/hooks/S3CR3T-T0K3N?disabletls=yes&template=json")
	if err := c.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(s.bodies[0]), &got); err != nil {
		t.Fatal(err)
	}
	m := message()
	for key, want := range map[string]string{"title": m.Subject, "message": m.Body(), "id": m.ID, "severity": "warning", "rule": m.Rule, "link": m.Link} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	s.status = http.StatusForbidden
	err := c.Send(t.Context(), m)
	if err == nil || !strings.Contains(err.Error(), "403") || strings.Contains(err.Error(), "S3CR3T") || strings.Contains(err.Error(), s.host()) {
		t.Errorf("%v", err)
	}
}

// What comes from outside addresses nobody and links nowhere.
func TestChatMarkup(t *testing.T) {
	s := startHTTP(t)
	c := newChannel(t, "mattermost://bot@"+s.host()+"/T0K3NT0K3N?disabletls=yes")
	m := message()
	m.Text = "Eve changed x: @channel @HERE <!here> [safe](https://evil.example.com) eve@example.com"
	if err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	body := s.bodies[0]
	for _, bad := range []string{"@channel", "@HERE", "<!", "](", "u003c!"} {
		if strings.Contains(body, bad) {
			t.Errorf("%q in %s", bad, body)
		}
	}
	if !strings.Contains(body, "eve@example.com") {
		t.Errorf("an address was changed: %s", body)
	}
}

func TestErrorsKeepSecrets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	_ = l.Close()
	for _, url := range []string{
		"generic://" + dead + "/T0PS3CR3T/x?disabletls=yes&$auth=T0PS3CR3T",
		"mattermost://" + dead + "/T0PS3CR3T?disabletls=yes",
		"gotify://" + dead + "/AT0PS3CR3T.abcd?disabletls=yes",
		"ntfy://user:T0PS3CR3T@" + dead + "/T0PS3CR3T?scheme=http",
		"smtp://127.0.0.1:1/?tls=none&from=T0PS3CR3T@example.com&to=T0PS3CR3T@example.com",
		"slack://T0PS3CR3T", "telegram://T0PS3CR3T", "teams://T0PS3CR3T", "discord://T0PS3CR3T", "pagerduty://T0PS3CR3T:x",
		"T0PS3CR3T://x", "generic://%T0PS3CR3T", "smtp://user:T0PS3CR3T@h/?from=a@b.c&to=d@e.f&tls=none", "smtp://h/?T0PS3CR3T=x",
		"smtps://h:T0PS3CR3T/?from=a@b.c&to=d@e.f",
	} {
		c, err := channels.New(url)
		if err == nil {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			err = c.Send(ctx, message())
			cancel()
			if err == nil {
				t.Errorf("%s: no error", url)
				continue
			}
		} else if !errors.Is(err, channels.ErrURL) {
			t.Errorf("%s: %v", url, err)
		}
		if strings.Contains(strings.ToLower(err.Error()), "t0ps3cr3t") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// Send comes back when its time is over, whatever the service does.
func TestSendEndsInTime(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer s.Close()
	defer close(hang)
	c := newChannel(t, "generic://"+strings.TrimPrefix(s.URL, "http://")+"/?disabletls=yes")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Send(ctx, message()); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
