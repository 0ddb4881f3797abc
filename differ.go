package auditplugin

import (
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// whole is a row's columns, redacted.
func (p *Plugin) whole(t *target, img image) map[string]any {
	m := make(map[string]any, len(img))
	for i := range t.cols {
		if !t.show[i].hidden {
			m[t.cols[i].Name] = p.shown(t, i, img[i])
		}
	}
	return m
}

// seen is what may be seen of a column's value.
func (t *target) seen(i int, v any) any {
	if t.show[i].open && !isDocument(v) {
		return v
	}
	return t.plan.Column(t.table, t.cols[i].Name, v)
}

// shown is what a record may say of a column's value.
func (p *Plugin) shown(t *target, i int, v any) any {
	return values.Limit(t.seen(i, v), p.cfg.maxValue)
}

func isDocument(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// appendChanges appends the changes of one column by path.
func (p *Plugin) appendChanges(to []audit.Change, t *target, i int, before, after any) ([]audit.Change, error) {
	if !isDocument(before) && !isDocument(after) {
		// Nothing to compare by path: the values are known to differ.
		return append(to, audit.Change{Path: t.show[i].path, From: p.shown(t, i, before), To: p.shown(t, i, after)}), nil
	}
	found, err := t.plan.Changes(t.table, t.cols[i].Name, before, after)
	if err != nil {
		return to, err
	}
	for _, c := range found {
		to = append(to, audit.Change{
			Path: diffpath.Join(append([]string{t.cols[i].Name}, c.Path...)),
			From: values.Limit(c.From, p.cfg.maxValue),
			To:   values.Limit(c.To, p.cfg.maxValue),
		})
	}
	return to, nil
}
