package table

import (
	"context"
	"strings"
)

// warnSecretKey says once of a table that its rows are named by something that may not be
// seen, and what to do.
func (r *Registry) warnSecretKey(ctx context.Context, t *Table) {
	if r.Logger == nil || !t.Audited {
		return
	}
	var masked []string
	byName := false
	for _, k := range t.Key {
		if show := t.Show[k]; show.Pseudonym && !t.Plan.Hashed(show.Model) {
			masked = append(masked, t.Columns[k].Name)
			byName = byName || t.Plan.ByName(show.Model)
		}
	}
	hasKey := t.Plan.HasHashKey()
	if len(masked) == 0 || hasKey && !byName {
		return
	}
	if _, again := r.warned.LoadOrStore(r.Rules.key(t.Model.Table), struct{}{}); again {
		return
	}
	message := "the key of an audited table is kept secret: records name its rows by a keyed hash"
	remedy := `if it is no secret, tag its field audit:"show"`
	if !hasKey {
		message = "the key of an audited table is kept secret, and there is no hash key: records can not tell its rows apart"
		remedy = `give the plugin a key with auditplugin.WithHashKey; ` + remedy
	}
	r.Logger().WarnContext(ctx, message, "table", t.Model.Table, "key", strings.Join(masked, ", "), "remedy", remedy)
}
