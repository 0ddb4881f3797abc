package values

import (
	"strconv"
	"strings"
)

// number is a decimal number in canonical parts: digits without leading or
// trailing zeros, times ten to the power of exp. Two equal numbers have equal
// parts, however they were written, and no arithmetic grows with the exponent.
type number struct {
	negative bool
	digits   string
	exp      int64
}

// maxExponent bounds the zeros that String writes out.
const maxExponent = 400

// parseNumber reads an optional sign, digits with an optional point, and an
// optional exponent.
func parseNumber(s string) (number, bool) {
	var n number
	if s != "" && (s[0] == '-' || s[0] == '+') {
		n.negative = s[0] == '-'
		s = s[1:]
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exp, err := strconv.ParseInt(s[i+1:], 10, 32)
		if err != nil {
			return number{}, false
		}
		n.exp, s = exp, s[:i]
	}
	whole, fraction, point := strings.Cut(s, ".")
	if whole+fraction == "" || point && fraction == "" {
		return number{}, false
	}
	n.digits = whole + fraction
	for i := range len(n.digits) {
		if n.digits[i] < '0' || n.digits[i] > '9' {
			return number{}, false
		}
	}
	n.exp -= int64(len(fraction))
	n.digits = strings.TrimLeft(n.digits, "0")
	trimmed := strings.TrimRight(n.digits, "0")
	n.exp += int64(len(n.digits) - len(trimmed))
	n.digits = trimmed
	if n.digits == "" {
		return number{}, true // zero has no sign and no exponent
	}
	return n, true
}

// String writes n without an exponent unless that took very many zeros.
func (n number) String() string {
	if n.digits == "" {
		return "0"
	}
	var b strings.Builder
	if n.negative {
		b.WriteByte('-')
	}
	point := int64(len(n.digits)) + n.exp // digits before the point
	switch {
	case n.exp > maxExponent || n.exp < -maxExponent-int64(len(n.digits)):
		b.WriteString(n.digits)
		b.WriteByte('e')
		b.WriteString(strconv.FormatInt(n.exp, 10))
	case n.exp >= 0:
		b.WriteString(n.digits)
		b.WriteString(strings.Repeat("0", int(n.exp)))
	case point <= 0:
		b.WriteString("0.")
		b.WriteString(strings.Repeat("0", int(-point)))
		b.WriteString(n.digits)
	default:
		b.WriteString(n.digits[:point])
		b.WriteByte('.')
		b.WriteString(n.digits[point:])
	}
	return b.String()
}
