package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// The states of a row in the outbox.
const (
	statusPending   = "pending"
	statusSent      = "sent"
	statusDead      = "dead"
	statusDiscarded = "discarded"
	// statusSuppressed is in no table: only dry runs tell of what is not sent.
	statusSuppressed = "suppressed"
)

// The kinds of bundles: what begins their names.
const (
	bundleDigest    = "digest:"
	bundleThrottled = "more:"
	bundleQuiet     = "quiet:"
)

// row is one record told on one channel: a row of the outbox.
type row struct {
	id                     int64
	rule, channel, record  string
	severity               Severity
	dedupe, bundle         string
	title, subject         string
	text, link             string
	occurred, created, due time.Time
	status                 string
	attempts               int
	lastError              string
	messageID              string
}

// match is a record that a rule applies to.
type match struct {
	rule   *compiled
	record *audit.Record
	count  int
	texts  rendered
	// dedupe is what the match is about.
	dedupe string
}

func (m match) row(channel string, now time.Time) row {
	return row{
		rule: m.rule.rule.name, channel: channel, record: emitter.StoredText("id", m.record.ID), severity: m.rule.rule.severity,
		dedupe: m.dedupe, title: m.texts.title, subject: m.texts.subject, text: m.texts.text, link: m.texts.link,
		occurred: m.record.Time.UTC(), created: now,
	}
}

// about is the key of what a rule is silent about after it told: the row, or the
// group that was counted.
func about(c *compiled, r *audit.Record) string {
	parts := []string{c.rule.name}
	if c.count != nil {
		for _, p := range c.count.key(r) {
			parts = append(parts, p.column, p.values[0])
		}
	} else {
		parts = append(parts, r.Table, r.RecordID)
	}
	sum := sha256.New()
	for _, p := range parts {
		h := sha256.Sum256([]byte(p))
		sum.Write(h[:])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// past is what was told before, as far as it matters to what is told next.
type past interface {
	// told reports whether something was told about the key on the channel, by a
	// record whose time is less than d from at.
	told(ctx context.Context, channel, key string, at time.Time, d time.Duration) (bool, error)
	// open returns the bundle of the given kind that still waits at now, if there is one.
	open(ctx context.Context, rule, channel, kind string, now time.Time) (name string, due time.Time, ok bool, err error)
	// sending returns when messages of the rule on the channel were or are to be
	// sent, if that is after since: one time for each message.
	sending(ctx context.Context, rule, channel string, since time.Time) ([]time.Time, error)
}

// plan decides when and with what the row is sent, or that it is not.
func plan(ctx context.Context, rule Rule, m row, now time.Time, quiet []Hours, p past) (row, error) {
	m.status, m.due = statusPending, now
	if d := rule.silence(); d > 0 {
		known, err := p.told(ctx, m.channel, m.dedupe, m.occurred, d)
		if err != nil {
			return m, err
		}
		if known {
			m.status = statusSuppressed
			return m, nil
		}
	}
	join := func(kind string, due time.Time) error {
		name, open, ok, err := p.open(ctx, m.rule, m.channel, kind, now)
		if err != nil {
			return err
		}
		if !ok {
			name, open = kind+messageID(m), due
		}
		m.bundle, m.due = name, open
		return nil
	}
	if rule.severity == Critical {
		quiet = nil
	}
	switch {
	case rule.digest > 0:
		return m, join(bundleDigest, afterQuiet(now.Add(rule.digest), quiet))
	case rule.throttle > 0:
		times, err := p.sending(ctx, m.rule, m.channel, now.Add(-rule.throttlePer))
		if err != nil {
			return m, err
		}
		if len(times) >= rule.throttle {
			slices.SortFunc(times, time.Time.Compare)
			// The next may go when there are fewer than the limit in the window
			// before it.
			next := times[len(times)-rule.throttle].Add(rule.throttlePer)
			return m, join(bundleThrottled, afterQuiet(next, quiet))
		}
	}
	if due := afterQuiet(now, quiet); due.After(now) {
		return m, join(bundleQuiet, due)
	}
	return m, nil
}

// namespace makes the ids of messages; it is a random UUID.
func namespace() uuid.UUID {
	return uuid.UUID{0x8f, 0x1c, 0x5a, 0x0e, 0x7d, 0x43, 0x4c, 0x92, 0x9b, 0x6e, 0x21, 0xd4, 0xa7, 0x38, 0xc5, 0x60}
}

// messageID is the id of the message that begins with a row.
func messageID(r row) string {
	return uuid.NewSHA1(namespace(), []byte(strings.Join([]string{r.rule, r.channel, r.record}, "\x00"))).String()
}
