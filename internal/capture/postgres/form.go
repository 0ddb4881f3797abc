package postgres

import (
	"encoding/hex"

	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// TextForm reads columns as text, the same way before and after, so that both images are
// comparable whatever the type.
type TextForm struct{ Qualified bool }

var _ statement.Form = TextForm{}

// Columns asks for each column's text; of bytes for their digits.
func (f TextForm) Columns(t *table.Table) []string {
	from := t.Bare
	if f.Qualified {
		from = t.Qualified
	}
	list := make([]string, len(from))
	for i, c := range from {
		switch t.Columns[i].DBType {
		case "BYTEA":
			list[i] = "encode(" + c + ",'hex')"
		case "BPCHAR":
			list[i] = "textin(bpcharout(" + c + "))" // a cast would take its padding
		default:
			list[i] = c + "::text"
		}
	}
	return list
}

// Row reads such texts. They are no parameters: the row has no raw values.
func (f TextForm) Row(t *table.Table, raw []any) table.Row {
	img := make(table.Image, len(t.Columns))
	for i, v := range raw {
		if text, ok := v.(string); ok {
			switch t.Columns[i].DBType {
			case "BYTEA":
				if b, err := hex.DecodeString(text); err == nil {
					v = b
				}
			case "BOOL":
				v = text == "true"
			}
		}
		img[i] = t.Rules[i].Normalise(v)
	}
	return table.Row{Image: img}
}
