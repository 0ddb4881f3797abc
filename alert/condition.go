package alert

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// Condition is what a record must be for a rule to apply to it. The functions of
// this package make conditions; [All], [Any] and [Not] combine them. A condition
// does not change and is safe for concurrent use. Mistakes in its arguments are
// reported when a rule that has it is given to [New].
type Condition interface {
	// part returns what the condition is made of.
	part() *condition
}

// condition is the one implementation of Condition.
type condition struct {
	text  string
	err   error
	holds func(r *audit.Record) bool
	// columns are the paths it speaks of, and models and tables the names, so that
	// misspelt ones are found.
	columns, models, tables []string
	// focus are the paths whose change makes it hold: what a message tells first.
	focus []string
	// pushed is what every record it holds for has in one column of the audit table.
	pushed []pushed
	// inner are the conditions it combines; together says that all of them hold
	// whenever it does.
	inner    []*condition
	together bool
	count    *Count
}

// pushed says that a column of the audit table holds one of the values.
type pushed struct {
	column string
	values []string
}

func (c *condition) part() *condition { return c }

// anyOf makes a condition on one text of a record.
func anyOf(what, column string, values []string, get func(r *audit.Record) string) *condition {
	c := &condition{text: what + " " + strings.Join(values, " or ")}
	if len(values) == 0 || slices.Contains(values, "") {
		c.err = fmt.Errorf("%s: an empty name", what)
	}
	stored := make([]string, len(values))
	for i, v := range values {
		stored[i] = emitter.StoredText(column, v)
	}
	c.holds = func(r *audit.Record) bool { return slices.Contains(stored, emitter.StoredText(column, get(r))) }
	c.pushed = []pushed{{column, stored}}
	return c
}

// Model holds for records of one of the named models: the record type, such as
// "user".
func Model(names ...string) Condition {
	c := anyOf("model", "record_type", names, func(r *audit.Record) string { return r.RecordType })
	c.models = names
	return c
}

// Table holds for records of one of the named tables.
func Table(names ...string) Condition {
	c := anyOf("table", "table_name", names, func(r *audit.Record) string { return r.Table })
	c.tables = names
	return c
}

// RecordID holds for the rows with one of the given keys, written as in the audit
// table.
func RecordID(ids ...string) Condition {
	return anyOf("record id", "record_id", ids, func(r *audit.Record) string { return r.RecordID })
}

// Action holds for records with one of the given actions.
func Action(actions ...audit.Action) Condition {
	names := make([]string, len(actions))
	var unknown error
	for i, a := range actions {
		names[i] = string(a)
		if !slices.Contains(knownActions(), a) {
			unknown = errors.Join(unknown, fmt.Errorf("unknown action %q; known are %s", a, actionNames()))
		}
	}
	c := anyOf("action", "action", names, func(r *audit.Record) string { return string(r.Action) })
	c.err = errors.Join(c.err, unknown)
	return c
}

func knownActions() []audit.Action {
	return []audit.Action{audit.Create, audit.Update, audit.Delete, audit.SoftDelete, audit.Restore, audit.Raw, audit.Event}
}

func actionNames() string {
	var b strings.Builder
	for i, a := range knownActions() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(a))
	}
	return b.String()
}

// Outcome holds for records with one of the given outcomes; refused writes and the
// like have audit.Failure.
func Outcome(outcomes ...audit.Outcome) Condition {
	names := make([]string, len(outcomes))
	for i, o := range outcomes {
		names[i] = string(o)
	}
	return anyOf("outcome", "outcome", names, func(r *audit.Record) string { return string(r.Outcome) })
}

// ActorID holds for changes by one of the actors with the given ids.
func ActorID(ids ...string) Condition {
	return anyOf("actor", "actor_id", ids, func(r *audit.Record) string { return r.Actor.ID })
}

// ActorType holds for changes by actors of one of the given types.
func ActorType(types ...string) Condition {
	return anyOf("actor type", "actor_type", types, func(r *audit.Record) string { return r.Actor.Type })
}

// Application holds for changes made by one of the named applications.
func Application(names ...string) Condition {
	return anyOf("application", "application", names, func(r *audit.Record) string { return r.Application })
}

