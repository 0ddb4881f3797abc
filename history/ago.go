package history

import (
	"fmt"
	"time"
)

// ago says how long something is past, or, for a negative duration, ahead, in its
// largest unit, rounded down.
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	ahead := d < 0
	if ahead {
		d = -d
	}
	if d < time.Second {
		return "just now"
	}
	units := []struct {
		name string
		long time.Duration
	}{
		{"year", 365 * day},
		{"month", 30 * day},
		{"week", 7 * day},
		{"day", day},
		{"hour", time.Hour},
		{"minute", time.Minute},
		{"second", time.Second},
	}
	text := ""
	for _, u := range units {
		if n := d / u.long; n > 0 {
			text = fmt.Sprintf("%d %s", n, u.name)
			if n > 1 {
				text += "s"
			}
			break
		}
	}
	if ahead {
		return "in " + text
	}
	return text + " ago"
}
