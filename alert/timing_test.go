package alert_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
)

// clock is a time that tests move.
type clock struct{ micros atomic.Int64 }

func newClock(t time.Time) *clock {
	c := &clock{}
	c.micros.Store(t.UnixMicro())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// tell emits a change of row id at the clock's time.
func tell(t *testing.T, s *scene, c *clock, name, row string) {
	t.Helper()
	r := record(name, audit.Update)
	r.RecordID, r.Time = row, c.now()
	if err := s.engine.Emit(t.Context(), []audit.Record{r}); err != nil {
		t.Fatal(err)
	}
}

func TestDigest(t *testing.T) {
	c := newClock(noon)
	s := newScene(t, []alert.Rule{mfaRule().Digest(time.Hour).Link("https://example.com/{{.RecordID}}")}, alert.WithClock(c.now))
	for i := range 25 {
		tell(t, s, c, fmt.Sprint("r", i), fmt.Sprint(100+i))
		c.advance(time.Minute)
	}
	s.run(0)
	c.advance(35 * time.Minute) // an hour after the first
	m := s.run(1)[0]
	if len(m.Records) != 25 || m.Records[0] != "r0" || m.Subject != "MFA phone changed: 25 changes" || !m.Time.Equal(noon) {
		t.Errorf("%+v", m)
	}
	if lines := strings.Split(m.Text, "\n"); len(lines) != 42 || !strings.Contains(lines[1], "of user 100:") || lines[2] != "  https://example.com/100" || lines[41] != "… and 5 more" {
		t.Errorf("%d lines: %s", len(lines), m.Text)
	}
	// What comes later is another message; one change alone needs no list.
	tell(t, s, c, "later", "7")
	c.advance(time.Hour)
	if m := s.run(2)[1]; m.Subject != "MFA phone changed: user 7" || m.Link != "https://example.com/7" {
		t.Errorf("%+v", m)
	}
}

func TestDedupe(t *testing.T) {
	c := newClock(noon)
	s := newScene(t, []alert.Rule{mfaRule().Dedupe(10 * time.Minute)}, alert.WithClock(c.now))
	tell(t, s, c, "r1", "7")
	tell(t, s, c, "r2", "8")
	c.advance(9 * time.Minute)
	tell(t, s, c, "r3", "7")
	s.run(2)
	c.advance(time.Minute)
	tell(t, s, c, "r4", "7")
	s.run(3)
}

func TestThrottle(t *testing.T) {
	c := newClock(noon)
	s := newScene(t, []alert.Rule{mfaRule().Throttle(2, time.Hour)}, alert.WithClock(c.now))
	for i := range 14 {
		tell(t, s, c, fmt.Sprint("r", i), fmt.Sprint(i))
		s.run(min(i+1, 2))
		c.advance(time.Minute)
	}
	c.advance(45 * time.Minute) // 59 minutes after the first
	s.run(2)
	c.advance(time.Minute)
	m := s.run(3)[2]
	if m.Subject != "MFA phone changed: and 12 more" || len(m.Records) != 12 || !strings.Contains(m.Text, "and 12 more that were held back:\n- ") {
		t.Errorf("%+v", m)
	}
	// Two messages in an hour: those of 12:01 and 13:00.
	tell(t, s, c, "next", "100")
	s.run(3)
	c.advance(time.Minute)
	s.run(4)
}

func TestQuietHours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone database")
	}
	c := newClock(time.Date(2026, 11, 23, 21, 30, 0, 0, time.UTC)) // 22:30 in Berlin
	night := alert.Between("22:00", "07:00").In(berlin)
	s := newScene(t, []alert.Rule{mfaRule(), mfaRule().Named("urgent").Severity(alert.Critical)}, alert.WithClock(c.now), alert.WithQuietHours(night, "inbox"))
	for i := range 3 {
		tell(t, s, c, fmt.Sprint("r", i), fmt.Sprint(i))
	}
	for _, m := range s.run(3) {
		if m.Rule != "urgent" {
			t.Errorf("%s was sent at night", m.Rule)
		}
	}
	c.advance(8*time.Hour + 29*time.Minute)
	s.run(3)
	c.advance(time.Minute)
	if m := s.run(4)[3]; m.Rule != "mfa-phone-changed" || len(m.Records) != 3 {
		t.Errorf("%+v", m)
	}
}

// Quiet hours without an end must not swallow messages.
func TestAlwaysQuiet(t *testing.T) {
	c := newClock(noon)
	s := newScene(t, []alert.Rule{mfaRule()}, alert.WithClock(c.now), alert.WithQuietHours(alert.Between("00:00", "24:00")))
	tell(t, s, c, "r", "7")
	s.run(1)
}