// NotOwner holds for changes whose actor is somebody else than the row: the
// actor's id is not the row's key. Changes by nobody named hold too.
func NotOwner() Condition {
	return &condition{text: "not the owner", holds: func(r *audit.Record) bool {
		return r.Actor.ID == "" || r.Actor.ID != r.RecordID
	}}
}

// NoActor holds for changes that name nobody.
func NoActor() Condition {
	return &condition{text: "no actor", holds: func(r *audit.Record) bool { return r.Actor.IsNobody() }}
}

// NoReason holds for changes without a reason.
func NoReason() Condition {
	return &condition{text: "no reason", holds: func(r *audit.Record) bool { return strings.TrimSpace(r.Reason) == "" }}
}

// ReasonMatches holds for changes whose reason matches the regular expression
// (package regexp; unanchored).
func ReasonMatches(expression string) Condition {
	return matching("reason", expression, func(r *audit.Record) string { return r.Reason })
}

// MessageMatches holds for records whose message matches the regular expression
// (package regexp; unanchored). Events and raw SQL say what happened there.
func MessageMatches(expression string) Condition {
	return matching("message", expression, func(r *audit.Record) string { return r.Message })
}

func matching(what, expression string, get func(*audit.Record) string) *condition {
	c := &condition{text: what + " matches " + expression}
	re, err := regexp.Compile(expression)
	if err != nil {
		c.err = fmt.Errorf("%s: %w", what, err)
		return c
	}
	c.holds = func(r *audit.Record) bool { return re.MatchString(get(r)) }
	return c
}

// Column holds for records that change one of the columns. "address.city" is a
// place inside a JSON column. A create or delete changes the columns that are not
// null.
func Column(paths ...string) Condition {
	c := &condition{text: "column " + strings.Join(paths, " or "), columns: paths, focus: paths}
	if len(paths) == 0 || slices.Contains(paths, "") {
		c.err = errors.New("column: an empty name")
	}
	c.holds = func(r *audit.Record) bool {
		return slices.ContainsFunc(paths, func(p string) bool { return find(r, p).changed })
	}
	return c
}

// All holds if every one of the conditions does. [When] means the same.
func All(conditions ...Condition) Condition {
	c := combine("all of", conditions)
	c.together = true
	c.holds = func(r *audit.Record) bool {
		for _, inner := range c.inner {
			if !inner.holds(r) {
				return false
			}
		}
		return true
	}
	return c
}

// Any holds if at least one of the conditions does.
func Any(conditions ...Condition) Condition {
	c := combine("any of", conditions)
	c.holds = func(r *audit.Record) bool {
		return slices.ContainsFunc(c.inner, func(inner *condition) bool { return inner.holds(r) })
	}
	return c
}

// Not holds if the condition does not.
func Not(inner Condition) Condition {
	c := combine("not", []Condition{inner})
	c.holds = func(r *audit.Record) bool { return !c.inner[0].holds(r) }
	return c
}

func combine(word string, conditions []Condition) *condition {
	c := &condition{}
	if len(conditions) == 0 {
		c.err = errors.New(word + ": no conditions")
	}
	parts := make([]string, 0, len(conditions))
	for _, other := range conditions {
		var inner *condition
		if other != nil {
			inner = other.part()
		}
		if inner == nil {
			inner = &condition{text: "nothing", err: errors.New(word + ": a condition is nil")}
		}
		c.inner = append(c.inner, inner)
		parts = append(parts, inner.text)
	}
	c.text = word + " (" + strings.Join(parts, ", ") + ")"
	return c
}

// each calls f for c and every condition inside it.
func (c *condition) each(f func(*condition)) {
	f(c)
	for _, inner := range c.inner {
		inner.each(f)
	}
}

// narrowed returns what every record that c holds for has.
func (c *condition) narrowed() []pushed {
	all := slices.Clone(c.pushed)
	if c.together {
		for _, inner := range c.inner {
			all = append(all, inner.narrowed()...)
		}
	}
	return all
}

// named returns the models and tables of which every record is that c holds for:
// those whose columns its paths must be.
func (c *condition) named() (models, tables []string) {
	models, tables = c.models, c.tables
	if c.together {
		for _, inner := range c.inner {
			m, t := inner.named()
			models, tables = append(slices.Clone(models), m...), append(slices.Clone(tables), t...)
		}
	}
	return models, tables
}
