package emitter

import (
	"strconv"
	"strings"

	"gorm.io/gorm"
)

// inserter makes the INSERT statements of one table.
type inserter interface {
	// batch returns a statement without rows.
	batch() batchBuilder
}

// batchBuilder is an INSERT statement that grows by rows.
type batchBuilder interface {
	add(r *row)
	statement() (query string, args []any)
	reset()
}

func newInserter(db *gorm.DB, dialect string, table tableName) inserter {
	switch dialect {
	case postgres:
		return newArrayInserter(table)
	case sqlite, mysql:
		head := "INSERT INTO " + table.quoted(dialect) + " (" + list(dialect, Columns()[1:]) + ") VALUES "
		placeholders := "(" + strings.Repeat("?,", insertedColumns-1) + "?)"
		// Texts, not time.Time, so that no driver setting moves the time: in
		// SQLite as its driver writes times, but of a fixed length, for ordering.
		layout := "2006-01-02 15:04:05.000000"
		if dialect == sqlite {
			layout += "+00:00"
		}
		return &valuesInserter{head: head, row: func(int) string { return placeholders }, layout: layout}
	default:
		return newGenericInserter(db, table)
	}
}

// quoter returns db's way to quote names.
func quoter(db *gorm.DB) func(string) string {
	return func(name string) string {
		var b strings.Builder
		db.QuoteTo(&b, name)
		return b.String()
	}
}

// newGenericInserter lets the dialect quote names and write placeholders.
func newGenericInserter(db *gorm.DB, table tableName) inserter {
	quoteWith := quoter(db)
	names := Columns()[1:]
	for i, name := range names {
		names[i] = quoteWith(name)
	}
	row := func(first int) string {
		// BindVarTo numbers placeholders by how many values the statement has.
		stmt := &gorm.Statement{DB: db, Vars: make([]any, first)}
		var b strings.Builder
		for i := range insertedColumns {
			if i > 0 {
				b.WriteByte(',')
			}
			stmt.Vars = append(stmt.Vars, nil)
			db.BindVarTo(&b, stmt, nil)
		}
		return "(" + b.String() + ")"
	}
	return &valuesInserter{
		head: "INSERT INTO " + quoteWith(table.dotted()) + " (" + strings.Join(names, ",") + ") VALUES ",
		row:  row,
	}
}

// valuesInserter writes INSERT … VALUES (?,…),(?,…).
type valuesInserter struct {
	head string
	// row returns the placeholders of a row that follows first values.
	row func(first int) string
	// layout writes the time; without one it is passed as a time.Time, and the
	// version as a number.
	layout string
}

func (v *valuesInserter) batch() batchBuilder { return &valuesBatch{inserter: v} }

type valuesBatch struct {
	inserter *valuesInserter
	args     []any
}

func (b *valuesBatch) add(r *row) {
	start := len(b.args)
	for i := range r.text {
		if r.null[i] {
			b.args = append(b.args, nil)
		} else {
			b.args = append(b.args, r.text[i])
		}
	}
	b.args[start+versionAt] = int64(r.version)
	b.args[start+timeAt] = r.time
	if b.inserter.layout != "" {
		b.args[start+timeAt] = r.time.Format(b.inserter.layout)
	}
}

func (b *valuesBatch) statement() (string, []any) {
	var q strings.Builder
	q.WriteString(b.inserter.head)
	for first := 0; first < len(b.args); first += insertedColumns {
		if first > 0 {
			q.WriteByte(',')
		}
		q.WriteString(b.inserter.row(first))
	}
	return q.String(), b.args
}

func (b *valuesBatch) reset() { b.args = b.args[:0] }

// arrayInserter writes INSERT … SELECT … FROM unnest($1::text[], …): one array
// per column. The text of the statement does not depend on the number of rows,
// so that drivers which cache statements hold one of ours, and it is the fastest
// for many rows. The arrays are passed as text, which every driver can.
type arrayInserter struct{ query string }

func newArrayInserter(table tableName) *arrayInserter {
	all := columns()[1:]
	var names, values, arrays, aliases []string
	for i, c := range all {
		alias := "c" + strconv.Itoa(i)
		cast := ""
		switch c.kind {
		case kindTime:
			cast = "::timestamptz"
		case kindJSON:
			cast = "::jsonb"
		case kindInt:
			cast = "::integer"
		case kindText, kindSeq:
		}
		names = append(names, quote(postgres, c.name))
		values = append(values, "r."+alias+cast)
		arrays = append(arrays, "$"+strconv.Itoa(i+1)+"::text[]")
		aliases = append(aliases, alias)
	}
	return &arrayInserter{"INSERT INTO " + table.quoted(postgres) + " (" + strings.Join(names, ",") + ") SELECT " +
		strings.Join(values, ",") + " FROM unnest(" + strings.Join(arrays, ",") + ") WITH ORDINALITY AS r(" +
		strings.Join(aliases, ",") + ",n) ORDER BY r.n"}
}

func (a *arrayInserter) batch() batchBuilder { return &arrayBatch{query: a.query} }

type arrayBatch struct {
	query  string
	arrays [insertedColumns][]byte
}

func (b *arrayBatch) add(r *row) {
	r.text[timeAt] = r.time.Format("2006-01-02T15:04:05.000000Z")
	r.text[versionAt] = strconv.Itoa(r.version)
	for i := range r.text {
		array := b.arrays[i]
		if len(array) == 0 {
			array = append(array, '{')
		} else {
			array = append(array, ',')
		}
		if r.null[i] {
			array = append(array, "NULL"...)
		} else {
			array = appendElement(array, r.text[i])
		}
		b.arrays[i] = array
	}
}

// appendElement quotes s as an element of PostgreSQL's text form of arrays.
func appendElement(array []byte, s string) []byte {
	array = append(array, '"')
	for {
		i := strings.IndexAny(s, `"\`)
		if i < 0 {
			break
		}
		array = append(array, s[:i]...)
		array = append(array, '\\', s[i])
		s = s[i+1:]
	}
	array = append(array, s...)
	return append(array, '"')
}

func (b *arrayBatch) statement() (string, []any) {
	args := make([]any, insertedColumns)
	for i := range b.arrays {
		args[i] = string(b.arrays[i]) + "}"
	}
	return b.query, args
}

func (b *arrayBatch) reset() {
	for i := range b.arrays {
		b.arrays[i] = b.arrays[i][:0]
	}
}
