package trigger

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// sqliteValues writes values as the plugin does, as JSON text; NULL is NULL. A column may
// hold values of any type.
type sqliteValues struct{ limit int }

// member is a name as JSON.
func member(name string) string {
	quoted, _ := (&entry.Encoder{}).Value(name, entry.MaxImage)
	return quoted
}

// tree is a document in one order, whatever that of its members.
func (v sqliteValues) tree(document string) string {
	return "(SELECT group_concat(k, char(10)) FROM (SELECT fullkey || ' ' || type || ' ' || coalesce(atom, '') AS k FROM json_tree(" + document + ") ORDER BY fullkey))"
}

// keys has the canonical values of the row's key, each worked out once.
func (v sqliteValues) keys(key []column, row string) string {
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = v.canonical([]values.Kind{c.kind}, row+dialect.Quote(dialect.SQLite, c.name)) + " AS k" + strconv.Itoa(i)
	}
	if len(parts) == 0 {
		return ""
	}
	return ",\n  (SELECT " + strings.Join(parts, ",\n    ") + ") AS k"
}

// recordID is the row's key as text, of what keys has.
func (v sqliteValues) recordID(key []column, row string) string {
	parts := make([]string, len(key))
	for i, c := range key {
		x := row + dialect.Quote(dialect.SQLite, c.name)
		shown := v.shown(c, x, "k.k"+strconv.Itoa(i))
		parts[i] = "coalesce(CASE WHEN " + shown + ` LIKE '"%' THEN json_extract(` + shown + ", '$') ELSE " + shown + " END, '')"
		if mode(c) == 0 && (c.kind == values.Bytes || c.kind == values.Any) {
			parts[i] = "CASE WHEN typeof(" + x + ") = 'blob' THEN lower(hex(" + x + ")) ELSE " + parts[i] + " END"
		}
	}
	id := "''"
	switch len(parts) {
	case 0:
		return id
	case 1:
		id = parts[0]
	default:
		id = "json_array(" + strings.Join(parts, ", ") + ")"
	}
	return "(SELECT CASE WHEN length(i) > 255 THEN substr(i, 1, 254) || '…' ELSE i END FROM (SELECT CAST(" + id + " AS TEXT) AS i))"
}

// shown is what a record shows of x, a column whose canonical value has been worked out.
func (v sqliteValues) shown(c column, x, value string) string {
	const mask = `'"***"'`
	hidden := func(shows, as string) string {
		return "CASE WHEN " + value + " IS NULL THEN NULL WHEN " + shows + " THEN " + as + " ELSE " + mask + " END"
	}
	switch t := c.treat; {
	case t.Mask:
		return hidden("0", "NULL")
	case t.Named && c.kind == values.Bool:
		return hidden(value+" IN ('true', 'false')", value)
	case t.Named && c.kind == values.Time:
		return hidden(value+` GLOB '"[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]*Z"' AND length(`+value+") <= 32", value)
	case t.Named:
		return hidden("0", "NULL")
	case t.Tail > 0:
		n := strconv.Itoa(t.Tail)
		return hidden(fmt.Sprintf("typeof(%s) IN ('text', 'integer') AND length(%s) >= %d", x, x, 2*t.Tail+2), "json_quote('***' || substr(CAST("+x+" AS TEXT), -"+n+"))")
	case t.Names && c.kind == values.JSON:
		return hidden("NOT "+sqliteSecret(value), value)
	}
	return value
}

// form is how values of a kind become canonical, by how SQLite stores them; "" is as those
// of most kinds do.
type form struct {
	integer, real, text, blob string
	// tried is of texts, and NULL for one that is shown as it is.
	tried string
}

