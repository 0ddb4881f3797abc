package values

import (
	"strconv"
	"strings"
	"time"
)

const (
	dateLayout = "2006-01-02"
	noDate     = "0000-00-00"
)

// canonicalTime drops the monotonic reading and the zone, not the instant.
func canonicalTime(t time.Time) time.Time { return t.Round(0).UTC() }

func (r Rule) toTime(v any) any {
	switch x := v.(type) {
	case time.Time:
		return canonicalTime(x)
	case int64:
		if r.are(looseColumns) {
			return unixTime(x)
		}
	}
	if s, ok := text(v); ok {
		if t, ok := parseTime(s); ok {
			return t
		}
	}
	return rest(v)
}

// unixTime reads a number in a DATETIME column as the SQLite driver does: in
// seconds, or, above 1e12, in milliseconds.
func unixTime(n int64) time.Time {
	if n > 1e12 || n < -1e12 {
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}

// toDate gives the day as text. SQLite keeps a clock in its DATE columns when one
// is given, which must not be lost.
func (r Rule) toDate(v any) any {
	t, isTime := v.(time.Time)
	if !isTime {
		if n, ok := v.(int64); ok && r.are(looseColumns) {
			t = unixTime(n)
		} else {
			s, ok := text(v)
			if !ok {
				return rest(v)
			}
			if len(s) == len(dateLayout) {
				return s
			}
			if t, ok = parseTime(s); !ok {
				return s
			}
		}
	}
	switch {
	case r.are(looseColumns):
		t = canonicalTime(t)
		if !t.Equal(t.Truncate(24 * time.Hour)) {
			return t
		}
	case r.are(zeroDates) && t.IsZero():
		return noDate
	}
	// In its own zone: drivers deliver a DATE as midnight of the zone they are
	// configured for.
	return t.Format(dateLayout)
}

// toClock gives a time of day as text without trailing zeros, which depend on the
// protocol: "10:00:00.500000+02" → "10:00:00.5+02".
func toClock(v any) any {
	if t, ok := v.(time.Time); ok {
		return t.Format("15:04:05.999999999")
	}
	s, ok := text(v)
	if !ok {
		return rest(v)
	}
	dot := strings.IndexByte(s, '.')
	if dot < 0 || strings.LastIndexByte(s, '.') != dot {
		return s // no fraction, or no time of day
	}
	end := dot + 1
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	fraction := strings.TrimRight(s[dot:end], "0")
	if fraction == "." {
		fraction = ""
	}
	return s[:dot] + fraction + s[end:]
}

// parseFarTime reads what Go writes of years that do not have four digits. The calendar
// repeats itself every 400 years.
func parseFarTime(s string) (time.Time, bool) {
	sign, rest := 1, s
	if strings.HasPrefix(s, "-") {
		sign, rest = -1, s[1:]
	}
	end := strings.IndexByte(rest, '-')
	if end < 4 || end > 6 || sign > 0 && end == 4 {
		return time.Time{}, false
	}
	year, err := strconv.Atoi(rest[:end])
	if err != nil || year < 0 {
		return time.Time{}, false
	}
	year *= sign
	near := (year%400 + 400) % 400
	t, ok := parseTime(strconv.Itoa(2000+near) + rest[end:])
	if !ok {
		return time.Time{}, false
	}
	// The zone may have moved it into the year before or after.
	return time.Date(t.Year()-2000-near+year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), true
}

// parseTime reads the forms in which SQLite, MySQL and PostgreSQL deliver times
// as text. A time without a zone is UTC. MySQL's zero date is the zero time, as
// its driver has it.
func parseTime(s string) (time.Time, bool) {
	if len(s) < len(dateLayout) || len(s) > 80 {
		return time.Time{}, false
	}
	if strings.HasPrefix(s, noDate) && strings.Trim(s, "0-:. ") == "" {
		return time.Time{}, true
	}
	if i := strings.Index(s, " m="); i > 0 {
		s = s[:i] // the monotonic reading that time.Time.String adds
	}
	if strings.Count(s, " ") == 3 {
		s = s[:strings.LastIndexByte(s, ' ')] // the zone's name, behind its offset
	}
	s = strings.TrimSuffix(s, "Z")
	if t, ok := parseFarTime(s); ok {
		return t, true
	}
	for _, layout := range [...]string{
		"2006-01-02 15:04:05-07:00",
		"2006-01-02T15:04:05-07:00",
		"2006-01-02 15:04:05",
		"2006-01-02T15:04:05",
		"2006-01-02 15:04:05-07",
		"2006-01-02 15:04:05-07:00:00",
		"2006-01-02 15:04:05 -0700",
		"2006-01-02 15:04",
		"2006-01-02T15:04",
		dateLayout,
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return canonicalTime(t), true
		}
	}
	return time.Time{}, false
}
