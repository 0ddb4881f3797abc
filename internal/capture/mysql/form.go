package mysql

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// HexForm reads columns as hexadecimal digits of their text, which survives every
// character set; '~' is NULL.
type HexForm struct {
	// Zone is where the driver reads times, nil where they are text.
	Zone *time.Location
}

var _ statement.Form = HexForm{}

// ZoneProbe is a column that tells in which zone the driver reads times, if it does.
const ZoneProbe = "CAST('2000-01-01' AS DATETIME)"

// Columns asks for the digits.
func (f HexForm) Columns(t *table.Table) []string { return digits(t, t.Bare) }

// Sent asks, within an upsert, for the digits of what was sent.
func (f HexForm) Sent(t *table.Table) []string {
	list := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		// Within VALUES stands a name alone, whatever it takes to read the column.
		list[i] = dialect.FactsOf(dialect.MySQL).Read("VALUES("+dialect.Quote(dialect.MySQL, c.Name)+")", c.DBType)
	}
	return digits(t, list)
}

// digits asks for the digits of values of the table's columns.
func digits(t *table.Table, of []string) []string {
	list := make([]string, len(of))
	for i, c := range of {
		digits := "HEX(CONVERT(" + c + " USING utf8mb4))"
		switch kind := t.Columns[i].DBType; {
		case kind == "BIT":
			digits = "LPAD(HEX(" + c + "),16,'0')" // a number's digits, of which an odd count is no bytes
		case isBinary(kind):
			digits = "HEX(" + c + ")"
		}
		list[i] = "IFNULL(" + digits + ",'~')"
	}
	return list
}

// isBinary reports whether a type's values have no character set.
func isBinary(dbType string) bool {
	for _, end := range [...]string{"BLOB", "BINARY", "GEOMETRY", "POINT", "LINESTRING", "POLYGON", "GEOMETRYCOLLECTION", "VECTOR"} {
		if strings.HasSuffix(dbType, end) {
			return true
		}
	}
	return false
}

// Row reads the digits. Its raw values are bytes, and times where the driver has a zone.
func (f HexForm) Row(t *table.Table, raw []any) table.Row {
	r := table.Row{Image: make(table.Image, len(t.Columns)), Raw: make([]any, len(t.Columns))}
	for i, v := range raw {
		text := textOf(v)
		if text == "~" {
			continue
		}
		b, err := hex.DecodeString(text)
		if err != nil {
			b = []byte(text)
		}
		r.Raw[i] = b
		if at, ok := f.time(t.Columns[i].DBType, b); ok {
			r.Raw[i] = at
		}
		r.Image[i] = t.Rules[i].Normalise(r.Raw[i])
	}
	return r
}

func textOf(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	s, _ := v.(string)
	return s
}

// time reads a time as the driver would: in the zone its DSN names.
func (f HexForm) time(dbType string, text []byte) (time.Time, bool) {
	switch dbType {
	case "DATETIME", "TIMESTAMP":
	default:
		return time.Time{}, false
	}
	if f.Zone == nil || f.Zone == time.UTC {
		return time.Time{}, false
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", string(text), f.Zone)
	return at, err == nil
}
