package channels

import (
	"bytes"
	"io"
	"mime"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// letter is an e-mail that the test's server took.
type letter struct {
	from string
	to   []string
	*netmail.Message
	subject, text string
}

// mailServer is an SMTP server on a port of its own.
type mailServer struct {
	t       *testing.T
	port    string
	mu      sync.Mutex
	letters []letter
	refuse  *smtp.SMTPError
}

func startMail(t *testing.T) *mailServer {
	t.Helper()
	s := &mailServer{t: t}
	server := smtp.NewServer(s)
	server.Domain = "localhost"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(l.Addr().String())
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

func (s *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }

func (s *mailServer) all() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]letter(nil), s.letters...)
}

type session struct {
	server *mailServer
	letter letter
}

func (s *session) Reset()        { s.letter = letter{} }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.letter.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.server.refuse != nil {
		return s.server.refuse
	}
	s.letter.to = append(s.letter.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		s.server.t.Errorf("%v in %s", err, raw)
		return err
	}
	l := s.letter
	l.Message = m
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		s.server.t.Error(err)
	}
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 998 {
			s.server.t.Errorf("a line of %d bytes", len(line))
		}
	}
	l.text = decode(s.server.t, m)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.letters = append(s.server.letters, l)
	return nil
}
