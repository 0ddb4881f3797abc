package sqltext

import "regexp"

const definedName = "(?:\"(?:[^\"]|\"\")+\"|`(?:[^`]|``)+`|\\[[^\\]]+\\]|[\\p{L}\\p{N}_$]+)"

// defining matches the statements that make or change a table, or an index on one.
var defining = regexp.MustCompile(`(?is)^\s*(?:` +
	`(?:ALTER|CREATE(?:\s+TEMP(?:ORARY)?|\s+UNLOGGED)?)\s+TABLE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:ONLY\s+)?` +
	`|CREATE\s+(?:[A-Z]+\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?` + definedName + `\s+ON\s+(?:ONLY\s+)?` +
	`)(` + definedName + `)(?:\s*\.\s*(` + definedName + `))?`)

// Defines returns the table that a statement makes, changes or indexes, and its schema if it
// names one; "" for statements that drop, and for all others. It reads what GORM's migrator
// writes.
func Defines(query string) (schema, table string) {
	m := defining.FindStringSubmatch(query)
	if m == nil {
		return "", ""
	}
	schema, _ = unquote(m[1])
	if m[2] == "" {
		return "", schema
	}
	table, _ = unquote(m[2])
	return schema, table
}
