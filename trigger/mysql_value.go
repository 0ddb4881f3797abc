package trigger

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// mysqlValues writes values as the plugin does, as JSON text; NULL is NULL.
type mysqlValues struct {
	limit   int
	mariaDB bool
}

// differsInside adds that documents differ in more than the order of their members.
func (v mysqlValues) differsInside(c column) string {
	switch {
	case c.kind != values.JSON:
		return ""
	case v.mariaDB:
		return " AND NOT (JSON_NORMALIZE(v_o) <=> JSON_NORMALIZE(v_n))"
	}
	return " AND NOT (CAST(v_o AS JSON) <=> CAST(v_n AS JSON))"
}

// compact is a document without spaces. MySQL's audit table keeps it as it likes.
func (v mysqlValues) compact(t string) string {
	if v.mariaDB {
		return "JSON_COMPACT(" + t + ")"
	}
	return t
}

// told is a text of what raw SQL said of itself. MySQL cuts it where nothing else is said.
func (v mysqlValues) told(path string) string {
	if v.mariaDB {
		return "JSON_VALUE(v_told, " + mysqlText(path) + ")"
	}
	return "JSON_VALUE(v_told, " + mysqlText(path) + " RETURNING CHAR(4096))"
}

// action tells soft deletes and restores from other updates.
func (v mysqlValues) action(soft []softColumn) string {
	if len(soft) == 0 {
		return "'update'"
	}
	alive := func(c softColumn, row string) string {
		value := v.value(c.column, row)
		return c.alive(value, value, mysqlText)
	}
	var b strings.Builder
	b.WriteString("CASE")
	for _, c := range soft {
		o, n := alive(c, "OLD."), alive(c, "NEW.")
		fmt.Fprintf(&b, " WHEN %s AND NOT %s THEN 'soft_delete' WHEN NOT %s AND %s THEN 'restore'", o, n, o, n)
	}
	return b.String() + " ELSE 'update' END"
}

// recordID is the row's key as text.
func (v mysqlValues) recordID(key []column, row string) string {
	parts := make([]string, len(key))
	for i, c := range key {
		value := v.shown(c, row, v.value(c, row))
		parts[i] = "IFNULL(JSON_UNQUOTE(" + value + "), '')"
		if c.kind == values.Bytes && mode(c) == 0 {
			parts[i] = "IFNULL(LOWER(HEX(" + row + dialect.Quote(dialect.MySQL, c.name) + ")), '')"
		}
	}
	id := "''"
	switch len(parts) {
	case 0:
		return id
	case 1:
		id = parts[0]
	default:
		for i := range parts {
			parts[i] = "JSON_QUOTE(CONVERT(" + parts[i] + " USING utf8mb4))"
		}
		id = "CONCAT('[', CONCAT_WS(',', " + strings.Join(parts, ", ") + "), ']')"
	}
	return id
}

// mysqlKey is that text, no longer than the audit table's column.
const mysqlKey = "IF(CHAR_LENGTH(v_key) > 255, CONCAT(LEFT(v_key, 237), '…#', LEFT(SHA2(v_key, 256), 16)), v_key)"

// shown is what a record shows of a column whose canonical value has been worked out.
func (v mysqlValues) shown(c column, row, value string) string {
	x := row + dialect.Quote(dialect.MySQL, c.name)
	const mask = `'"***"'`
	hidden := func(shows, as string) string {
		return "CASE WHEN " + value + " IS NULL THEN NULL WHEN " + shows + " THEN " + as + " ELSE " + mask + " END"
	}
	switch t := c.treat; {
	case t.Mask:
		return hidden("FALSE", "NULL")
	case t.Named && c.kind == values.Bool:
		return hidden(value+" IN ('true', 'false')", value)
	case t.Named && c.kind == values.Time && (c.dbType == "DATETIME" || c.dbType == "TIMESTAMP"):
		return value
	case t.Named:
		return hidden("FALSE", "NULL")
	case t.Tail > 0:
		plain := "JSON_UNQUOTE(" + value + ")"
		if c.kind == values.Text {
			plain = "CONVERT(" + x + " USING utf8mb4)"
		}
		return hidden(fmt.Sprintf("CHAR_LENGTH(%s) >= %d", plain, 2*t.Tail+2), fmt.Sprintf("JSON_QUOTE(CONCAT('***', RIGHT(%s, %d)))", plain, t.Tail))
	case t.Names && c.kind == values.JSON:
		return hidden("NOT "+v.secret(value), value)
	}
	return value
}

// stored is a column's value to compare with another of it: texts by their bytes, whatever
// the collation says.
func (mysqlValues) stored(c column, row string) string {
	x := row + dialect.Quote(dialect.MySQL, c.name)
	if isPlainText(c.dbType) || isBytes(c.dbType) || c.dbType == "UUID" {
		return "CAST(" + x + " AS BINARY)"
	}
	return x
}

