package trigger

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// postgresValues writes values as the plugin does. Its functions stand beside the audit
// table, in its schema.
type postgresValues struct {
	schema string
	limit  int
}

func (v postgresValues) name(function string) string {
	return dialect.Table{Schema: v.schema, Name: companion.Prefix + function}.Quoted(dialect.Postgres)
}

// jsonChunk is how many members jsonb_build_object is given at once: a function has 100
// arguments at most.
const jsonChunk = 48

// whole is a row as a record shows it.
func (v postgresValues) whole(columns []column, row string) string {
	var parts []string
	for len(columns) > 0 {
		n := min(len(columns), jsonChunk)
		members := make([]string, n)
		for i, c := range columns[:n] {
			members[i] = text(c.name) + ", " + v.shown(c, v.value(c, row))
		}
		parts = append(parts, "jsonb_build_object("+strings.Join(members, ", ")+")")
		columns = columns[n:]
	}
	if len(parts) == 0 {
		return "NULL"
	}
	return strings.Join(parts, " || ")
}

// difference gathers what differs between two rows, "" where no column is recorded.
func (v postgresValues) difference(s *subject, before, after string) string {
	if len(s.columns) == 0 {
		return ""
	}
	rows := make([]string, len(s.columns))
	for i, c := range s.columns {
		rows[i] = fmt.Sprintf("(%s, %s, %s, %s, %d, %t)", text(c.name), text(c.path), v.value(c, before), v.value(c, after), mode(c), !c.timestamp)
	}
	shown := v.name("shown")
	inOrder := " ORDER BY c.path COLLATE \"C\""
	if slices.IsSortedFunc(s.columns, func(a, b column) int { return strings.Compare(a.path, b.path) }) {
		inOrder = "" // as the columns are, by name
	}
	return "(SELECT jsonb_object_agg(c.name, " + shown + "(c.was, c.mode)) AS before, jsonb_object_agg(c.name, " + shown + "(c.now, c.mode)) AS after,\n" +
		"        jsonb_agg(c.name) AS changed,\n" +
		"        jsonb_agg(jsonb_build_object('path', c.path, 'from', " + shown + "(c.was, c.mode), 'to', " + shown + "(c.now, c.mode))" + inOrder + ") AS changes,\n" +
		"        bool_or(c.more) AS more\n      FROM (VALUES\n        " + strings.Join(rows, ",\n        ") +
		") AS c (name, path, was, now, mode, more) WHERE c.was IS DISTINCT FROM c.now)"
}

// action tells soft deletes and restores from other updates.
func (v postgresValues) action(soft []softColumn, before, after string) string {
	if len(soft) == 0 {
		return "'update'"
	}
	alive := func(c softColumn, row string) string {
		value := v.value(c.column, row)
		return c.alive(value, "("+value+")::text", text)
	}
	var b strings.Builder
	b.WriteString("CASE")
	for _, c := range soft {
		fmt.Fprintf(&b, " WHEN %s AND NOT %s THEN 'soft_delete' WHEN NOT %s AND %s THEN 'restore'", alive(c, before), alive(c, after), alive(c, before), alive(c, after))
	}
	return b.String() + " ELSE 'update' END"
}

// recordID is the row's key as text.
func (v postgresValues) recordID(key []column, row string) string {
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = "coalesce(" + v.shown(c, v.value(c, row)) + " #>> '{}', '')"
		if c.kind == values.Bytes && mode(c) == 0 {
			parts[i] = "coalesce(encode(" + row + dialect.Quote(dialect.Postgres, c.name) + ", 'hex'), '')"
		}
	}
	switch len(parts) {
	case 0:
		return "''"
	case 1:
		return v.name("cut") + "(" + parts[0] + ")"
	}
	for i := range parts {
		parts[i] = "to_json(" + parts[i] + ")::text"
	}
	return v.name("cut") + "('[' || concat_ws(',', " + strings.Join(parts, ", ") + ") || ']')"
}

// mode is how a value is shown: 0 as it is, above 0 the last characters, else not.
const (
	modeMask  = -1
	modeNames = -2 // a document, without what stands under names of secrets
)

func mode(c column) int {
	switch t := c.treat; {
	case t.Mask, t.Named && c.kind != values.Bool && c.kind != values.Time:
		return modeMask
	case t.Tail > 0:
		return t.Tail
	case t.Names && c.kind == values.JSON:
		return modeNames
	}
	return 0
}

func (v postgresValues) shown(c column, value string) string {
	if m := mode(c); m != 0 {
		return v.name("shown") + "(" + value + ", " + strconv.Itoa(m) + ")"
	}
	return value
}

