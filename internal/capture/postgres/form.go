package postgres

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// TextForm reads columns as text, the same way before and after. Types whose text the
// session's settings change (DateStyle, TimeZone, extra_float_digits, bytea_output) are read
// as the digits of their binary form.
type TextForm struct {
	Qualified bool
	// Zone is where the driver reads times without a zone; nil is UTC.
	Zone *time.Location
}

var _ statement.Form = TextForm{}

// sent are the functions that give a type's binary form.
var sent = map[string]string{
	"FLOAT4": "float4send", "FLOAT8": "float8send", "DATE": "date_send", "TIMESTAMP": "timestamp_send", "TIMESTAMPTZ": "timestamptz_send",
}

// ZoneProbe is a column that tells in which zone the driver reads times.
const ZoneProbe = "timestamp '2000-01-01 00:00:00'"

// Columns asks for each column's text or digits.
func (f TextForm) Columns(t *table.Table) []string {
	from := t.Bare
	if f.Qualified {
		from = t.Qualified
	}
	list := make([]string, len(from))
	for i, c := range from {
		kind := t.Columns[i].DBType
		switch send := sent[kind]; {
		case send != "":
			list[i] = "encode(" + send + "(" + c + "),'hex')"
		case kind == "BYTEA":
			list[i] = "encode(" + c + ",'hex')"
		case kind == "INET":
			list[i] = "textin(inet_out(" + c + "))" // a cast would add "/32"
		case kind == "BPCHAR":
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
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		if text, ok := v.(string); ok {
			v = f.value(t.Columns[i].DBType, text)
		}
		img[i] = t.Rules[i].Normalise(v)
	}
	return table.Row{Image: img}
}

// value is what the driver would have made of it. The binary forms are those of the
// server's send functions: numbers in network order, times in microseconds and days since
// 2000-01-01.
func (f TextForm) value(kind, text string) any {
	if kind == "BOOL" {
		return text == "true"
	}
	if kind != "BYTEA" && sent[kind] == "" {
		return text
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return text
	}
	switch {
	case kind == "FLOAT4" && len(b) == 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case kind == "FLOAT8" && len(b) == 8:
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	case kind == "DATE" && len(b) == 4:
		days := int32(binary.BigEndian.Uint32(b)) //nolint:gosec // that is what it is
		if days == math.MaxInt32 || days == math.MinInt32 {
			return infinity(days > 0)
		}
		return time.Date(2000, 1, 1+int(days), 0, 0, 0, 0, time.UTC)
	case strings.HasPrefix(kind, "TIMESTAMP") && len(b) == 8:
		micros := int64(binary.BigEndian.Uint64(b)) //nolint:gosec // that is what it is
		if micros == math.MaxInt64 || micros == math.MinInt64 {
			return infinity(micros > 0)
		}
		at := time.Unix(946684800+micros/1e6, micros%1e6*1e3).UTC()
		if kind == "TIMESTAMP" && f.Zone != nil {
			return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), f.Zone)
		}
		return at
	}
	return b
}

func infinity(positive bool) string {
	if positive {
		return "infinity"
	}
	return "-infinity"
}
