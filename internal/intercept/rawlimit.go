package intercept

import (
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// limited are those of the tables that raw SQL writes to of which it may do what the options
// let be recorded. Where its text does not tell, it may do anything.
func (i *Interceptor) limited(query string, writes []*table.Model) []*table.Model {
	if !slices.ContainsFunc(writes, (*table.Model).Limits) {
		return writes
	}
	may := map[string][]audit.Action{}
	for _, parsed := range sqltext.Parse(i.Dialect.Name(), query) {
		for _, w := range parsed.Writes {
			name := i.Tables.Model(nil, i.Dialect.Fold(w.Name, w.Quoted)).Table
			may[name] = append(may[name], rawActions(parsed.Kind, strings.ToUpper(query))...)
		}
	}
	var kept []*table.Model
	for _, m := range writes {
		if m.Records(may[m.Table]...) {
			kept = append(kept, m)
		}
	}
	return kept
}

// rawActions are what can become of rows by a statement of a text in upper case.
func rawActions(kind sqltext.Kind, text string) []audit.Action {
	has := func(word string) bool { return strings.Contains(text, word) }
	switch {
	case has("WITH"): // may have others inside
	case kind == sqltext.Update:
		return statement.Update.Actions()
	case kind == sqltext.Delete, kind == sqltext.Truncate:
		return []audit.Action{audit.Delete}
	case kind == sqltext.Insert && !has("CONFLICT") && !has("DUPLICATE") && !has("REPLACE"):
		return []audit.Action{audit.Create}
	}
	return statement.Raw.Actions()
}
