package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Severity says how much a message matters.
type Severity int

// The severities. Critical messages do not wait for the end of quiet hours.
const (
	Info Severity = iota
	Warning
	Critical
)

// String is the severity's name: info, warning or critical.
func (s Severity) String() string {
	if s < Info || s > Critical {
		return fmt.Sprintf("severity %d", int(s))
	}
	return severityNames()[s]
}

// MarshalText is the severity's name, so that JSON has "critical" and not a number. An
// unknown severity is an error.
func (s Severity) MarshalText() ([]byte, error) {
	if s < Info || s > Critical {
		return nil, fmt.Errorf("%w: unknown severity %d", ErrInvalidRule, int(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (s *Severity) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSeverity(string(text))
	return err
}

func severityNames() []string { return []string{"info", "warning", "critical"} }

// ParseSeverity returns the severity with the given name.
func ParseSeverity(name string) (Severity, error) {
	if i := slices.Index(severityNames(), name); i >= 0 {
		return Severity(i), nil
	}
	return Info, fmt.Errorf("%w: unknown severity %q; known are %s", ErrInvalidRule, name, strings.Join(severityNames(), ", "))
}

// Rule says which changes people are told about, and how. Make one with [When]; the
// methods return a changed copy, so a rule is safe for concurrent use. A rule must
// have a name and at least one channel. Its mistakes are reported by [New].
type Rule struct {
	name, title         string
	severity            Severity
	when                *condition
	channels            []string
	subject, text, link string
	digest, dedupe      time.Duration
	dedupeSet           bool
	throttle            int
	throttlePer         time.Duration
}

// When makes a rule that applies to records for which all of the conditions hold.
//
//	alert.When(alert.Model("user"), alert.Column("mfa_phone"), alert.Action(audit.Update)).
//		Named("mfa-phone-changed").To("support")
func When(conditions ...Condition) Rule { return Rule{when: All(conditions...).part()} }

// Named sets the rule's name, up to 100 characters. It must be unique and should
// stay the same: what was sent is kept under it.
func (r Rule) Named(name string) Rule {
	r.name = name
	return r
}

// Titled sets what people read at the top of messages. The default is made of the
// name: "mfa-phone-changed" becomes "MFA phone changed".
func (r Rule) Titled(title string) Rule {
	r.title = title
	return r
}

// Severity sets the severity; the default is Info.
func (r Rule) Severity(s Severity) Rule {
	r.severity = s
	return r
}

// To adds channels, by the names under which [New] has them. Each gets its own
// message, sent apart from the others'.
func (r Rule) To(channels ...string) Rule {
	r.channels = append(slices.Clone(r.channels), channels...)
	return r
}

// Subject sets the template (package text/template, over a [View]) of the subject.
// The default is "{{.Title}}: {{.Row}}".
func (r Rule) Subject(template string) Rule {
	r.subject = template
	return r
}

// Text sets the template (package text/template, over a [View]) of the message. The
// default is "{{.Sentence}}".
func (r Rule) Text(template string) Rule {
	r.text = template
	return r
}

// Link sets the template of the address that a message links to, such as
// "https://admin.example.com/{{.RecordType}}/{{.RecordID}}". Values are
// percent-encoded. What does not become an absolute http or https URL is left out.
func (r Rule) Link(template string) Rule {
	r.link = template
	return r
}

// Digest collects what matches within d after the first match and sends it as one
// message. The default, 0, sends each by itself.
func (r Rule) Digest(d time.Duration) Rule {
	r.digest = d
	return r
}

// Dedupe tells about the same row (or, in a rule with a count, the same group) once
// within d, by the time of the changes. The default is 0, off, and for a rule with
// a count the count's window.
func (r Rule) Dedupe(d time.Duration) Rule {
	r.dedupe, r.dedupeSet = d, true
	return r
}

// Throttle sends at most n messages per channel within per. What is above is held
// back until a message may be sent again, and then told in one message. It cannot
// be combined with Digest.
func (r Rule) Throttle(n int, per time.Duration) Rule {
	r.throttle, r.throttlePer = n, per
	return r
}

// Name returns the rule's name.
func (r Rule) Name() string { return r.name }

// Channels returns the names of the channels the rule sends to.
func (r Rule) Channels() []string { return slices.Clone(r.channels) }

// String describes the rule in one line.
func (r Rule) String() string {
	if r.when == nil {
		return r.name + ": never"
	}
	return r.name + ": " + r.when.text
}

// heading is the rule's title in words.
func (r Rule) heading() string {
	if r.title != "" {
		return r.title
	}
	return capital(words(r.name))
}

// silence is for how long the rule is silent about what it told.
func (r Rule) silence() time.Duration {
	if !r.dedupeSet {
		if c := r.countOf(); c != nil {
			return c.window
		}
	}
	return r.dedupe
}

// countOf returns the rule's count, if it has one.
func (r Rule) countOf() *Count {
	if r.when == nil {
		return nil
	}
	for _, c := range r.when.inner {
		if c.count != nil {
			return c.count
		}
	}
	return nil
}
