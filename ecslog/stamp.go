package ecslog

import "time"

// appendStamp appends t in UTC with microseconds and a fixed width, so that lines
// sort as text. t's year must lie in 0 to 9999.
func appendStamp(buf []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	micro := t.Nanosecond() / 1000
	return append(buf, '"',
		digit(year/1000), digit(year/100), digit(year/10), digit(year), '-',
		digit(int(month)/10), digit(int(month)), '-',
		digit(day/10), digit(day), 'T',
		digit(hour/10), digit(hour), ':',
		digit(minute/10), digit(minute), ':',
		digit(second/10), digit(second), '.',
		digit(micro/100000), digit(micro/10000), digit(micro/1000),
		digit(micro/100), digit(micro/10), digit(micro), 'Z', '"')
}

func digit(n int) byte { return byte('0' + n%10) }

// inRange reports whether t can be written by RFC 3339.
func inRange(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 0 && year <= 9999
}