// value is a column's canonical value.
func (v mysqlValues) value(c column, row string) string {
	x := row + dialect.Quote(dialect.MySQL, c.name)
	t := "CONVERT(" + x + " USING utf8mb4)"
	if c.hash != nil {
		return v.hash(c, t)
	}
	char := "CAST(" + x + " AS CHAR)"
	asText := v.text(t)
	binary := isBytes(c.dbType)
	dbType := strings.TrimSuffix(c.dbType, " UNSIGNED")
	double := "CAST(CAST(" + x + " AS DOUBLE) AS CHAR)"
	switch c.kind {
	case values.JSON:
		return "CASE WHEN " + x + " IS NULL THEN NULL WHEN NOT JSON_VALID(" + t + ") THEN " + asText + " WHEN JSON_TYPE(" + t + ") = 'NULL' THEN NULL WHEN " + v.over(v.compact(t)) + " THEN " +
			v.truncated(v.compact(t)) + " ELSE " + v.compact(t) + " END"
	case values.UUID:
		switch {
		case binary:
			h := "LOWER(HEX(" + x + "))"
			return "IF(LENGTH(" + x + ") = 16, CONCAT('\"', SUBSTR(" + h + ", 1, 8), '-', SUBSTR(" + h + ", 9, 4), '-', SUBSTR(" + h + ", 13, 4), '-', SUBSTR(" + h + ", 17, 4), '-', SUBSTR(" + h + ", 21), '\"'), " + v.bytes(x) + ")"
		case dbType == "UUID":
			return "CONCAT('\"', LOWER(" + char + "), '\"')"
		}
		return "IF(" + t + " REGEXP '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', CONCAT('\"', LOWER(" + t + "), '\"'), " + asText + ")"
	case values.Bool:
		if isWhole(dbType) || dbType == "BIT" {
			return "CASE " + x + " + 0 WHEN 0 THEN 'false' WHEN 1 THEN 'true' ELSE CAST(" + x + " + 0 AS CHAR) END"
		}
	case values.Int:
		if dbType == "DECIMAL" || isWhole(dbType) || dbType == "YEAR" {
			return "IF(LOCATE('.', " + char + ") = 0, " + char + ", JSON_QUOTE(CONVERT(" + char + " USING utf8mb4)))"
		}
	case values.Bits:
		return "CAST(" + x + " + 0 AS CHAR)"
	case values.Float:
		switch dbType {
		case "DECIMAL":
			return "IF(" + double + " = " + digits(char) + ", " + double + ", JSON_QUOTE(CONVERT(" + digits(char) + " USING utf8mb4)))"
		case "DOUBLE":
			return char
		case "FLOAT":
			return mysqlFloat(x)
		}
		if isWhole(dbType) {
			return char
		}
	case values.Float32:
		return mysqlFloat(x)
	case values.Decimal:
		return "JSON_QUOTE(CONVERT(" + digits(char) + " USING utf8mb4))"
	case values.Bytes:
		if binary {
			return v.bytes(x)
		}
		if !isPlainText(dbType) {
			return v.bytes("CAST(" + x + " AS BINARY)")
		}
		return v.bytes(t)
	case values.Time:
		at := x
		if dbType == "TIMESTAMP" {
			at = "COALESCE(CONVERT_TZ(" + x + ", @@session.time_zone, '+00:00'), " + x + ")"
		}
		if dbType == "DATETIME" || dbType == "TIMESTAMP" {
			return "IF(CAST(" + x + " AS CHAR) LIKE '0000-00-00%', '\"0001-01-01T00:00:00Z\"', CONCAT('\"', TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM DATE_FORMAT(" + at + ", '%Y-%m-%dT%H:%i:%s.%f'))), 'Z\"'))"
		}
	case values.Date, values.DayClock:
		return "JSON_QUOTE(CONVERT(" + digits(char) + " USING utf8mb4))"
	case values.Text:
		if dbType == "BIT" || isWhole(dbType) {
			return "JSON_QUOTE(CONVERT(CAST(" + x + " + 0 AS CHAR) USING utf8mb4))"
		}
	}
	if binary {
		return v.bytes(x)
	}
	return asText
}

// hash is a keyed hash of a text, by the variables that the body has set.
func (mysqlValues) hash(c column, t string) string {
	if c.kind == values.UUID {
		t = "LOWER(" + t + ")"
	}
	message := fmt.Sprintf("v_ipad, X'%x', UNHEX(LPAD(HEX(LENGTH(%s)), 16, '0')), CAST(%s AS BINARY)", c.hash, t, t)
	return "IF(" + t + " IS NULL, NULL, IFNULL(CONCAT('\"hmac-sha256:', v_hash_key, ':', LOWER(SHA2(CONCAT(v_opad, UNHEX(SHA2(CONCAT(" + message + "), 256))), 256)), '\"'), '\"***\"'))"
}

