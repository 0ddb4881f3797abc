package history

import (
	"slices"

	"github.com/gorm-audit/auditplugin/internal/redact"
)

// findSettings finds out whether the table is one of settings, whose values are secret where
// the row's own name says so.
func (t *rowTable) findSettings() {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	naming, settings := redact.SettingColumns(names)
	t.naming = slices.Index(names, naming)
	for i, c := range t.columns {
		t.columns[i].setting = slices.Contains(settings, c.name) && t.plan.Undecided(c.name)
	}
}

// secretRow reports whether the row, as the driver gave it, is called like a secret.
func (t *rowTable) secretRow(rows ...[]any) bool {
	return t.naming >= 0 && slices.ContainsFunc(rows, func(raw []any) bool {
		return raw != nil && redact.SecretSetting(t.now(t.naming, raw[t.naming]).value)
	})
}
