package redact

import (
	"fmt"
	"strconv"
	"strings"
)

// op is what happens to a value, from the most open to the strictest.
type op uint8

const (
	opNone op = iota
	opShow
	opNamed // masked because of the name; what can not hold a secret is shown
	opTail
	opHash
	opMask
	opDrop
)

type rule struct {
	op   op
	tail int // characters shown by opTail
}

// protects reports whether the rule keeps a value from being shown as it is.
func (r rule) protects() bool { return r.op > opShow }

func stricter(a, b rule) rule {
	if a.op == opTail && b.op == opTail {
		return rule{opTail, min(a.tail, b.tail)}
	}
	if b.op > a.op {
		return b
	}
	return a
}

// maxTail bounds N in mask=N: a longer tail is no mask.
const maxTail = 64

func parseTag(tag string) (rule, error) {
	switch tag := strings.TrimSpace(tag); tag {
	case "":
		return rule{}, nil
	case "-":
		return rule{op: opDrop}, nil
	case "mask":
		return rule{op: opMask}, nil
	case "hash":
		return rule{op: opHash}, nil
	case "show":
		return rule{op: opShow}, nil
	default:
		digits, ok := strings.CutPrefix(tag, "mask=")
		if !ok || strings.HasPrefix(digits, "+") {
			break
		}
		if n, err := strconv.Atoi(digits); err == nil && n >= 1 && n <= maxTail {
			return rule{opTail, n}, nil
		}
	}
	return rule{}, fmt.Errorf("%w %q (known: -, mask, mask=1 to mask=%d, hash, show)", ErrUnknownTag, tag, maxTail)
}
