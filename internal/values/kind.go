package values

import (
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm/schema"
)

type kind uint8

const (
	kindAny kind = iota
	kindJSON
	kindUUID
	kindBool
	kindInt
	kindFloat
	kindFloat32
	kindDecimal
	kindText
	kindBytes
	kindBits
	kindTime
	kindDate
	kindClock
)

var timeType = reflect.TypeFor[time.Time]()

// kindOf weighs the model's field against the database's type. The field decides
// what a value means where databases have no type of their own for it (booleans,
// times and JSON on SQLite, UUIDs in CHAR columns); otherwise the column does,
// because images are what is stored, not what the model makes of it.
func (t traits) kindOf(c Column) kind {
	stored := t.kindOfType(c.DBType)
	f := c.Field
	if f == nil {
		return stored
	}
	declared := t.kindOfData(f)
	if stored == kindJSON || declared == kindJSON || isJSONField(f) {
		return kindJSON
	}
	if f.Serializer != nil {
		if t.are(looseColumns) && isGobField(f) {
			return kindBytes // whatever the column is declared as
		}
		// The serializer chose the stored form; the field's Go type says nothing.
		return either(stored, declared)
	}
	if t.are(looseColumns) && stored == kindAny && declared == kindAny && f.GORMDataType == schema.Bytes {
		return kindBytes
	}
	switch {
	case stored == kindUUID || declared == kindUUID || isUUIDType(f.IndirectFieldType):
		return kindUUID
	case stored == kindBool || f.GORMDataType == schema.Bool:
		return kindBool
	case stored == kindDate || stored == kindClock:
		return stored
	case declared == kindDate || declared == kindClock:
		if stored == kindTime {
			return kindTime
		}
		return declared
	case stored == kindTime || isTimeField(f):
		return kindTime
	}
	if t.are(driverTexts) && stored == kindAny && c.DBType != "" && declared == kindBytes {
		return kindText
	}
	return either(narrowed(stored, f), narrowed(declared, f))
}

func either(first, second kind) kind {
	if first != kindAny {
		return first
	}
	return second
}

// narrowed lets the Go type choose between number types: GORM puts floats into
// DECIMAL columns on PostgreSQL. A 32-bit float in a wider column is recorded as
// what is stored there, with all the digits that the conversion made up.
func narrowed(k kind, f *schema.Field) kind {
	switch k {
	case kindDecimal, kindFloat:
		switch {
		case f.GORMDataType == schema.Float:
			return kindFloat
		case k == kindDecimal && (f.GORMDataType == schema.Int || f.GORMDataType == schema.Uint):
			return kindInt
		}
	}
	return k
}

// DocumentField reports whether a model's field says by itself that its column holds JSON.
func DocumentField(dialect string, f *schema.Field) bool {
	return traitsOf(dialect).kindOfData(f) == kindJSON || isJSONField(f)
}

func isJSONField(f *schema.Field) bool {
	switch f.Serializer.(type) {
	case schema.JSONSerializer, *schema.JSONSerializer:
		return true
	}
	t := f.IndirectFieldType
	if t == nil {
		return false
	}
	return t.PkgPath() == "encoding/json" && t.Name() == "RawMessage"
}

func isGobField(f *schema.Field) bool {
	switch f.Serializer.(type) {
	case schema.GobSerializer, *schema.GobSerializer:
		return true
	}
	return false
}

func isUUIDType(t reflect.Type) bool {
	return t != nil && t.Kind() == reflect.Array && t.Len() == 16 &&
		t.Elem().Kind() == reflect.Uint8 && strings.Contains(strings.ToUpper(t.Name()), "UUID")
}

func isTimeField(f *schema.Field) bool {
	t := f.IndirectFieldType
	if t == nil || t.Kind() != reflect.Struct {
		return f.DataType == schema.Time
	}
	return t.ConvertibleTo(timeType) || f.GORMDataType == schema.Time
}