func (v sqliteValues) form(kind values.Kind, x string) form {
	quoted := `'"' || ` + x + ` || '"'`
	f := form{blob: "CASE WHEN length(" + x + ") > " + strconv.Itoa(v.limit/2) + " THEN " + truncated("length("+x+")") + " ELSE json_quote(hex(" + x + ")) END"}
	switch kind {
	case values.Text, values.UUID, values.Bool, values.Time, values.Date, values.DayClock:
		f.real = quoted // no such column holds one: it is not worth compiling more
	}
	day := func(at string) string { return "replace(" + at + ", 'T00:00:00Z\"', '\"')" }
	switch kind {
	case values.JSON:
		t := "CAST(" + x + " AS TEXT)"
		f.text = "CASE WHEN NOT json_valid(" + t + ") THEN " + v.text(t) + " WHEN json_type(" + t + ") = 'null' THEN NULL WHEN length(json(" + t + ")) > " +
			strconv.Itoa(v.limit) + " THEN " + truncated("length("+t+")") + " ELSE json(" + t + ") END"
		f.blob = f.text
	case values.UUID:
		h := "lower(hex(" + x + "))"
		f.tried = "CASE WHEN length(" + x + ") = 36 AND replace(lower(" + x + "), '-', '') NOT GLOB '*[^0-9a-f]*' THEN json_quote(lower(" + x + ")) END"
		f.blob = "CASE length(" + x + ") WHEN 16 THEN '\"' || substr(" + h + ", 1, 8) || '-' || substr(" + h + ", 9, 4) || '-' || substr(" + h + ", 13, 4) || '-' || substr(" + h + ", 17, 4) || '-' || substr(" + h + ", 21) || '\"' ELSE " + v.bytes(x) + " END"
	case values.Bool:
		f.integer = "CASE WHEN " + x + " > 0 THEN 'true' ELSE 'false' END"
		f.tried = "CASE WHEN lower(" + x + ") IN ('1', 't', 'true') THEN 'true' WHEN lower(" + x + ") IN ('0', 'f', 'false') THEN 'false' END"
	case values.Int:
		f.tried = "CASE WHEN CAST(CAST(" + x + " AS INTEGER) AS TEXT) = " + x + " THEN " + x + " END"
	case values.Decimal:
		f.integer, f.real = quoted, v.float(x, "'\"' || "+v.digits(x)+" || '\"'")
	case values.Text:
		f.integer, f.blob = quoted, v.text("CAST("+x+" AS TEXT)")
	case values.Bytes:
		f.text, f.blob = v.bytes("CAST("+x+" AS BLOB)"), ""
	case values.Any:
		f.blob = ""
	case values.Time:
		f.integer, f.tried = v.unix(x), v.time(x)
	case values.DayClock:
		f.text = v.text("CASE WHEN " + x + " GLOB '[0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9]*' AND substr(" + x + ", 10) NOT GLOB '*[^0-9]*' THEN rtrim(rtrim(" + x + ", '0'), '.') ELSE " + x + " END")
	case values.Date:
		f.integer, f.tried = day(v.unix(x)), "CASE WHEN length("+x+") = 10 THEN json_quote("+x+") ELSE "+day(v.time(x))+" END"
	}
	return f
}

// canonical is the canonical value of x, of the first of the kinds, or of the one that the
// column kind numbers.
func (v sqliteValues) canonical(kinds []values.Kind, x string) string {
	by := func(otherwise string, of func(form) string) string {
		var all []string // what is done, by kind
		kindsOf := map[string][]string{}
		for i, kind := range kinds {
			e := of(v.form(kind, x))
			if e == "" {
				e = otherwise
			}
			all, kindsOf[e] = append(all, e), append(kindsOf[e], strconv.Itoa(i))
		}
		most := slices.MaxFunc(all, func(a, b string) int { return len(kindsOf[a]) - len(kindsOf[b]) })
		cases := ""
		for i, e := range all {
			if e != most && slices.Index(all, e) == i {
				cases += " WHEN kind IN (" + strings.Join(kindsOf[e], ", ") + ") THEN " + e
			}
		}
		if cases == "" {
			return most
		}
		return "CASE" + cases + " ELSE " + most + " END"
	}
	tried := by("NULL", func(f form) string { return f.tried })
	asText := v.text(x)
	if tried != "NULL" {
		asText = "coalesce(" + tried + ", " + asText + ")"
	}
	return "CASE typeof(" + x + ") WHEN 'null' THEN NULL WHEN 'integer' THEN " + by("CAST("+x+" AS TEXT)", func(f form) string { return f.integer }) +
		"\n      WHEN 'text' THEN " + by(asText, func(f form) string { return f.text }) +
		"\n      WHEN 'real' THEN " + by(v.float(x, v.digits(x)), func(f form) string { return f.real }) +
		"\n      ELSE " + by(v.bytes(x), func(f form) string { return f.blob }) + " END"
}

// float is a finite number as it says, and the others in words. 9e999 is infinite; SQLite
// before 3.43 takes the largest finite number for that, too.
func (v sqliteValues) float(x, finite string) string {
	return "CASE " + x + " WHEN 9e999 THEN '\"+Inf\"' WHEN -9e999 THEN '\"-Inf\"' ELSE " + finite + " END"
}

// digits are the fewest that say which float it is.
func (v sqliteValues) digits(x string) string {
	f := func(n int) string { return fmt.Sprintf("printf('%%!.%dg', %s)", n, x) }
	is := func(n int) string { return "CAST(" + f(n) + " AS REAL) = " + x }
	return "CASE WHEN abs(" + x + ") < 9007199254740992 AND " + x + " = CAST(" + x + " AS INTEGER) THEN CAST(CAST(" + x + " AS INTEGER) AS TEXT) WHEN " +
		is(15) + " THEN " + f(15) + " WHEN " + is(16) + " THEN " + f(16) + " ELSE " + f(17) + " END"
}

