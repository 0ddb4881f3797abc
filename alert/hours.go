package alert

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

// Hours is a daily span of wall-clock time in a time zone, such as a night, for
// [During] and [WithQuietHours]. Make one with [Between].
type Hours struct {
	from, to int // minutes since midnight; to may be 24:00
	days     []time.Weekday
	zone     *time.Location
	err      error
}

// Between is the time from one time of day until another, "22:00" until "07:00";
// the end is not part of it. If the end is not after the beginning, it is on the
// next day. "24:00" is midnight at the end of a day. The time zone is UTC unless
// [Hours.In] names another.
func Between(from, to string) Hours {
	h := Hours{zone: time.UTC}
	var err error
	if h.from, err = clock(from); err != nil {
		h.err = err
	}
	if h.to, err = clock(to); err != nil {
		h.err = err
	}
	if h.err == nil && (h.from == h.to || h.from == minutesPerDay) {
		h.err = fmt.Errorf("from %s to %s is no span of time; a whole day is from 00:00 to 24:00", from, to)
	}
	return h
}

// On restricts the span to those that begin on one of the days.
func (h Hours) On(days ...time.Weekday) Hours {
	h.days = append(slices.Clone(h.days), days...)
	for _, d := range days {
		if d < time.Sunday || d > time.Saturday {
			h.err = fmt.Errorf("there is no weekday %d", int(d))
		}
	}
	return h
}

// In sets the time zone, which follows daylight saving time: of a time that clocks pass over
// when summer time begins, the moment counts at which they do.
func (h Hours) In(zone *time.Location) Hours {
	if zone == nil {
		h.err = errors.New("the time zone is nil")
		return h
	}
	h.zone = zone
	return h
}

// String is the span in words.
func (h Hours) String() string {
	text := fmt.Sprintf("%02d:%02d–%02d:%02d", h.from/60, h.from%60, h.to/60, h.to%60)
	for _, d := range h.days {
		text += " " + d.String()[:3]
	}
	return text + " " + h.location().String()
}

func (h Hours) location() *time.Location {
	if h.zone == nil {
		return time.UTC
	}
	return h.zone
}

const minutesPerDay = 24 * 60

func clock(text string) (int, error) {
	hour, minute, ok := strings.Cut(text, ":")
	h, err1 := strconv.Atoi(hour)
	m, err2 := strconv.Atoi(minute)
	if !ok || err1 != nil || err2 != nil || len(hour) > 2 || len(minute) != 2 || h < 0 || m < 0 || m > 59 || h > 24 || h == 24 && m != 0 {
		return 0, fmt.Errorf("%q is no time of day such as 07:00", text)
	}
	return h*60 + m, nil
}

// span returns the beginning and end of the span that begins on t's day, moved by a
// number of days, and which day of the week that is.
func (h Hours) span(t time.Time, days int) (from, to time.Time, day time.Weekday) {
	y, m, d := t.In(h.location()).Date()
	at := func(day, minutes int) time.Time {
		return atClock(time.Date(y, m, day, 0, minutes, 0, 0, time.UTC), h.location())
	}
	last := d + days
	if h.to <= h.from {
		last++
	}
	return at(d+days, h.from), at(last, h.to), time.Date(y, m, d+days, 0, 0, 0, 0, time.UTC).Weekday()
}

// atClock is the moment at which clocks of a zone show what wall shows in UTC. A time that
// they pass over, as midnight where summer time begins at midnight, is the moment at which
// they do.
func atClock(wall time.Time, zone *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, zone)
	_, offset := t.Zone()
	shown := t.Add(time.Duration(offset) * time.Second)
	start, end := t.ZoneBounds()
	switch {
	case shown.Equal(wall):
		return t
	case shown.Before(wall):
		return end.In(zone)
	}
	return start.In(zone)
}

// end returns when the span that t is in ends.
func (h Hours) end(t time.Time) (time.Time, bool) {
	if h.err != nil || h.from == h.to {
		return time.Time{}, false
	}
	for days := -1; days <= 0; days++ {
		from, to, day := h.span(t, days)
		if len(h.days) > 0 && !slices.Contains(h.days, day) {
			continue
		}
		if !t.Before(from) && t.Before(to) {
			return to, true
		}
	}
	return time.Time{}, false
}

func (h Hours) contains(t time.Time) bool {
	_, in := h.end(t)
	return in
}

// During holds for changes made in one of the spans of time. For the time outside
// them use Not(During(…)).
func During(hours ...Hours) Condition {
	c := &condition{text: "during"}
	if len(hours) == 0 {
		c.err = errors.New("during: no hours")
	}
	for _, h := range hours {
		c.text += " " + h.String()
		c.err = errors.Join(c.err, h.check())
	}
	c.holds = func(r *audit.Record) bool {
		return slices.ContainsFunc(hours, func(h Hours) bool { return h.contains(r.Time) })
	}
	return c
}

func (h Hours) check() error {
	if h.err == nil && h.from == h.to {
		return errors.New("hours: use Between")
	}
	return h.err
}

// afterQuiet returns the first moment from t on that is in none of the spans. Spans
// that leave no such moment within a week give t: a message must arrive.
func afterQuiet(t time.Time, quiet []Hours) time.Time {
	limit := t.AddDate(0, 0, 8)
	for moment := t; moment.Before(limit); {
		next := moment
		for _, h := range quiet {
			if end, in := h.end(next); in {
				next = end
			}
		}
		if next.Equal(moment) {
			return moment
		}
		moment = next
	}
	return t
}
