package emitter

import (
	"strconv"
	"strings"
)

// postgresInserter writes one row as VALUES, and several as INSERT … SELECT … FROM
// unnest($1::text[], …): one array per column, and the columns that all rows share
// as they are. The text of the statements does not depend on the number of rows, so
// that drivers which cache statements hold three of ours, and it is the fastest for
// many rows. Everything is passed as text, which every driver can.
type postgresInserter struct{ one, whole, shared string }

func newPostgresInserter(table tableName) *postgresInserter {
	all := columns()[1:]
	var names, values, whole, shared, arrays, aliases, sharedArrays, sharedAliases []string
	scalars := 0
	for i, c := range all {
		cast := "::text"
		switch c.kind {
		case kindTime:
			cast += "::timestamptz"
		case kindJSON:
			cast += "::jsonb"
		case kindInt:
			cast += "::integer"
		case kindText, kindSeq:
		}
		alias := "c" + strconv.Itoa(i)
		names = append(names, quote(postgres, c.name))
		values = append(values, "$"+strconv.Itoa(i+1)+cast)
		whole = append(whole, "r."+alias+cast)
		arrays = append(arrays, "$"+strconv.Itoa(i+1)+"::text[]")
		aliases = append(aliases, alias)
		if isPerRow(i) {
			shared = append(shared, "r."+alias+cast)
			sharedArrays = append(sharedArrays, "$"+strconv.Itoa(insertedColumns-len(perRow)+len(sharedArrays)+1)+"::text[]")
			sharedAliases = append(sharedAliases, alias)
		} else {
			scalars++
			shared = append(shared, "$"+strconv.Itoa(scalars)+cast)
		}
	}
	head := "INSERT INTO " + table.quoted(postgres) + " (" + strings.Join(names, ",") + ") "
	unnest := func(values, arrays, aliases []string) string {
		return head + "SELECT " + strings.Join(values, ",") + " FROM unnest(" + strings.Join(arrays, ",") +
			") WITH ORDINALITY AS r(" + strings.Join(aliases, ",") + ",n) ORDER BY r.n"
	}
	return &postgresInserter{
		one:    head + "VALUES (" + strings.Join(values, ",") + ")",
		whole:  unnest(whole, arrays, aliases),
		shared: unnest(shared, sharedArrays, sharedAliases),
	}
}

func (p *postgresInserter) chunk(n int) int { return n }

const postgresTime = "2006-01-02T15:04:05.000000Z"

func (p *postgresInserter) statement(rows []row) (string, []any) {
	args := make([]any, 0, insertedColumns)
	switch {
	case len(rows) == 1:
		for c := range insertedColumns {
			args = append(args, rows[0].asText(c))
		}
		return p.one, args
	case sharing(rows):
		for c := range insertedColumns {
			if !isPerRow(c) {
				args = append(args, rows[0].asText(c))
			}
		}
		for _, c := range perRow {
			args = append(args, array(rows, c))
		}
		return p.shared, args
	}
	for c := range insertedColumns {
		args = append(args, array(rows, c))
	}
	return p.whole, args
}

// asText is value with the version as text.
func (r *row) asText(column int) any {
	if column == versionAt {
		return strconv.Itoa(r.version)
	}
	return r.value(column, postgresTime)
}

// array is a column of rows in PostgreSQL's text form of arrays.
func array(rows []row, column int) string {
	size := 2
	for i := range rows {
		size += len(rows[i].text[column]) + len(rows[i].text[column])/4 + 8
	}
	if column == timeAt {
		size += len(rows) * len(postgresTime)
	}
	b := make([]byte, 0, size)
	b = append(b, '{')
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		switch r := &rows[i]; {
		case column == timeAt:
			b = append(b, '"')
			b = r.time.AppendFormat(b, postgresTime)
			b = append(b, '"')
		case column == versionAt:
			b = strconv.AppendInt(b, int64(r.version), 10)
		case r.null[column]:
			b = append(b, "NULL"...)
		default:
			b = appendElement(b, r.text[column])
		}
	}
	return string(append(b, '}'))
}

// appendElement quotes s as an element of PostgreSQL's text form of arrays.
func appendElement(array []byte, s string) []byte {
	array = append(array, '"')
	start := 0
	for i := range len(s) {
		if c := s[i]; c == '"' || c == '\\' {
			array = append(array, s[start:i]...)
			array = append(array, '\\')
			start = i
		}
	}
	array = append(array, s[start:]...)
	return append(array, '"')
}
