package mysql

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// hexForm reads columns as hexadecimal digits of their text, which survives every
// character set; '~' is NULL.
type hexForm struct {
	// zone is where the driver reads times, nil where they are text.
	zone *time.Location
}

var _ statement.Form = hexForm{}

func hexFormOf(s *statement.Statement) hexForm {
	return hexForm{zone: neighbour.MySQLLocation(s.DB.Dialector)}
}

// Columns asks for the digits.
func (f hexForm) Columns(t *table.Table) []string {
	list := make([]string, len(t.Bare))
	for i, c := range t.Bare {
		if isBinary(t.Columns[i].DBType) {
			list[i] = "IFNULL(HEX(" + c + "),'~')"
		} else {
			list[i] = "IFNULL(HEX(CONVERT(" + c + " USING utf8mb4)),'~')"
		}
	}
	return list
}

func isBinary(dbType string) bool {
	return strings.HasSuffix(dbType, "BLOB") || strings.HasSuffix(dbType, "BINARY") || dbType == "BIT"
}

// Row reads the digits. Its raw values are bytes, and times where the driver has a zone.
func (f hexForm) Row(t *table.Table, raw []any) table.Row {
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
func (f hexForm) time(dbType string, text []byte) (time.Time, bool) {
	switch dbType {
	case "DATETIME", "TIMESTAMP":
	default:
		return time.Time{}, false
	}
	if f.zone == nil || f.zone == time.UTC {
		return time.Time{}, false
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", string(text), f.zone)
	return at, err == nil
}
