package table

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// Actions are some of those that rows can have.
type Actions uint8

// rowActions are those that rows can have, each a bit of Actions.
var rowActions = [...]audit.Action{audit.Create, audit.Update, audit.Delete, audit.SoftDelete, audit.Restore}

const everyAction = Actions(1<<len(rowActions) - 1)

func bit(a audit.Action) Actions {
	return Actions(1<<(slices.Index(rowActions[:], a)+1)) >> 1
}

// ActionRule says which actions are recorded of models, or of all others when it names none.
type ActionRule struct {
	Actions []audit.Action
	Models  []any
}

// leftOut are the actions that the rule does not name.
func (a ActionRule) leftOut() (Actions, error) {
	left := everyAction
	for _, action := range a.Actions {
		switch {
		case action == audit.Raw:
			return 0, fmt.Errorf("%w: WithActions: raw SQL is recorded where it may do what is recorded; WithRawSQL leaves it out", fault.ErrInvalidOption)
		case action == audit.Event:
			return 0, fmt.Errorf("%w: WithActions: events are always recorded", fault.ErrInvalidOption)
		case bit(action) == 0:
			return 0, fmt.Errorf("%w: WithActions: unknown action %q (known: %s)", fault.ErrInvalidOption, action, actionNames(everyAction))
		}
		left &^= bit(action)
	}
	if left == everyAction {
		return 0, fmt.Errorf("%w: WithActions needs an action; WithoutModels records none", fault.ErrInvalidOption)
	}
	return left, nil
}

func actionNames(some Actions) string {
	var names []string
	for _, a := range rowActions {
		if some&bit(a) != 0 {
			names = append(names, string(a))
		}
	}
	return strings.Join(names, ", ")
}

// limitActions finds the tables that action rules are for.
func (r *Rules) limitActions(db *gorm.DB, rules []ActionRule) error {
	r.leftOut = map[string]Actions{}
	for _, rule := range rules {
		left, err := rule.leftOut()
		if err != nil {
			return err
		}
		if len(rule.Models) == 0 {
			if r.leftOutElse != 0 && r.leftOutElse != left {
				return fmt.Errorf("%w: WithActions is given twice for all models", fault.ErrInvalidOption)
			}
			r.leftOutElse = left
			continue
		}
		tables, err := r.tablesOf(db, "WithActions", rule.Models)
		if err != nil {
			return err
		}
		for name := range tables {
			if before, twice := r.leftOut[name]; twice && before != left {
				return fmt.Errorf("%w: WithActions: table %q is given two lists", fault.ErrInvalidOption, name)
			}
			if !r.Audits(name) {
				return fmt.Errorf("%w: table %q is in WithActions, and not audited by WithModels or WithoutModels", fault.ErrInvalidOption, name)
			}
			r.leftOut[name] = left
		}
	}
	return nil
}

// leavesOut are the actions that are not recorded of a table.
func (r *Rules) leavesOut(table string) Actions {
	if left, ok := r.leftOut[r.key(table)]; ok {
		return left
	}
	return r.leftOutElse
}

// LeavesOut is leavesOut by name.
func (r *Rules) LeavesOut(table string) (actions []audit.Action) {
	left := r.leavesOut(table)
	for _, a := range rowActions {
		if left&bit(a) != 0 {
			actions = append(actions, a)
		}
	}
	return actions
}

// Limited tells which actions are recorded, by table, where that are not all; "*" is every
// other table.
func (r *Rules) Limited() map[string]string {
	all := make(map[string]string, len(r.leftOut)+1)
	for name, left := range r.leftOut {
		all[name] = actionNames(everyAction &^ left)
	}
	if r.leftOutElse != 0 {
		all["*"] = actionNames(everyAction &^ r.leftOutElse)
	}
	return all
}

// Records reports whether one of the actions is recorded of the table's rows.
func (m *Model) Records(actions ...audit.Action) bool {
	return m.leftOut == 0 || slices.ContainsFunc(actions, func(a audit.Action) bool { return m.leftOut&bit(a) == 0 })
}

// Limits reports whether some actions are not recorded.
func (m *Model) Limits() bool { return m.leftOut != 0 }

// Action is what became of a row: its images before and after, one of which may be nil.
func (t *Table) Action(before, after Image) audit.Action {
	switch {
	case before == nil:
		return audit.Create
	case after == nil:
		return audit.Delete
	}
	for _, soft := range t.SoftDelete {
		i, ok := t.At(soft.Column)
		if !ok {
			continue
		}
		was, is := soft.Deleted(before[i]), soft.Deleted(after[i])
		switch {
		case !was && is:
			return audit.SoftDelete
		case was && !is:
			return audit.Restore
		}
	}
	return audit.Update
}