// digits are a number's, or a clock's, without zeros behind the point.
func digits(char string) string {
	return "IF(LOCATE('.', " + char + ") = 0, " + char + ", TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM " + char + ")))"
}

// mysqlFloat has the fewest digits that say which FLOAT it is: six, or as many more as
// it takes.
func mysqlFloat(x string) string {
	wide := "CAST(" + x + " AS DOUBLE)"
	b := "CASE WHEN CAST(CAST(" + x + " AS CHAR) AS FLOAT) = " + x + " THEN CAST(" + x + " AS CHAR)"
	for _, n := range []int{6, 7, 8} {
		rounded := fmt.Sprintf("ROUND(%s, %d - FLOOR(LOG10(NULLIF(ABS(%s), 0))))", wide, n, wide)
		b += " WHEN CAST(" + rounded + " AS FLOAT) = " + x + " THEN CAST(" + rounded + " AS CHAR)"
	}
	return b + " ELSE CAST(" + wide + " AS CHAR) END"
}

func (v mysqlValues) over(t string) string {
	return "LENGTH(" + t + ") > " + strconv.Itoa(v.limit)
}

func (v mysqlValues) truncated(t string) string {
	return `CONCAT('{"truncated":true,"bytes":', LENGTH(` + t + `), ',"sha256":"', SHA2(` + t + `, 256), '"}')`
}

func (v mysqlValues) text(t string) string {
	return "IF(" + v.over(t) + ", " + v.truncated(t) + ", JSON_QUOTE(" + t + "))"
}

func (v mysqlValues) bytes(x string) string {
	return "IF(" + v.over(x) + ", " + v.truncated(x) + ", CONCAT('\"', REPLACE(TO_BASE64(" + x + "), CHAR(10), ''), '\"'))"
}

func isBytes(dbType string) bool {
	for _, end := range [...]string{"BLOB", "BINARY", "GEOMETRY", "POINT", "LINESTRING", "POLYGON", "COLLECTION", "VECTOR"} {
		if strings.HasSuffix(dbType, end) {
			return true
		}
	}
	return false
}

func isPlainText(dbType string) bool {
	return strings.HasSuffix(dbType, "TEXT") || strings.HasSuffix(dbType, "CHAR") || dbType == "ENUM" || dbType == "SET" || dbType == "JSON"
}

func isWhole(dbType string) bool { return strings.Contains(dbType, "INT") }

// secret reports whether a document has a member under a secret's name. Its text is
// split into words first. Escapes could hide a name, so that a document with some is hidden.
func (v mysqlValues) secret(document string) string {
	secret, about, _ := redact.SecretPatterns(`\b`)
	about = strings.TrimSuffix(strings.TrimSpace(about), "$")
	pattern := `"(?![^"]* ` + about + `":)[^"]*(` + secret + `)[^"]*":|"[^"]*\bsecret id":`
	both := mysqlText("$1 $2")
	if v.mariaDB {
		both = mysqlText(`\1 \2`)
	}
	split := "REGEXP_REPLACE(" + document + ", " + mysqlText(`(?-i)([^A-Z])([A-Z])`) + ", " + both + ")"
	split = "REGEXP_REPLACE(" + split + ", " + mysqlText(`(?-i)([A-Z])([A-Z][a-z])`) + ", " + both + ")"
	split = "LOWER(REPLACE(REPLACE(" + split + ", '_', ' '), '-', ' '))"
	found := split + " REGEXP " + mysqlText(pattern)
	if !v.mariaDB {
		found = "IF(LENGTH(" + document + ") > " + strconv.Itoa(mysqlPattern) + ", " + mayBeSecret(document) + ", " + found + ")"
	}
	return "(LOCATE(" + mysqlText(`\u`) + ", " + document + ") > 0 OR " + found + ")"
}

// mysqlPattern is up to which size a pattern is looked for in a document: MySQL gives up on
// longer texts, with an error.
const mysqlPattern = 2000

// mayBeSecret reports whether a document has a secret's name anywhere.
func mayBeSecret(document string) string {
	bare := "LOWER(" + document + ")"
	for _, between := range []string{"_", "-", " ", "."} {
		bare = "REPLACE(" + bare + ", " + text(between) + ", '')"
	}
	words, endings, pairs, _ := redact.SecretWords()
	tests := slices.Concat(words, endings, pairs)
	for i, w := range tests {
		tests[i] = "bare LIKE '%" + strings.ReplaceAll(w, " ", "") + "%'"
	}
	return "(SELECT " + strings.Join(tests, " OR ") + " FROM (SELECT " + bare + " AS bare) AS b)"
}
