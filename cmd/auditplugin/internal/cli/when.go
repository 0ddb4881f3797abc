package cli

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

var ago = regexp.MustCompile(`^(\d+)\s*(s|m|h|d|w|mo|y)$`)

const whenHelp = "2026-10-01, \"2026-10-01 12:30\", RFC 3339, 7d (s, m, h, d, w, mo, y ago), today, yesterday or now"

// when reads a moment: a date, a time, or how long ago.
func (s *session) when(flag, text string) (time.Time, error) {
	now := s.app.Now().In(s.zone())
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch strings.ToLower(text) {
	case "now":
		return now, nil
	case "today":
		return midnight, nil
	case "yesterday":
		return midnight.AddDate(0, 0, -1), nil
	}
	if m := ago.FindStringSubmatch(text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return back(now, n, m[2]), nil
		}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly, "2006-01"} {
		if t, err := time.ParseInLocation(layout, text, s.zone()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("--%s %q is no time: write %s", flag, text, whenHelp)
}

func back(now time.Time, n int, unit string) time.Time {
	switch unit {
	case "d":
		return now.AddDate(0, 0, -n)
	case "w":
		return now.AddDate(0, 0, -7*n)
	case "mo":
		return now.AddDate(0, -n, 0)
	case "y":
		return now.AddDate(-n, 0, 0)
	}
	length := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	return now.Add(-time.Duration(n) * length)
}
