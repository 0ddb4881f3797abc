package auditlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/test/ecsspec"
)

// hidden is put where only a tag or a name says that it is secret.
const hidden = "KwYtZqVjXb"

type vault struct {
	Label    string         `json:"label"`
	Code     string         `json:"code" audit:"mask"`
	Card     string         `json:"card" audit:"hash"`
	Internal string         `json:"internal" audit:"-"`
	Password string         `json:"password"`
	Extra    any            `json:"extra"`
	More     map[string]any `json:"more,omitempty"`
	Inner    *vault         `json:"inner"`
}

func full(label string, extra any) vault {
	return vault{
		Label: label, Code: hidden, Card: hidden, Internal: hidden, Password: hidden, Extra: extra,
		More: map[string]any{"api_key": hidden, label: extra}, Inner: &vault{Code: hidden, Card: hidden + label, Password: hidden},
	}
}

// FuzzEntry lets the input choose the texts, the keys, the values, how they nest
// and which method writes them.
func FuzzEntry(f *testing.F) {
	f.Add("password", "a.b", "labels", "x\n", uint64(0x123456789abcdef), int64(0))
	f.Add("changes", "changes.before", "event.id", "\xff", uint64(0xfedcba9876543210), int64(-1))
	f.Add("log.logger", "user.id", "", "\x00{", uint64(0x5555555555555555), int64(math.MaxInt64))
	f.Add("more", "extra", "inner", "code", uint64(0x777), int64(5))
	f.Add("event.outcome", "changes.record_id", "event.reason", "failure", uint64(0xabcdef123), int64(7))
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 { // also without -fuzz, every method meets every kind of value
		f.Add("one", "two", "three", "text", rnd.Uint64(), rnd.Int64())
	}
	spec := ecsspec.Load(f)
	f.Fuzz(func(t *testing.T, k1, k2, k3, text string, shape uint64, n int64) {
		if strings.Contains(k1+"\n"+k2+"\n"+k3+"\n"+text, hidden) {
			t.Skip("the input itself tells it")
		}
		keys := []string{k1, k2, k3, text}
		pick := func(m uint64) uint64 {
			v := shape % m
			shape = shape/m + shape<<59
			return v
		}
		key := func() string { return keys[pick(4)] }
		var value func(depth int) any
		value = func(depth int) any {
			if depth > 3 {
				return n
			}
			switch pick(16) {
			case 0:
				return text
			case 1:
				return math.Float64frombits(uint64(n))
			case 2:
				return full(text, n)
			case 3:
				v := full(k1, value(depth+1))
				return &v
			case 4:
				return map[string]any{key(): value(depth + 1), "password": hidden, "v": full(k2, nil)}
			case 5:
				return []any{value(depth + 1), map[string]any{"access_token": []string{hidden}}}
			case 6:
				return json.RawMessage(text)
			case 7:
				return errors.New(text)
			case 8:
				return time.Unix(n, 0)
			case 9:
				return &slog.Source{File: text, Line: int(n), Function: k1}
			case 10:
				return []vault{full(text, text)}
			case 11:
				return map[string]string{k1: k2, "passwd": hidden}
			case 12:
				return slog.GroupValue(slog.Any(key(), value(depth+1)), slog.String("secret", hidden), slog.Any("v", full(k3, nil)))
			case 13:
				return []byte(text)
			case 14:
				return struct{ A, B any }{value(depth + 1), full(text, nil)}
			}
			return nil
		}
		attr := func() slog.Attr { return slog.Any(key(), value(0)) }
		image := func() any {
			if pick(2) == 0 {
				return full(text, value(0))
			}
			return map[string]any{
				k1: value(0), k2: n, "label": text, "code": "x" + hidden, "card": "x" + hidden, "internal": "x" + hidden, "password": "x" + hidden,
				"inner": map[string]any{"code": "x" + hidden, "card": "x" + hidden, "password": "x" + hidden}, "extra": full(text, nil),
			}
		}

		var out bytes.Buffer
		var records []audit.Record
		l, err := auditlog.New(slog.New(slog.DiscardHandler), auditlog.WithApplication("a"+text), auditlog.WithWriter(&out),
			auditlog.WithHashKey(hashKey), auditlog.WithEmitter(keep(&records)), auditlog.WithService(k1, k2, k3))
		if err != nil {
			t.Fatal(err)
		}
		ctx := audit.WithActor(context.Background(), audit.Actor{ID: k1, Type: k2, Name: text})
		ctx = audit.WithRequest(ctx, audit.Request{ID: k3, IP: text, UserAgent: text})
		ctx = audit.WithMetadata(ctx, map[string]any{k1: value(0), "password": hidden})
		ctx = audit.WithTrace(audit.WithReason(ctx, text), k1, k2)
		a := l.Audit
		for range pick(3) {
			if pick(2) == 0 {
				a = a.WithGroup(key())
			} else {
				a = a.With(attr())
			}
		}
		switch pick(4) {
		case 0:
			a.WarnContext(ctx, text, attr(), attr(), "token", hidden)
		case 1:
			err = a.RecordCreated(ctx, text, k1, full(text, value(0)), attr())
		case 2:
			// Only a struct on one side tells that code, card and internal are secret.
			err = a.RecordUpdated(ctx, text, k1, image(), full(text, value(0)), attr())
		case 3:
			err = a.RecordDeleted(ctx, text, k1, full(k3, value(0)), attr(), attr())
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := spec.Check(out.Bytes()); err != nil {
			t.Fatalf("%v\n%q", err, out.Bytes())
		}
		if strings.Contains(out.String(), hidden) {
			t.Fatalf("the line tells what is hidden: %s", out.Bytes())
		}
		if len(records) != 1 {
			t.Fatalf("%d records", len(records))
		}
		tells(t, records[0])
	})
}

// tells fails the test if a record holds what is hidden.
func tells(t *testing.T, r audit.Record) {
	t.Helper()
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case string:
			if strings.Contains(v, hidden) {
				t.Fatalf("the record tells what is hidden: %+v", r)
			}
		case []byte:
			look(string(v))
		case json.Number:
			look(string(v))
		case []any:
			for _, e := range v {
				look(e)
			}
		case map[string]any:
			for k, e := range v {
				look(k)
				look(e)
			}
		case nil, bool, int64, uint64, float64, time.Time, time.Duration:
		default:
			t.Fatalf("the record holds a %T: %+v", v, r)
		}
	}
	look(r.Before)
	look(r.After)
	look(r.Metadata)
	for _, c := range r.Changes {
		look(c.Path)
		look(c.From)
		look(c.To)
	}
	for _, s := range append([]string{r.Message, r.RecordID, r.RecordType, r.Reason}, r.Changed...) {
		look(s)
	}
}
