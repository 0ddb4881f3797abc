package alert

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// Count is a condition on how many records match the rule's other conditions
// within a window of time. Make one with [MoreThan]; a rule can have one, beside
// its other conditions and not inside Any, All or Not.
//
//	alert.MoreThan(20).In(time.Minute).By(alert.ByActor)
//
// Counts are made from the audit table, so they are exact after a restart. A rule
// with a count tells once, and then is silent about the same group of records for
// the length of the window, or longer with [Rule.Dedupe].
type Count struct {
	limit  int
	window time.Duration
	by     []Group
}

// MoreThan holds if there are more than n records in the window. The window must be
// set with In.
func MoreThan(n int) Count { return Count{limit: n} }

// In sets the window. Any stretch of time of that length that contains the record
// counts, by the time at which the changes were made.
func (c Count) In(window time.Duration) Count {
	c.window = window
	return c
}

// By counts records of one group apart from those of others. Without it all
// records that match count together.
func (c Count) By(groups ...Group) Count {
	c.by = append(slices.Clone(c.by), groups...)
	return c
}

func (c Count) part() *condition {
	part := &condition{
		text:  fmt.Sprintf("more than %d in %s", c.limit, span(c.window)),
		holds: func(*audit.Record) bool { return true },
		count: &c,
	}
	for _, g := range c.by {
		part.text += " by " + g.String()
		if g.parts(&audit.Record{}) == nil {
			part.err = errors.Join(part.err, fmt.Errorf("count: unknown group %d", int(g)))
		}
	}
	if c.limit < 0 {
		part.err = errors.Join(part.err, errors.New("count: the number is negative"))
	}
	if c.window < time.Millisecond || c.window > 366*24*time.Hour {
		part.err = errors.Join(part.err, errors.New("count: the window (In) is not between a millisecond and a year"))
	}
	return part
}

// key is what the records of a group have in common.
func (c Count) key(r *audit.Record) []pushed {
	var key []pushed
	for _, g := range c.by {
		key = append(key, g.parts(r)...)
	}
	return key
}

// crowded returns how many of the times are in the fullest window of the given
// length. They are those within one length of a record, so a window that does not
// contain the record has no more than one that does.
func crowded(times []time.Time, window time.Duration) int {
	slices.SortFunc(times, time.Time.Compare)
	most, first := 0, 0
	for last, t := range times {
		for t.Sub(times[first]) >= window {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// Group is what records of one count have in common.
type Group int

const (
	// ByActor counts the records of each actor (id and type) apart.
	ByActor Group = iota
	// ByModel counts the records of each model apart.
	ByModel
	// ByTable counts the records of each table apart.
	ByTable
	// ByRecord counts the records of each row apart, within one table.
	ByRecord
	// ByReason counts records that give the same reason apart.
	ByReason
	// ByIP counts the records of each client address apart.
	ByIP
)

// String is the group's name, as rule files spell it.
func (g Group) String() string {
	if int(g) >= 0 && int(g) < len(groupNames()) {
		return groupNames()[g]
	}
	return "group " + strconv.Itoa(int(g))
}

func groupNames() []string { return []string{"actor", "model", "table", "record", "reason", "ip"} }

// ParseGroup returns the group with the given name: actor, model, table, record,
// reason or ip.
func ParseGroup(name string) (Group, error) {
	if i := slices.Index(groupNames(), name); i >= 0 {
		return Group(i), nil
	}
	return 0, fmt.Errorf("%w: unknown group %q; known are %s", ErrInvalidRule, name, strings.Join(groupNames(), ", "))
}

// parts returns the columns of the audit table that make the group, with what a
// record has in them.
func (g Group) parts(r *audit.Record) []pushed {
	one := func(column, value string) pushed {
		return pushed{column, []string{emitter.StoredText(column, value)}}
	}
	switch g {
	case ByActor:
		return []pushed{one("actor_id", r.Actor.ID), one("actor_type", r.Actor.Type)}
	case ByModel:
		return []pushed{one("record_type", r.RecordType)}
	case ByTable:
		return []pushed{one("table_name", r.Table)}
	case ByRecord:
		return []pushed{one("table_name", r.Table), one("record_id", r.RecordID)}
	case ByReason:
		return []pushed{one("reason", r.Reason)}
	case ByIP:
		return []pushed{one("ip", r.IP)}
	}
	return nil
}

// span is a duration in words.
func span(d time.Duration) string {
	for _, unit := range []struct {
		d         time.Duration
		one, many string
	}{{24 * time.Hour, "a day", "days"}, {time.Hour, "an hour", "hours"}, {time.Minute, "a minute", "minutes"}, {time.Second, "a second", "seconds"}} {
		if d >= unit.d && d%unit.d == 0 {
			if d == unit.d {
				return unit.one
			}
			return fmt.Sprintf("%d %s", d/unit.d, unit.many)
		}
	}
	return d.String()
}
