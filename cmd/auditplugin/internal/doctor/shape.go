package doctor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/emitter"
)

// column is one of the table's, or, with how it is defined, one that it should have.
type column struct {
	Name, Type string
	definition string
}

// index is one of the table's.
type index struct {
	Name     string
	Columns  string // joined by commas
	Distinct bool
	Invalid  bool
	sql      string // that makes it
}

// columns are those of the table that is there.
func (e *Exam) columns(ctx context.Context) (found []column, err error) {
	schema, name := e.parts()
	switch e.DB.Name() {
	case "postgres":
		err = e.ask(ctx, &found, `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_catalog.pg_attribute
			WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, e.quoted())
	case "mysql":
		err = e.ask(ctx, &found, `SELECT column_name AS name, column_type AS type FROM information_schema.columns
			WHERE table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND table_name = ? ORDER BY ordinal_position`, schema, name)
	case "sqlite":
		if schema == "" {
			schema = "main"
		}
		err = e.ask(ctx, &found, "SELECT name, type FROM pragma_table_info(?, ?) ORDER BY cid", name, schema)
	default:
		err = errUnknown
	}
	return found, err
}

// indexes are those of the table that is there, its primary key among them.
func (e *Exam) indexes(ctx context.Context) (found []index, err error) {
	schema, name := e.parts()
	switch e.DB.Name() {
	case "postgres":
		err = e.ask(ctx, &found, `SELECT i.relname AS name, x.indisunique AS "distinct", NOT x.indisvalid AS invalid,
				(SELECT string_agg(a.attname, ',' ORDER BY k.ord) FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(att, ord)
					JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.att) AS columns
			FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = to_regclass(?)`, e.quoted())
	case "mysql":
		err = e.ask(ctx, &found, "SELECT index_name AS name, MIN(non_unique) = 0 AS `distinct`, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns "+
			"FROM information_schema.statistics WHERE table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND table_name = ? GROUP BY index_name", schema, name)
	case "sqlite":
		if schema == "" {
			schema = "main"
		}
		err = e.ask(ctx, &found, "SELECT l.name, l.\"unique\" AS \"distinct\", (SELECT group_concat(i.name) FROM (SELECT name FROM pragma_index_info(l.name, ?2) ORDER BY seqno) i) AS columns "+
			"FROM pragma_index_list(?1, ?2) l", name, schema)
	default:
		err = errUnknown
	}
	return found, err
}

var (
	columnLine = regexp.MustCompile("(?m)^  [\"`]([a-z_]+)[\"`] (.+?),?$")
	keyLine    = regexp.MustCompile("(?m)^  ((?:UNIQUE )?KEY `([a-z0-9_]+)` \\((.+)\\)),?$")
	indexLine  = regexp.MustCompile("^CREATE (?:UNIQUE )?INDEX IF NOT EXISTS [\"`](.+?)[\"`] ON .+\\((.+)\\)$")
)

// wanted is what this release's emitter makes.
func (e *Exam) wanted() (columns []column, indexes []index, err error) {
	text, err := emitter.Table(emitter.Name(e.Table)).Schema(e.DB.Name())
	if err != nil {
		return nil, nil, err
	}
	statements := strings.Split(strings.TrimSpace(text), ";\n")
	for _, m := range columnLine.FindAllStringSubmatch(statements[0], -1) {
		columns = append(columns, column{Name: m[1], Type: m[2], definition: m[2]})
	}
	for _, m := range keyLine.FindAllStringSubmatch(statements[0], -1) {
		indexes = append(indexes, index{Name: m[2], Columns: list(m[3]), Distinct: strings.HasPrefix(m[1], "UNIQUE"), sql: "ALTER TABLE " + e.quoted() + " ADD " + m[1]})
	}
	for _, s := range statements[1:] {
		s = strings.TrimSuffix(s, ";")
		if m := indexLine.FindStringSubmatch(s); m != nil {
			indexes = append(indexes, index{Name: m[1], Columns: list(m[2]), Distinct: strings.HasPrefix(s, "CREATE UNIQUE"), sql: s})
		}
	}
	return columns, indexes, nil
}

// list is a list of columns as the catalog writes it.
func list(sql string) string {
	parts := strings.Split(sql, ",")
	for i, p := range parts {
		parts[i] = strings.Trim(strings.Fields(p)[0], "\"`")
	}
	return strings.Join(parts, ",")
}

// Missing are the statements that give the audit table what it lacks; a table that is
// not there lacks everything.
func Missing(ctx context.Context, db *gorm.DB, table string) ([]string, error) {
	e := Exam{DB: db, Table: table}
	there, err := e.there(ctx, table)
	if err != nil {
		return nil, err
	}
	if !there {
		text, err := emitter.Table(emitter.Name(table)).Schema(db.Name())
		return strings.Split(strings.TrimSuffix(strings.TrimSpace(text), ";"), ";\n"), err
	}
	lacking, _, err := e.lackingColumns(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, c := range lacking {
		all = append(all, e.addColumn(c))
	}
	without, _, err := e.lackingIndexes(ctx)
	for _, i := range without {
		all = append(all, i.sql)
	}
	return all, err
}

func (e *Exam) addColumn(c column) string {
	definition := c.definition
	switch {
	case !strings.HasSuffix(definition, "NOT NULL"):
	case family(definition) == "number":
		definition += " DEFAULT 1"
	case family(definition) == "text" && !(e.DB.Name() == "mysql" && strings.HasPrefix(definition, "TEXT")):
		definition += " DEFAULT ''"
	}
	return "ALTER TABLE " + e.quoted() + " ADD COLUMN " + e.DB.Statement.Quote(c.Name) + " " + definition
}

// lackingColumns are the ones that are missing, and those that have another type.
func (e *Exam) lackingColumns(ctx context.Context) (missing, other []column, err error) {
	want, _, err := e.wanted()
	if err != nil {
		return nil, nil, err
	}
	have, err := e.columns(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range want {
		i := slices.IndexFunc(have, func(h column) bool { return h.Name == w.Name })
		switch {
		case i < 0:
			missing = append(missing, w)
		case !fits(e.DB.Name(), w.Type, have[i].Type):
			other = append(other, column{Name: w.Name, Type: have[i].Type, definition: w.definition})
		}
	}
	return missing, other, nil
}

// lackingIndexes are the ones that no index does the work of, and those that the
// database has given up.
func (e *Exam) lackingIndexes(ctx context.Context) (missing, invalid []index, err error) {
	_, want, err := e.wanted()
	if err != nil {
		return nil, nil, err
	}
	have, err := e.indexes(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, h := range have {
		if h.Invalid {
			invalid = append(invalid, h)
		}
	}
	for _, w := range want {
		if !slices.ContainsFunc(have, func(h index) bool {
			// One on more columns serves, as a partitioned table's has them.
			return !h.Invalid && (h.Distinct || !w.Distinct) && (h.Columns == w.Columns || strings.HasPrefix(h.Columns, w.Columns+","))
		}) {
			missing = append(missing, w)
		}
	}
	return missing, invalid, nil
}

// family is what a type is for.
func family(sqlType string) string {
	t := strings.ToLower(sqlType)
	switch {
	case strings.HasPrefix(t, "timestamp"), strings.HasPrefix(t, "datetime"):
		return "time"
	case strings.HasPrefix(t, "json"):
		return "json"
	case strings.Contains(t, "int"):
		return "number"
	}
	return "text"
}

var length = regexp.MustCompile(`\((\d+)\)`)

// fits tells whether a column of a type holds what one of the wanted type does.
func fits(dialect, want, have string) bool {
	w, h := family(want), family(have)
	switch {
	case w == "json" && h == "text" && dialect == "mysql":
		return strings.HasPrefix(strings.ToLower(have), "longtext") // MariaDB's JSON
	case w != h:
		return false
	case w == "number" && strings.HasPrefix(strings.ToLower(want), "bigint"):
		return strings.HasPrefix(strings.ToLower(have), "bigint")
	case dialect == "mysql" && w == "time":
		return strings.Contains(have, "(6)")
	case dialect == "mysql" && w == "text":
		return chars(have) >= chars(want)
	case dialect == "postgres" && w == "text":
		return chars(have) >= 4096 // what the emitter writes at most
	case dialect == "postgres" && w == "time":
		return !strings.Contains(strings.ToLower(have), "without") && !strings.Contains(have, "(0)")
	case dialect == "postgres" && w == "json":
		return strings.EqualFold(have, "jsonb")
	}
	return true
}

// chars is how many characters a type of texts takes.
func chars(sqlType string) int {
	if m := length.FindStringSubmatch(sqlType); m != nil {
		n, err := strconv.Atoi(m[1])
		if err == nil {
			return n
		}
	}
	return 1 << 14
}

func columns(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	missing, other, err := e.lackingColumns(ctx)
	if err != nil {
		return err
	}
	for _, c := range missing {
		report(Fail, "column "+c.Name+" is missing", e.addColumn(c))
	}
	for _, c := range other {
		report(Fail, fmt.Sprintf("column %s is %s, which does not hold what is written", c.Name, c.Type), "make it "+c.definition)
	}
	if len(missing)+len(other) == 0 {
		report(OK, "all of this release are there", "")
	}
	return nil
}

func indexes(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	missing, invalid, err := e.lackingIndexes(ctx)
	if err != nil {
		return err
	}
	for _, i := range invalid {
		report(Warn, "index "+i.Name+" is invalid: its creation was interrupted", "REINDEX INDEX "+e.DB.Statement.Quote(i.Name))
	}
	for _, i := range missing {
		level, text := Warn, "no index on ("+strings.ReplaceAll(i.Columns, ",", ", ")+"): some questions read the whole table"
		if i.Distinct {
			level, text = Fail, "no unique index on ("+i.Columns+"): a record could be written twice"
		}
		if slices.ContainsFunc(invalid, func(h index) bool { return h.Columns == i.Columns }) {
			continue // said already
		}
		report(level, text, i.sql)
	}
	if len(missing)+len(invalid) == 0 {
		report(OK, "all are there", "")
	}
	return nil
}
