package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
)

// Encoder makes a request's body of a record.
type Encoder func(r audit.Record) (body []byte, contentType string, err error)

// Sink posts records; it is an [audit.Emitter]. It is safe for concurrent use.
type Sink struct {
	url     string
	client  *http.Client
	keys    [][]byte
	header  http.Header
	encode  Encoder
	timeout time.Duration
	had     progress
}

// Option configures a [Sink].
type Option func(*Sink) error

// Secret signs requests with a secret, "whsec_" and the base64 of 24 to 64 random
// bytes. With several, there is a signature for each: a receiver accepts either while
// it changes from one to the other.
func Secret(secret string) Option {
	return func(s *Sink) error {
		key, err := parseSecret(secret)
		s.keys = append(s.keys, key)
		return err
	}
}

// WithClient sends requests with a client of the application's: for proxies, client
// certificates, other limits on connections. Redirects are not followed, whatever it
// says.
func WithClient(c *http.Client) Option {
	return func(s *Sink) error {
		if c == nil {
			return fmt.Errorf("%w: WithClient(nil)", ErrInvalidOption)
		}
		own := *c
		s.client = &own
		return nil
	}
}

// WithHeader adds a header to every request, such as Authorization.
func WithHeader(name, value string) Option {
	return func(s *Sink) error {
		if name == "" || strings.ContainsAny(name+value, "\r\n\x00") {
			return fmt.Errorf("%w: header %q", ErrInvalidOption, name)
		}
		s.header.Add(name, value)
		return nil
	}
}

// WithEncoder sends other bodies; see cloudevents.Encoder.
func WithEncoder(encode Encoder) Option {
	return func(s *Sink) error {
		s.encode = encode
		if encode == nil {
			return fmt.Errorf("%w: WithEncoder(nil)", ErrInvalidOption)
		}
		return nil
	}
}

// Timeout sets how long one request may take, its answer included; the default is
// 10 s.
func Timeout(d time.Duration) Option {
	return func(s *Sink) error {
		s.timeout = d
		if d <= 0 {
			return fmt.Errorf("%w: Timeout(%v)", ErrInvalidOption, d)
		}
		return nil
	}
}

// New returns a sink that posts to an http or https address. At least one [Secret]
// is needed. It fails with [ErrInvalidOption] or [ErrSecret], which quote neither the
// address, which may hold a password, nor secrets.
func New(address string, opts ...Option) (*Sink, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: the address must be an http or https URL", ErrInvalidOption)
	}
	s := &Sink{url: address, client: &http.Client{}, header: make(http.Header), encode: Envelope, timeout: 10 * time.Second}
	for _, opt := range opts {
		if err := opt(s); err != nil {
			return nil, err
		}
	}
	if len(s.keys) == 0 {
		return nil, fmt.Errorf("%w: none was given", ErrSecret)
	}
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s, nil
}

// Envelope is the default encoder: type, timestamp and data, as the specification
// recommends.
func Envelope(r audit.Record) ([]byte, string, error) {
	body, err := json.Marshal(struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{"audit." + string(r.Action), r.Time.UTC(), emitter.RecordJSON(r)})
	return body, "application/json", err
}

// Emit posts the records one by one, in order, and stops at the first that is not
// accepted; a retry with the same sink begins there, so that a large transaction
// arrives although a receiver takes only a part of it at a time. The error wraps
// [ErrRefused] or [ErrUnreachable]; it is permanent (relay.IsPermanent) when trying
// again makes no sense.
func (s *Sink) Emit(ctx context.Context, records []audit.Record) error {
	had := s.had.begin(records)
	for i := had; i < len(records); i++ {
		if err := s.post(ctx, records[i]); err != nil {
			s.had.failed(records[:i])
			return err
		}
	}
	return nil
}

func (s *Sink) post(ctx context.Context, r audit.Record) error {
	body, contentType, err := s.encode(r)
	if err != nil {
		return relay.Permanent(fmt.Errorf("auditplugin: webhook: encoding a record: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return relay.Permanent(fmt.Errorf("%w: the request cannot be made", ErrInvalidOption))
	}
	for name, values := range s.header {
		req.Header[name] = values
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	// Ids of the plugin are UUIDs, which stay as they are.
	id := url.PathEscape(r.ID)
	signatures := make([]string, len(s.keys))
	for i, key := range s.keys {
		signatures[i] = sign(key, id, timestamp, body)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set(HeaderID, id)
	req.Header.Set(HeaderTimestamp, timestamp)
	req.Header.Set(HeaderSignature, strings.Join(signatures, " "))
	resp, err := s.client.Do(req)
	if err != nil {
		return unreachable(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	return answer(resp)
}

// unreachable drops the address from an error: it may hold a password or a token.
func unreachable(err error) error {
	var quoting *url.Error
	if errors.As(err, &quoting) {
		err = quoting.Err
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// refusal is an answer after which the relay may try again.
type refusal struct {
	status int
	after  time.Duration
}

func (r *refusal) Error() string             { return ErrRefused.Error() + ": status " + strconv.Itoa(r.status) }
func (r *refusal) Unwrap() error             { return ErrRefused }
func (r *refusal) RetryAfter() time.Duration { return r.after }

func answer(resp *http.Response) error {
	status := resp.StatusCode
	if status >= 200 && status < 300 {
		return nil
	}
	err := &refusal{status: status, after: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	switch {
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return err
	}
	return relay.Permanent(err)
}

// retryAfter reads seconds or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(max(0, seconds)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
