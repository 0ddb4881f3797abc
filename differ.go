package auditplugin

import (
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// whole is a row's columns, redacted.
func (p *Plugin) whole(t *target, img image) map[string]any {
	m := make(map[string]any, len(img))
	for i, c := range t.cols {
		if !t.hidden(c.Name) {
			m[c.Name] = p.shown(t, c.Name, img[i])
		}
	}
	return m
}

// shown is what a record may say of a value.
func (p *Plugin) shown(t *target, column string, v any) any {
	return values.Limit(t.plan.Column(t.table, column, v), p.cfg.maxValue)
}

func (t *target) hidden(column string) bool { return t.ignored[column] || t.plan.Ignored(column) }

// changesOf lists the changes of one column by path.
func (p *Plugin) changesOf(t *target, column string, before, after any) ([]audit.Change, error) {
	found, err := t.plan.Changes(t.table, column, before, after)
	if err != nil {
		return nil, err
	}
	changes := make([]audit.Change, len(found))
	for i, c := range found {
		changes[i] = audit.Change{
			Path: diffpath.Join(append([]string{column}, c.Path...)),
			From: values.Limit(c.From, p.cfg.maxValue),
			To:   values.Limit(c.To, p.cfg.maxValue),
		}
	}
	return changes, nil
}