func truncated(size string) string { return `'{"truncated":true,"bytes":' || ` + size + ` || '}'` }

func (v sqliteValues) text(x string) string {
	size := "length(CAST(" + x + " AS BLOB))"
	return "CASE WHEN " + size + " > " + strconv.Itoa(v.limit) + " THEN " + truncated(size) + " ELSE json_quote(" + x + ") END"
}

// bytes are base64, which SQLite does not know: three bytes are four digits.
func (v sqliteValues) bytes(x string) string {
	const alphabet = "'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'"
	hex := func(n int) string { // 0 behind the end: an empty text is found at 1
		return fmt.Sprintf("(instr('0123456789ABCDEF', substr(h, %d, 1)) - 1)", n)
	}
	digit := func(value string) string { return "substr(" + alphabet + ", 1 + " + value + ", 1)" }
	four := digit(hex(1)+" * 4 + "+hex(2)+" / 4") + " || " + digit("("+hex(2)+" % 4) * 16 + "+hex(3)) +
		" || CASE WHEN length(h) < 4 THEN '=' ELSE " + digit(hex(4)+" * 4 + "+hex(5)+" / 4") + " END" +
		" || CASE WHEN length(h) < 6 THEN '=' ELSE " + digit("("+hex(5)+" % 4) * 16 + "+hex(6)) + " END"
	return "CASE WHEN length(" + x + ") > " + strconv.Itoa(v.limit) + " THEN " + truncated("length("+x+")") + " WHEN length(" + x + ") = 0 THEN '\"\"' ELSE " +
		"(WITH RECURSIVE b (h, i) AS (SELECT hex(substr(" + x + ", 1, 3)), 4 UNION ALL SELECT hex(substr(" + x + ", i, 3)), i + 3 FROM b WHERE i <= length(" + x + "))\n" +
		"        SELECT '\"' || group_concat(" + four + ", '') || '\"' FROM b) END"
}

// time reads what drivers write, and is NULL for other texts: the fraction and the zone are
// told apart, since SQLite itself keeps milliseconds only.
func (v sqliteValues) time(x string) string {
	zone := "ltrim(substr(" + x + ", 20), '.0123456789')"
	return "CASE WHEN " + x + " GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' THEN '\"' || strftime('%Y-%m-%dT%H:%M:%S', substr(" + x + ", 1, 19) || " + zone + ")\n" +
		"        || CASE WHEN substr(" + x + ", 20, 1) = '.' THEN rtrim('.' || rtrim(substr(" + x + ", 21, length(" + x + ") - 20 - length(" + zone + ")), '0'), '.') ELSE '' END || 'Z\"' END"
}

// unix reads a number as the driver does: seconds or, where that is too many, milliseconds.
func (v sqliteValues) unix(x string) string {
	return "CASE WHEN abs(" + x + ") > 1000000000000 THEN '\"' || rtrim(rtrim(strftime('%Y-%m-%dT%H:%M:%f', " + x + " / 1000.0, 'unixepoch'), '0'), '.') || 'Z\"' ELSE '\"' || strftime('%Y-%m-%dT%H:%M:%S', " +
		x + ", 'unixepoch') || 'Z\"' END"
}

// sqliteSecret reports whether a document has a member under a secret's name. SQLite has no
// regular expressions: what might be one is taken for one.
func sqliteSecret(document string) string {
	words, endings, pairs, _ := redact.SecretWords()
	var tests []string
	seen := map[string]bool{}
	for _, w := range append(append(words, endings...), pairs...) {
		w = strings.ReplaceAll(w, " ", "")
		if seen[w] {
			continue
		}
		seen[w] = true
		if len(w) > 5 || w == "token" {
			tests = append(tests, "k LIKE '%"+w+"%'")
			continue
		}
		title := strings.ToUpper(w[:1]) + w[1:]
		tests = append(
			tests, "' ' || k || ' ' GLOB '*[^a-zA-Z]"+w+"[^a-z]*'", "' ' || k || ' ' GLOB '*["+title[:1]+"]"+w[1:]+"[^a-z]*'",
			"' ' || k || ' ' GLOB '*[^a-zA-Z]"+strings.ToUpper(w)+"[^A-Z]*'", "k GLOB '*[a-z0-9]"+strings.ToUpper(w)+"*'",
		)
	}
	return "(SELECT count(*) FROM (SELECT key, replace(replace(replace(replace(key, '_', ''), '-', ''), ' ', ''), '.', '') AS bare FROM json_tree(CASE WHEN json_valid(" + document + ") THEN " + document + " END) WHERE typeof(key) = 'text') WHERE " +
		strings.NewReplacer("k LIKE", "bare LIKE", " k ", " key ", "k GLOB", "key GLOB").Replace(strings.Join(tests, " OR ")) + ")"
}
