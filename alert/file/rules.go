package file

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
)

func (r *reader) rule(n node, seen map[string]bool) {
	var name string
	var rule alert.Rule
	var conditions []alert.Condition
	var change []func(alert.Rule) alert.Rule
	set := func(f func(alert.Rule) alert.Rule) { change = append(change, f) }
	wrong := map[string]bool{} // keys that have mistakes already
	before := len(r.all)
	n.fields("rule", r.watched(wrong, map[string]func(node){
		"name": func(n node) { name = n.text("name") },
		"title": func(n node) {
			s := n.text("title")
			set(func(r alert.Rule) alert.Rule { return r.Titled(s) })
		},
		"severity": func(n node) {
			s, err := alert.ParseSeverity(n.text("severity"))
			if err != nil {
				n.say("severity: info, warning or critical is needed")
			}
			set(func(r alert.Rule) alert.Rule { return r.Severity(s) })
		},
		"when":  func(n node) { conditions = append(conditions, r.conditions(n, "when")...) },
		"count": func(n node) { conditions = append(conditions, r.count(n)) },
		"send": func(n node) {
			names := n.texts("send")
			set(func(r alert.Rule) alert.Rule { return r.To(names...) })
		},
		"subject": func(n node) {
			s := n.text("subject")
			set(func(r alert.Rule) alert.Rule { return r.Subject(s) })
		},
		"text": func(n node) {
			s := n.text("text")
			set(func(r alert.Rule) alert.Rule { return r.Text(s) })
		},
		"link": func(n node) {
			s := n.text("link")
			set(func(r alert.Rule) alert.Rule { return r.Link(s) })
		},
		"digest": func(n node) {
			d := n.duration("digest")
			set(func(r alert.Rule) alert.Rule { return r.Digest(d) })
		},
		"dedupe": func(n node) {
			d := n.duration("dedupe")
			set(func(r alert.Rule) alert.Rule { return r.Dedupe(d) })
		},
		"throttle": func(n node) {
			var most int
			var in time.Duration
			n.fields("throttle", map[string]func(node){
				"at_most": func(n node) { most = n.whole("at_most") },
				"in":      func(n node) { in = n.duration("in") },
			})
			set(func(r alert.Rule) alert.Rule { return r.Throttle(most, in) })
		},
	}))
	if len(wrong) == 0 && len(r.all) > before { // no key of it could be read
		return
	}
	rule = alert.When(conditions...).Named(name)
	for _, f := range change {
		rule = f(rule)
	}
	if err := alert.Check(r.db, []alert.Rule{rule}, r.channels, r.options...); err != nil {
		if err = others(err, wrong); err != nil {
			n.say("rule %q: %w", name, &oneLineError{err, fmt.Sprintf("%v %q: ", alert.ErrInvalidRule, name)})
		}
	}
	if seen[name] && name != "" {
		n.say("rule: the name %q is used twice", name)
	}
	seen[name] = true
	r.rules = append(r.rules, rule)
}

func (r *reader) count(n node) alert.Count {
	var most int
	var in time.Duration
	var by []alert.Group
	n.fields("count", map[string]func(node){
		"more_than": func(n node) { most = n.whole("more_than") },
		"in":        func(n node) { in = n.duration("in") },
		"by": func(n node) {
			for _, item := range n.items() {
				g, err := alert.ParseGroup(item.text("by"))
				if err != nil {
					item.say("by: actor, model, table, record, reason or ip is needed")
				}
				by = append(by, g)
			}
		},
	})
	return alert.MoreThan(most).In(in).By(by...)
}

// watched notes the keys whose functions find mistakes.
func (r *reader) watched(wrong map[string]bool, known map[string]func(node)) map[string]func(node) {
	for key, f := range known {
		known[key] = func(n node) {
			before := len(r.all)
			f(n)
			wrong[key] = len(r.all) > before
		}
	}
	return known
}

// others returns those of the engine's errors that do not follow from the mistakes that
// were found already.
func others(err error, wrong map[string]bool) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var found []error
		for _, e := range several.Unwrap() {
			if e.Error() != alert.ErrInvalidRule.Error() { // the sentinel itself, not what wraps it
				found = append(found, others(e, wrong))
			}
		}
		return errors.Join(found...)
	}
	for _, key := range saidOf(err) {
		if wrong[key] {
			return nil
		}
	}
	return err
}

// saidOf are the keys of a rule that an error of the engine may come from.
func saidOf(err error) []string {
	text := err.Error()
	switch {
	case errors.Is(err, alert.ErrUnknownModel), errors.Is(err, alert.ErrUnknownColumn):
		return nil
	case errors.Is(err, alert.ErrUnknownChannel) && !strings.Contains(text, `""`):
		return nil
	case errors.Is(err, alert.ErrUnknownChannel), strings.HasPrefix(text, "no channel"), strings.HasPrefix(text, "channel "):
		return []string{"send"}
	}
	for _, key := range []string{"name", "digest", "dedupe", "throttle", "link"} {
		if strings.HasPrefix(text, key) {
			return []string{key}
		}
	}
	for _, key := range []string{"subject", "text", "link"} {
		if strings.HasPrefix(text, "template: "+key+":") {
			return []string{key}
		}
	}
	return []string{"when", "count"}
}

// oneLineError says on one line what an error says, without what it begins with.
type oneLineError struct {
	error
	without string
}

func (o *oneLineError) Error() string {
	return strings.ReplaceAll(strings.ReplaceAll(o.error.Error(), o.without, ""), "\n", "; ")
}

// Unwrap returns the error as it was.
func (o *oneLineError) Unwrap() error { return o.error }