// A day of daylight saving time ends an hour earlier in UTC.
func TestHoursFollowDaylightSavingTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone database")
	}
	office := alert.During(alert.Between("09:00", "17:00").In(berlin).On(time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday))
	s := newScene(t, []alert.Rule{alert.When(office).Named("office").To("inbox")})
	for i, c := range []struct {
		at   string
		want bool
	}{
		{"2026-07-01T06:59:59Z", false},
		{"2026-07-01T07:00:00Z", true},
		{"2026-07-01T14:59:59Z", true},
		{"2026-07-01T15:00:00Z", false},
		{"2026-11-23T07:30:00Z", false},
		{"2026-11-23T08:00:00Z", true},
		{"2026-11-22T10:00:00Z", false}, // Sunday
	} {
		r := record(fmt.Sprint("r", i), audit.Update)
		if r.Time, err = time.Parse(time.RFC3339, c.at); err != nil {
			t.Fatal(err)
		}
		before := waiting(t, s.engine)
		if err := s.engine.Emit(t.Context(), []audit.Record{r}); err != nil {
			t.Fatal(err)
		}
		if got := waiting(t, s.engine) > before; got != c.want {
			t.Errorf("%s: the rule applies: %v", c.at, got)
		}
	}
}

// What was sent is kept for a while, what was not for good.
func TestKeep(t *testing.T) {
	c := newClock(noon)
	s := newScene(t, []alert.Rule{mfaRule()}, alert.WithClock(c.now), alert.WithKeep(24*time.Hour), alert.WithRetry(1, time.Second, time.Second), alert.WithLogger(discard()))
	tell(t, s, c, "sent", "7")
	s.run(1)
	s.inbox.fail = func(alert.Message) error { return errors.New("no") }
	tell(t, s, c, "dead", "7")
	s.run(1)
	rows := func() (ids []string) {
		if err := s.Table(alert.DefaultTable).Order("id").Pluck("record", &ids).Error; err != nil {
			t.Fatal(err)
		}
		return ids
	}
	for _, step := range []struct {
		d    time.Duration
		want string
	}{{24 * time.Hour, "[sent dead]"}, {time.Second, "[dead]"}, {1000 * time.Hour, "[dead]"}} {
		c.advance(step.d)
		s.run(1)
		if got := fmt.Sprint(rows()); got != step.want {
			t.Errorf("after %s: %s, want %s", step.d, got, step.want)
		}
	}
}

// Summer time begins at midnight in some zones: the day has no 00:00 then, and begins when
// clocks show 01:00. In others an hour of the night is missing, and once a whole day was.
func TestHoursThatClocksPassOver(t *testing.T) {
	for _, c := range []struct {
		zone, from, to string
		days           []time.Weekday
		in, out        []string // wall clock with the offset, which says which of two
	}{
		{"America/Santiago", "00:00", "08:00", []time.Weekday{time.Sunday}, // 2025-09-07 is a Sunday
			[]string{"2025-09-07T01:00:00-03:00", "2025-09-07T07:59:00-03:00"}, []string{"2025-09-06T23:59:00-04:00", "2025-09-06T23:00:00-04:00", "2025-09-07T08:00:00-03:00"}},
		{
			"America/Santiago", "22:00", "24:00",
			[]time.Weekday{time.Saturday},
			[]string{"2025-09-06T22:00:00-04:00", "2025-09-06T23:59:00-04:00"},
			[]string{"2025-09-07T01:00:00-03:00", "2025-09-07T22:30:00-03:00"},
		},
		{"Africa/Cairo", "00:00", "24:00", []time.Weekday{time.Friday}, // 2025-04-25
			[]string{"2025-04-25T01:00:00+03:00", "2025-04-25T23:59:00+03:00"}, []string{"2025-04-24T23:30:00+02:00", "2025-04-26T00:00:00+03:00"}},
		{"Asia/Beirut", "00:30", "06:00", nil, []string{"2025-03-30T01:00:00+03:00"}, []string{"2025-03-29T23:45:00+02:00"}},
		{"Europe/Berlin", "02:30", "05:00", nil, []string{"2025-03-30T03:00:00+02:00"}, []string{"2025-03-30T01:59:00+01:00"}},
		{"Pacific/Apia", "00:00", "24:00", []time.Weekday{time.Friday}, []string{"2011-12-23T12:00:00-10:00"}, []string{"2011-12-29T23:00:00-10:00", "2011-12-31T00:00:00+14:00"}},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Skip(err)
		}
		during := alert.During(alert.Between(c.from, c.to).In(zone).On(c.days...))
		for want, times := range map[bool][]string{true: c.in, false: c.out} {
			for _, at := range times {
				moment, err := time.Parse(time.RFC3339, at)
				if err != nil {
					t.Fatal(err)
				}
				if got := alert.Holds(during, audit.Record{Time: moment}); got != want {
					t.Errorf("%s %s–%s %v: %s is in it: %v", c.zone, c.from, c.to, c.days, at, got)
				}
			}
		}
	}
}
