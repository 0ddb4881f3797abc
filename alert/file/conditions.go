package file

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
)

// conditions reads what must all hold: a mapping, or a list of them.
func (r *reader) conditions(n node, what string) []alert.Condition {
	var all []alert.Condition
	if _, ok := n.value.(*ast.NullNode); ok || n.value == nil {
		n.say("%s: conditions are needed", what)
		return nil
	}
	for _, item := range n.items() {
		item.fields(what, r.conditionKeys(&all))
	}
	return all
}

func (r *reader) conditionKeys(all *[]alert.Condition) map[string]func(node) {
	add := func(c alert.Condition) { *all = append(*all, c) }
	words := func(key string, of func(...string) alert.Condition) func(node) {
		return func(n node) { add(of(n.texts(key)...)) }
	}
	flag := func(key string, of func() alert.Condition) func(node) {
		return func(n node) {
			if c := of(); n.boolean(key) {
				add(c)
			} else {
				add(alert.Not(c))
			}
		}
	}
	expression := func(key string, of func(string) alert.Condition) func(node) {
		return func(n node) { add(of(n.expression(key))) }
	}
	values := func(key string, of func(string, ...alert.Predicate) alert.Condition) func(node) {
		return func(n node) {
			for _, p := range n.pairs(key) {
				add(of(p.key, predicates(p.value, key+" "+p.key)...))
			}
		}
	}
	return map[string]func(node){
		"model": words("model", alert.Model), "table": words("table", alert.Table), "record_id": words("record_id", alert.RecordID),
		"actor_id": words("actor_id", alert.ActorID), "actor_type": words("actor_type", alert.ActorType),
		"application": words("application", alert.Application), "column": words("column", alert.Column),
		"action": func(n node) {
			var actions []audit.Action
			for _, item := range n.items() {
				a := audit.Action(item.text("action"))
				if err := alert.Check(nil, []alert.Rule{alert.When(alert.Action(a)).Named("x").To("x")}, nil); err != nil && a != "" {
					_, why, _ := strings.Cut(err.Error(), `"x": `)
					item.say("action: %s", why)
				}
				actions = append(actions, a)
			}
			add(alert.Action(actions...))
		},
		"outcome": func(n node) {
			var outcomes []audit.Outcome
			for _, item := range n.items() {
				o := audit.Outcome(item.text("outcome"))
				if o != audit.Success && o != audit.Failure && o != audit.Unknown {
					item.say("outcome: success, failure or unknown is needed")
				}
				outcomes = append(outcomes, o)
			}
			add(alert.Outcome(outcomes...))
		},
		"not_owner": flag("not_owner", alert.NotOwner), "no_actor": flag("no_actor", alert.NoActor), "no_reason": flag("no_reason", alert.NoReason),
		"reason_matches":  expression("reason_matches", alert.ReasonMatches),
		"message_matches": expression("message_matches", alert.MessageMatches),
		"value":           values("value", alert.Value), "metadata": values("metadata", alert.Metadata),
		"during": func(n node) {
			var spans []alert.Hours
			for _, item := range n.items() {
				h, _ := r.hours(item, "during", false)
				spans = append(spans, h)
			}
			add(alert.During(spans...))
		},
		"all": func(n node) { add(alert.All(r.list(n, "all")...)) },
		"any": func(n node) { add(alert.Any(r.list(n, "any")...)) },
		"not": func(n node) { add(alert.Not(alert.All(r.conditions(n, "not")...))) },
	}
}

// list reads alternatives, each of which is a mapping whose keys must all hold.
func (r *reader) list(n node, what string) []alert.Condition {
	var all []alert.Condition
	for _, item := range n.sequence(what) {
		all = append(all, alert.All(r.conditions(item, what)...))
	}
	return all
}

func (n node) expression(what string) string {
	s := n.text(what)
	if _, err := regexp.Compile(s); err != nil {
		n.say("%s: %v", what, err)
		return ""
	}
	return s
}

// predicates reads what is asked of a value: {becomes: admin}, or a value alone for
// what it is now.
func predicates(n node, what string) []alert.Predicate {
	var all []alert.Predicate
	add := func(p alert.Predicate) { all = append(all, p) }
	switch n.value.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
	default:
		return []alert.Predicate{alert.Is(n.anys(what)...)}
	}
	n.fields(what, map[string]func(node){
		"is":      func(n node) { add(alert.Is(n.anys("is")...)) },
		"was":     func(n node) { add(alert.Was(n.anys("was")...)) },
		"becomes": func(n node) { add(alert.Becomes(n.anys("becomes")...)) },
		"above":   func(n node) { add(alert.Above(n.number("above"))) },
		"below":   func(n node) { add(alert.Below(n.number("below"))) },
		"matches": func(n node) { add(alert.Matches(n.expression("matches"))) },
	})
	return all
}

// hours reads a span of time; with channels, for whom it is.
func (r *reader) hours(n node, what string, channels bool) (alert.Hours, []string) {
	var from, to string
	var days []time.Weekday
	var names []string
	zone := r.zone
	keys := map[string]func(node){
		"from": func(n node) { from = n.text("from") },
		"to":   func(n node) { to = n.text("to") },
		"days": func(n node) {
			for _, item := range n.items() {
				if day, err := weekday(item.text("days")); err != nil {
					item.say("days: %w", err)
				} else {
					days = append(days, day)
				}
			}
		},
		"time_zone": func(n node) {
			if z := n.zone("time_zone"); z != nil {
				zone = z
			}
		},
	}
	if channels {
		keys["channels"] = func(n node) { names = n.texts("channels") }
	}
	n.fields(what, keys)
	h := alert.Between(from, to).On(days...).In(zone)
	if err := alert.Check(nil, nil, nil, alert.WithQuietHours(h)); err != nil {
		_, why, _ := strings.Cut(err.Error(), "WithQuietHours: ")
		n.say("%s: %s", what, why)
	}
	return h, names
}

func weekday(name string) (time.Weekday, error) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if full := strings.ToLower(d.String()); len(name) >= 3 && (strings.EqualFold(name, full) || strings.EqualFold(name, full[:3])) {
			return d, nil
		}
	}
	return 0, fmt.Errorf("unknown day %q", name)
}
