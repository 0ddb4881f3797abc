package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/relay/cloudevents"
)

const (
	oldSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

// receiver is an HTTP server that checks signatures and keeps what it got.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	records []audit.Record
	bodies  []string
	answer  func(w http.ResponseWriter) bool // false: it has answered
}

func newReceiver(t *testing.T, secrets ...string) *receiver {
	t.Helper()
	verifier, err := NewVerifier(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		body, err := io.ReadAll(req.Body)
		if err == nil {
			err = verifier.Verify(req.Header, body)
		}
		if err != nil {
			t.Errorf("request: %v", err)
		}
		if r.answer != nil && !r.answer(w) {
			return
		}
		var envelope struct {
			Type string
			Data audit.Record
		}
		if err := json.Unmarshal(body, &envelope); err != nil || url.PathEscape(envelope.Data.ID) != req.Header.Get(HeaderID) {
			t.Errorf("%v, id %q in the header and %q in the body", err, req.Header.Get(HeaderID), envelope.Data.ID)
		}
		r.records = append(r.records, envelope.Data)
		r.bodies = append(r.bodies, req.Header.Get("Content-Type")+" "+string(body))
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) received() []audit.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]audit.Record(nil), r.records...)
}

func newSink(t *testing.T, address string, opts ...Option) *Sink {
	t.Helper()
	s, err := New(address, append([]Option{Secret(oldSecret)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The example of the specification's reference implementation.
func TestKnownSignature(t *testing.T) {
	key, err := parseSecret(oldSecret)
	if err != nil {
		t.Fatal(err)
	}
	got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("signature %s", got)
	}
}

func TestSecretsAreReplaced(t *testing.T) {
	records := emittertest.Records("x", 1)
	for _, accepted := range []string{oldSecret, newSecret} {
		r := newReceiver(t, accepted)
		if err := newSink(t, r.URL, Secret(newSecret)).Emit(context.Background(), records); err != nil {
			t.Fatal(err)
		}
		if len(r.received()) != 1 {
			t.Error("not received")
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	v, err := NewVerifier(oldSecret)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := parseSecret(oldSecret)
	other, _ := parseSecret(newSecret)
	now := strconv.FormatInt(time.Now().Unix(), 10)
	old := strconv.FormatInt(time.Now().Add(-6*time.Minute).Unix(), 10)
	future := strconv.FormatInt(time.Now().Add(6*time.Minute).Unix(), 10)
	body := []byte("body")
	for name, c := range map[string]struct {
		id, timestamp, signature string
		want                     error
	}{
		"good":        {"1", now, "v2,xyz " + sign(key, "1", now, body), nil},
		"other key":   {"1", now, sign(other, "1", now, body), ErrSignature},
		"other id":    {"2", now, sign(key, "1", now, body), ErrSignature},
		"other body":  {"1", now, sign(key, "1", now, []byte("x")), ErrSignature},
		"no version":  {"1", now, strings.TrimPrefix(sign(key, "1", now, body), "v1,"), ErrSignature},
		"none":        {"1", now, "", ErrSignature},
		"no id":       {"", now, sign(key, "", now, body), ErrSignature},
		"too old":     {"1", old, sign(key, "1", old, body), ErrTimestamp},
		"future":      {"1", future, sign(key, "1", future, body), ErrTimestamp},
		"no number":   {"1", "x", sign(key, "1", "x", body), ErrTimestamp},
		"moved clock": {"1", now, sign(key, "1", old, body), ErrSignature},
	} {
		h := http.Header{}
		h.Set(HeaderID, c.id)
		h.Set(HeaderTimestamp, c.timestamp)
		h.Set(HeaderSignature, c.signature)
		if err := v.Verify(h, body); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestAnswers(t *testing.T) {
	r := newReceiver(t, oldSecret)
	s := newSink(t, r.URL)
	for status, permanent := range map[int]bool{
		301: true, 400: true, 401: true, 404: true, 410: true, 413: true, 422: true,
		408: false, 425: false, 429: false, 500: false, 502: false, 503: false,
	} {
		r.answer = func(w http.ResponseWriter) bool {
			w.Header().Set("Location", "https://example.test/elsewhere")
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			return false
		}
		err := s.Emit(context.Background(), emittertest.Records("x", 1))
		var after interface{ RetryAfter() time.Duration }
		if !errors.Is(err, ErrRefused) || relay.IsPermanent(err) != permanent || !errors.As(err, &after) || after.RetryAfter() != 7*time.Second ||
			!strings.Contains(err.Error(), strconv.Itoa(status)) {
			t.Errorf("%d: %v, permanent %v", status, err, relay.IsPermanent(err))
		}
	}
	if len(r.received()) != 0 {
		t.Error("a redirect was followed")
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "x": 0, "-5": 0, "120": 2 * time.Minute, "Mon, 23 Nov 2026 12:00:30 GMT": 30 * time.Second, "Mon, 23 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	address := strings.Replace(server.URL, "http://", "http://user:sesame@", 1) + "/hook?token=sesame"
	begun := time.Now()
	err := newSink(t, address, Timeout(50*time.Millisecond)).Emit(context.Background(), emittertest.Records("x", 1))
	if !errors.Is(err, ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) || relay.IsPermanent(err) || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	for _, address := range []string{"http://user:sesame@127.0.0.1:1/?token=sesame", "http://sesame.invalid:0/sesame"} {
		err := newSink(t, address).Emit(context.Background(), emittertest.Records("x", 1))
		if !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "token=") || strings.Contains(err.Error(), "user:") {
			t.Errorf("%v", err)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	for name, c := range map[string]struct {
		address string
		opts    []Option
		want    error
	}{
		"no scheme":    {"example.test", []Option{Secret(oldSecret)}, ErrInvalidOption},
		"other scheme": {"ftp://sesame.test", []Option{Secret(oldSecret)}, ErrInvalidOption},
		"no secret":    {"http://x.test", nil, ErrSecret},
		"short":        {"http://x.test", []Option{Secret("whsec_" + base64.StdEncoding.EncodeToString([]byte("sesame")))}, ErrSecret},
		"no prefix":    {"http://x.test", []Option{Secret(strings.TrimPrefix(oldSecret, "whsec_"))}, ErrSecret},
		"client":       {"http://x.test", []Option{Secret(oldSecret), WithClient(nil)}, ErrInvalidOption},
		"encoder":      {"http://x.test", []Option{Secret(oldSecret), WithEncoder(nil)}, ErrInvalidOption},
		"timeout":      {"http://x.test", []Option{Secret(oldSecret), Timeout(0)}, ErrInvalidOption},
		"header":       {"http://x.test", []Option{Secret(oldSecret), WithHeader("X", "a\r\nsesame: b")}, ErrInvalidOption},
	} {
		_, err := New(c.address, c.opts...)
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewVerifier(); !errors.Is(err, ErrSecret) {
		t.Errorf("a verifier without secrets: %v", err)
	}
}

func TestCloudEvents(t *testing.T) {
	r := newReceiver(t, oldSecret)
	s := newSink(t, r.URL, WithEncoder(cloudevents.Encoder()), WithHeader("Authorization", "Bearer x"), WithClient(http.DefaultClient))
	if err := s.Emit(context.Background(), emittertest.Records("x", 1)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(r.bodies[0], cloudevents.ContentType+` {"specversion":"1.0","id":"x-0000"`) {
		t.Errorf("sent %s", r.bodies[0])
	}
}
