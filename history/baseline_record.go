package history

import (
	"slices"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// record is what all of a baseline's records have, from its context.
func (b *baseline) record(transaction string) audit.Record {
	r := eventOf(b.ctx)
	r.Table, r.TransactionID = b.t.bare, transaction
	if r.RecordType = b.t.recordType(); r.RecordType == "" {
		r.RecordType = b.t.bare
	}
	return r
}

// recorder is what a plugin may offer: what its records hold of a whole row, columns
// left out and values cut as its options say.
type recorder interface {
	RecordedRow(s *schema.Schema, table string, columns []string, row []any) (map[string]any, error)
}

// image is what a record holds of the row.
func (b *baseline) image(t *rowTable, raw []any) (map[string]any, error) {
	image, err := b.columns(t, raw)
	if err != nil {
		return nil, err
	}
	secretRow, p := t.secretRow(raw), pluginOf(t.db)
	for i, c := range t.columns {
		if _, recorded := image[c.name]; !recorded {
			continue
		}
		value := t.now(i, raw[i]).value
		switch {
		case secretRow && c.setting:
			image[c.name] = redact.Named(value)
		case !c.secret:
			image[c.name] = c.rule.Recordable(image[c.name])
		case p != nil && slices.Contains(t.key, i):
			if image[c.name], err = keyShown(p, t.schema, t.bare, c.name, value); err != nil {
				return nil, err
			}
		}
	}
	return image, nil
}

// columns are what a record holds of the row's columns, each by itself.
func (b *baseline) columns(t *rowTable, raw []any) (map[string]any, error) {
	var names []string
	var row []any
	for i, c := range t.columns {
		if !c.ignored && !slices.Contains(b.o.Without, c.name) {
			names, row = append(names, c.name), append(row, t.now(i, raw[i]).value)
		}
	}
	p := pluginOf(t.db)
	if r, ok := p.(recorder); ok {
		return r.RecordedRow(t.schema, t.bare, names, row)
	}
	image := make(map[string]any, len(names))
	for n, name := range names {
		var err error
		switch {
		case p != nil:
			image[name], err = p.Shown(t.schema, t.bare, name, row[n])
		default:
			if image[name] = t.plan.Column(t.bare, name, row[n]); isHash(image[name]) {
				image[name] = "***" // the plugin that has the key is not here
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return image, nil
}