// kindOfData reads the field's own data type, which is one of GORM's seven words
// or a database type given in a tag.
func (t traits) kindOfData(f *schema.Field) kind {
	switch f.DataType {
	case schema.Bool:
		return kindBool
	case schema.Int, schema.Uint:
		return kindInt
	case schema.Float:
		return kindFloat
	case schema.String:
		return kindText
	case schema.Bytes:
		return kindBytes
	case schema.Time:
		// A time of day that is kept as a duration also calls itself "time".
		if typ := f.IndirectFieldType; typ != nil && f.Serializer == nil && typ.Kind() == reflect.Int64 {
			return kindClock
		}
		return kindTime
	}
	return t.kindOfType(string(f.DataType))
}

// baseName strips length, sign and display words: "bigint(20) unsigned" → BIGINT.
func baseName(name string) string {
	name = strings.ToUpper(name)
	if open := strings.IndexByte(name, '('); open >= 0 {
		rest := ""
		if end := strings.IndexByte(name[open:], ')'); end >= 0 {
			rest = name[open+end+1:]
		}
		name = name[:open] + " " + rest
	}
	words := strings.Fields(name)
	kept := words[:0]
	for _, w := range words {
		if w != "UNSIGNED" && w != "SIGNED" && w != "ZEROFILL" {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}

func (t traits) kindOfType(name string) kind {
	base := baseName(name)
	if base == "" {
		return kindAny
	}
	if strings.HasPrefix(base, "_") || strings.HasSuffix(base, "[]") {
		return kindText // a PostgreSQL array
	}
	switch base {
	case "JSON", "JSONB", "JSONMAP":
		return kindJSON
	case "UUID", "UNIQUEIDENTIFIER":
		return kindUUID
	case "BOOL", "BOOLEAN":
		return kindBool
	case "INT", "INTEGER", "INT2", "INT4", "INT8", "TINYINT", "SMALLINT", "MEDIUMINT", "BIGINT",
		"SERIAL", "SMALLSERIAL", "BIGSERIAL", "YEAR", "OID", "XID", "CID":
		return kindInt
	case "NUMERIC", "DECIMAL", "DEC", "FIXED", "NUMBER":
		return kindDecimal
	case "FLOAT4":
		return kindFloat32
	case "REAL":
		if t.are(shortReal) {
			return kindFloat32
		}
		return kindFloat
	case "FLOAT":
		if t.are(shortFloat) {
			return kindFloat32
		}
		return kindFloat
	case "FLOAT8", "DOUBLE", "DOUBLE PRECISION":
		return kindFloat
	case "POINT", "GEOMETRY", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON",
		"GEOMETRYCOLLECTION", "GEOMCOLLECTION", "VECTOR":
		if t.are(byteShapes) {
			return kindBytes
		}
		return kindAny
	case "XML": // which drivers give as bytes
		return kindText
	case "TEXT", "TINYTEXT", "MEDIUMTEXT", "LONGTEXT", "CHAR", "VARCHAR", "NCHAR", "NVARCHAR",
		"CHARACTER", "CHARACTER VARYING", "VARYING CHARACTER", "BPCHAR", "NAME", "CITEXT", "CLOB", "STRING", "ENUM", "SET":
		return kindText
	case "BLOB", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB", "BYTEA", "BINARY", "VARBINARY", "BYTES":
		return kindBytes
	case "BIT":
		if t.are(bitNumbers) {
			return kindBits
		}
		return kindText
	case "DATE":
		return kindDate
	case "TIME", "TIMETZ", "TIME WITHOUT TIME ZONE", "TIME WITH TIME ZONE":
		if t.are(looseColumns) {
			return kindAny // it keeps what it is given there, often a whole timestamp
		}
		return kindClock
	case "DATETIME", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP WITH TIME ZONE":
		return kindTime
	}
	if t.are(driverTexts) {
		return kindText // as string or bytes
	}
	return kindAny
}
