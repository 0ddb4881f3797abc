package redact

import (
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// sealed is a protected value while documents are compared: it shows one thing
// and compares by another.
type sealed struct{ shown, original any }

// Same makes diffpath compare what is sealed.
func (s sealed) Same(other any) bool {
	if o, ok := other.(sealed); ok {
		return values.Equal(s.original, o.original)
	}
	return false
}

func unseal(v any) any {
	switch x := v.(type) {
	case sealed:
		return x.shown
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = unseal(e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = unseal(e)
		}
		return out
	}
	return v
}

// Changes compares two canonical values of a column by path and returns what may
// be seen of the changes. The inside of a protected value is one place: neither
// the number of changes in it nor the keys in it show. Keys that are not recorded
// give no change, so the result can be empty though the values differ.
func (p *Plan) Changes(table, column string, before, after any) ([]diffpath.Change, error) {
	w := walker{config: p.config, table: table, seal: true}
	m := p.member(column)
	if m.rule.op == opDrop {
		return nil, nil
	}
	frames := []string{column}
	changes, err := diffpath.Changes(w.apply(m, frames, before), w.apply(m, frames, after))
	if err != nil {
		return nil, err
	}
	for i := range changes {
		changes[i].From, changes[i].To = unseal(changes[i].From), unseal(changes[i].To)
	}
	return changes, nil
}
