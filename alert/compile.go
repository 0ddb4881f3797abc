package alert

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gorm-audit/auditplugin/audit"
)

// nameBytes bounds names of rules and channels, which are part of a key.
const nameBytes = 100

// compiled is a rule that was found to be right.
type compiled struct {
	rule                Rule
	when                *condition
	count               *Count
	focus               []string
	narrow              []pushed
	subject, text, link *template.Template
}

// compile checks a rule. It reports all that is wrong with it.
func compile(r Rule, channels channelNames, models known, w wording) (*compiled, error) {
	c := &compiled{rule: r, when: r.when, count: r.countOf()}
	var errs []error
	say := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if err := checkName(r.name); err != nil {
		say("name: %w", err)
	}
	if r.severity < Info || r.severity > Critical {
		say("unknown severity %d", int(r.severity))
	}
	if len(r.channels) == 0 {
		say("no channel to send to")
	}
	for i, name := range r.channels {
		switch {
		case slices.Contains(r.channels[:i], name):
			say("channel %q twice", name)
		case !channels.has(name):
			errs = append(errs, channels.unknown(name))
		}
	}
	if r.when == nil {
		say("no conditions; use When")
	} else {
		errs = append(errs, c.conditions(models)...)
	}
	errs = append(errs, r.timing()...)
	var err error
	for _, t := range []struct {
		name, text, byDefault string
		into                  **template.Template
	}{
		{"subject", r.subject, "{{.Title}}: {{.Row}}", &c.subject},
		{"text", r.text, "{{.Sentence}}", &c.text},
		{"link", r.link, "", &c.link},
	} {
		if *t.into, err = template.New(t.name).Option("missingkey=zero").Parse(firstOf(t.text, t.byDefault)); err != nil {
			errs = append(errs, err)
		}
	}
	if r.when != nil {
		errs = append(errs, c.rehearse(w)...)
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("%w %q: %w", ErrInvalidRule, r.name, errors.Join(errs...))
	}
	return c, nil
}

// channelNames are the channels that rules may name; nil stands for all.
type channelNames map[string]Channel

func (n channelNames) has(name string) bool {
	_, ok := n[name]
	return ok || n == nil
}

func (n channelNames) unknown(name string) error {
	if len(n) == 0 {
		return fmt.Errorf("%w: %q; there are none", ErrUnknownChannel, name)
	}
	return fmt.Errorf("%w: %q; known are %s", ErrUnknownChannel, name, strings.Join(slices.Sorted(maps.Keys(n)), ", "))
}

func checkName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return errors.New("it is empty")
	case len(name) > nameBytes:
		return fmt.Errorf("it is longer than %d bytes", nameBytes)
	case name != strings.TrimSpace(name), !utf8.ValidString(name), strings.IndexFunc(name, unicode.IsControl) >= 0:
		return fmt.Errorf("%q has control characters, or spaces around it", name)
	}
	return nil
}

// conditions checks the conditions, and takes from them what is asked of every record.
func (c *compiled) conditions(models known) []error {
	var errs []error
	if len(c.when.inner) == 0 {
		errs = append(errs, errors.New("no conditions"))
	}
	counts := 0
	c.when.each(func(part *condition) {
		if part.err != nil && len(part.inner)+len(c.when.inner) > 0 {
			errs = append(errs, part.err)
		}
		if part.count != nil {
			counts++
			if !slices.Contains(c.when.inner, part) {
				errs = append(errs, errors.New("a count must stand beside the other conditions, not inside one"))
			}
		}
		c.focus = append(c.focus, part.focus...)
	})
	if counts > 1 {
		errs = append(errs, errors.New("more than one count"))
	}
	c.when.each(func(part *condition) {
		for _, p := range part.columns {
			if !slices.Contains(c.focus, p) {
				c.focus = append(c.focus, p)
			}
		}
	})
	c.narrow = c.when.narrowed()
	return append(errs, models.check(c.when)...)
}

func (r Rule) timing() []error {
	var errs []error
	const year = 366 * 24 * time.Hour
	for name, d := range map[string]time.Duration{"digest": r.digest, "dedupe": r.dedupe, "throttle": r.throttlePer} {
		if d != 0 && (d < time.Second || d > year) {
			errs = append(errs, fmt.Errorf("%s: %s is not between a second and a year", name, d))
		}
	}
	if r.throttle < 0 || (r.throttle == 0) != (r.throttlePer == 0) {
		errs = append(errs, errors.New("throttle: it needs a number of messages and a time, both positive"))
	}
	if r.throttle > 0 && r.digest > 0 {
		errs = append(errs, errors.New("throttle and digest cannot be combined"))
	}
	return errs
}

// rehearse runs the templates over records of several kinds, so that a field that
// does not exist is found before there is something to tell.
func (c *compiled) rehearse(w wording) []error {
	var errs []error
	for _, t := range []*template.Template{c.subject, c.text, c.link} {
		if t != nil { // it could be parsed
			errs = append(errs, c.try(t, w))
		}
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// try is what a template first fails with.
func (c *compiled) try(t *template.Template, w wording) error {
	for _, r := range samples(c.focus) {
		v := w.view(c, &r, 1)
		switch {
		case t != c.link:
			if _, err := execute(t, v); err != nil {
				return err
			}
		case c.rule.link != "":
			link, err := c.address(v)
			if err != nil {
				return err
			}
			if link == "" {
				return errors.New("link: it does not become an absolute http or https URL")
			}
		}
	}
	return nil
}

// samples are records of each kind that change the given paths.
func samples(paths []string) []audit.Record {
	before, after := map[string]any{}, map[string]any{}
	var changes []audit.Change
	for _, p := range append(slices.Clone(paths), "name") {
		before[p], after[p] = "old", "new"
		changes = append(changes, audit.Change{Path: p, From: "old", To: "new"})
	}
	base := audit.Record{
		ID: "01900000-0000-7000-8000-000000000000", Seq: 1, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Outcome: audit.Success, RecordType: "user", Table: "users", RecordID: "7", Reason: "ticket 1",
		Actor: audit.Actor{ID: "42", Type: "user", Name: "Ada"}, Message: "a message",
	}
	var out []audit.Record
	for _, a := range []audit.Action{audit.Update, audit.Create, audit.Delete, audit.Event} {
		r := base
		r.Action = a
		switch a {
		case audit.Update:
			r.Before, r.After, r.Changes = before, after, changes
		case audit.Create:
			r.After = after
		case audit.Delete:
			r.Before = before
		}
		out = append(out, r)
	}
	return out
}