// value is a column's canonical value, as jsonb; NULL is NULL.
func (v postgresValues) value(c column, row string) string {
	x := row + dialect.Quote(dialect.Postgres, c.name)
	if c.hash != nil {
		return v.name("hash") + fmt.Sprintf("('\\x%x', ", c.hash) + v.plain(c, x) + ")"
	}
	asText := v.name("text") + "(" + postgresText(c, x) + ", " + strconv.Itoa(v.limit) + ")"
	number := isNumber(c.dbType)
	switch c.kind {
	case values.JSON:
		document := v.name("document") + "(" + x + "::text)"
		if c.dbType == "JSONB" {
			document = "nullif(" + x + ", 'null')"
		}
		return v.name("large") + "(" + document + ", " + strconv.Itoa(v.limit) + ")"
	case values.UUID:
		if c.dbType != "UUID" {
			return "CASE WHEN " + x + "::text ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN to_jsonb(lower(" + x + "::text)) ELSE " + asText + " END"
		}
		return "to_jsonb(" + x + "::text)"
	case values.Bool:
		if c.dbType == "BOOL" {
			return "to_jsonb(" + x + ")"
		}
		if number {
			return "CASE " + x + "::text WHEN '0' THEN 'false'::jsonb WHEN '1' THEN 'true'::jsonb ELSE to_jsonb(" + x + ") END"
		}
	case values.Int:
		if c.dbType == "NUMERIC" {
			return "CASE WHEN " + x + "::text ~ '^-?[0-9]+$' AND " + x + " BETWEEN -9223372036854775808 AND 18446744073709551615 THEN to_jsonb(" + x + ") ELSE to_jsonb(" + x + "::text) END"
		}
		if number {
			return "to_jsonb(" + x + ")"
		}
		return "to_jsonb(" + x + "::text::bigint)"
	case values.Float, values.Float32:
		switch c.dbType {
		case "FLOAT4", "FLOAT8":
			return "CASE " + x + "::text WHEN 'NaN' THEN '\"NaN\"'::jsonb WHEN 'Infinity' THEN '\"+Inf\"' WHEN '-Infinity' THEN '\"-Inf\"' ELSE to_jsonb(" + x + ") END"
		case "NUMERIC":
			return v.name("float") + "(" + x + ")"
		}
		if number {
			return "to_jsonb(" + x + ")"
		}
	case values.Decimal:
		return "to_jsonb(" + v.name("decimal") + "(" + x + "::text))"
	case values.Bytes:
		if c.dbType == "BYTEA" {
			return v.name("bytes") + "(" + x + ", " + strconv.Itoa(v.limit) + ")"
		}
	case values.Time:
		switch c.dbType {
		case "TIMESTAMPTZ":
			return v.name("time") + "(" + x + " AT TIME ZONE 'UTC')"
		case "TIMESTAMP":
			return v.name("time") + "(" + x + ")"
		}
	case values.Date:
		return "to_jsonb(" + x + "::text)" // in the ISO style
	}
	return asText
}

// plain is the text of a value that is hashed.
func (v postgresValues) plain(c column, x string) string {
	if c.kind == values.UUID {
		return "lower(" + x + "::text)"
	}
	return postgresText(c, x)
}

// postgresText is a value as the server writes it. A cast would take the padding of a
// char(n), and add "/32" to the address of a host.
func postgresText(c column, x string) string {
	switch c.dbType {
	case "BPCHAR":
		return "textin(bpcharout(" + x + "))"
	case "INET":
		return "textin(inet_out(" + x + "))"
	}
	return x + "::text"
}

func isNumber(dbType string) bool {
	switch dbType {
	case "INT2", "INT4", "INT8", "NUMERIC", "FLOAT4", "FLOAT8":
		return true
	}
	return false
}

// prepare are the functions that all triggers of an audit table use.
func (postgres) prepare(all []*subject) []string {
	secret, about, still := redact.SecretPatterns(`\y`)
	var out []string
	seen := map[string]bool{}
	for _, s := range all {
		v := postgresValues{schema: s.audit.Schema}
		if seen[v.schema] {
			continue
		}
		seen[v.schema] = true
		add := func(signature, returns, kind, body string) {
			name, arguments, _ := strings.Cut(signature, "(")
			out = append(out, "CREATE OR REPLACE FUNCTION "+v.name(name)+"("+arguments+" RETURNS "+returns+" LANGUAGE "+kind+
				" AS $auditplugin$ "+body+" $auditplugin$")
		}
		// What they call is STABLE: as IMMUTABLE ones PostgreSQL would not put them in place of
		// their calls, and each call would take as long as a statement.
		const sql, plpgsql = "sql STABLE PARALLEL SAFE", "plpgsql IMMUTABLE PARALLEL SAFE"
		add("id()", "text", "sql VOLATILE", `SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid::text`)
		add("document(t text)", "jsonb", plpgsql, `BEGIN
  RETURN nullif(t::jsonb, 'null');
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN to_jsonb(t);
END`)
		truncated := func(size, content string) string {
			return "jsonb_build_object('truncated', true, 'bytes', " + size + ", 'sha256', encode(sha256(" + content + "), 'hex'))"
		}
		add("text(t text, most int)", "jsonb", sql, "SELECT CASE WHEN octet_length(t) > most THEN "+truncated("octet_length(t)", "convert_to(t, 'UTF8')")+" ELSE to_jsonb(t) END")
		add("bytes(b bytea, most int)", "jsonb", sql, "SELECT CASE WHEN octet_length(b) > most THEN "+truncated("octet_length(b)", "b")+" ELSE to_jsonb(translate(encode(b, 'base64'), chr(10), '')) END")
		add("large(d jsonb, most int)", "jsonb", sql, "SELECT CASE WHEN octet_length(d::text) > most THEN "+truncated("octet_length(d::text)", "convert_to(d::text, 'UTF8')")+" ELSE d END")
		add("time(t timestamp)", "jsonb", sql, `SELECT CASE WHEN isfinite(t) THEN to_jsonb(rtrim(rtrim(to_char(t, 'YYYY-MM-DD"T"HH24:MI:SS.US'), '0'), '.') || 'Z') ELSE to_jsonb(t::text) END`)
		add("decimal(t text)", "text", sql, `SELECT CASE WHEN t ~ '^-?[0-9]+\.[0-9]+$' THEN rtrim(rtrim(t, '0'), '.') ELSE t END`)
		add("float(n numeric)", "jsonb", plpgsql, `BEGIN
  IF n::text ~ '^-?[0-9.]+$' AND n::float8::text::numeric = n THEN RETURN to_jsonb(n::float8::text::numeric); END IF;
  RETURN to_jsonb(`+v.name("decimal")+`(n::text));
EXCEPTION WHEN numeric_value_out_of_range THEN
  RETURN to_jsonb(n::text);
END`)
		add("cut(t text)", "text", sql, `SELECT CASE WHEN char_length(t) > 255 THEN left(t, 237) || '…#' || left(encode(sha256(convert_to(t, 'UTF8')), 'hex'), 16) ELSE t END`)
		if s.hashes {
			key := v.name("hash_key")
			out = append(out, "CREATE TABLE IF NOT EXISTS "+key+" (id text NOT NULL, ipad bytea NOT NULL, opad bytea NOT NULL)", "REVOKE ALL ON "+key+" FROM PUBLIC")
			add("hash(prefix bytea, t text)", "jsonb", "sql STABLE STRICT", `SELECT coalesce((SELECT to_jsonb('hmac-sha256:' || k.id || ':' ||
    encode(sha256(k.opad || sha256(k.ipad || prefix || int8send(octet_length(convert_to(t, 'UTF8'))) || convert_to(t, 'UTF8'))), 'hex')) FROM `+key+` k LIMIT 1), '"***"')`)
		}
		add("secret(d jsonb)", "boolean", sql, `SELECT EXISTS (SELECT 1 FROM jsonb_path_query(d, '$.** ? (@.type() == "object").keyvalue()') AS k
    CROSS JOIN LATERAL (SELECT trim(regexp_replace(lower(regexp_replace(regexp_replace(k ->> 'key', '([^[:upper:]])([[:upper:]])', '\1 \2', 'g'),
      '([[:upper:]])([[:upper:]][[:lower:]])', '\1 \2', 'g')), '[^[:alnum:]]+', ' ', 'g')) AS words) AS w
    WHERE w.words ~ `+text(secret)+` AND (w.words !~ `+text(about)+` OR w.words ~ `+text(still)+`))`)
		add("shown(d jsonb, mode int)", "jsonb", sql, `SELECT CASE WHEN d IS NULL OR mode = 0 OR mode = `+strconv.Itoa(modeNames)+` AND NOT `+v.name("secret")+`(d) THEN d
    WHEN mode > 0 AND jsonb_typeof(d) IN ('string', 'number') AND char_length(d #>> '{}') >= 2 * mode + 2 THEN to_jsonb('***' || right(d #>> '{}', mode))
    ELSE '"***"'::jsonb END`)
	}
	return out
}
