package catalog

import (
	"context"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// mysqlSelect is one part of a UNION ALL over information_schema. Its tables have
// different collations on different servers, which UNION refuses to mix, so that
// each value is converted to one. The schema and the name are compared as
// constants: that lets the server open one table's definition and no other.
type mysqlSelect struct {
	tag     string
	columns []string
	from    string
}

func (s mysqlSelect) sql(width int) string {
	var b strings.Builder
	b.WriteString("SELECT '" + s.tag + "'")
	for i := range width {
		value := "''"
		if i < len(s.columns) {
			value = s.columns[i]
		}
		b.WriteString(", CONVERT(" + value + " USING utf8mb4)")
	}
	return b.String() + " FROM " + s.from
}

// mysqlTable returns the statement that describes a table, and its arguments.
func mysqlTable(schema, name string) (query string, args []any) {
	const width = 9
	parts := []mysqlSelect{
		{"t", []string{
			"TABLE_SCHEMA", "TABLE_NAME", "TABLE_TYPE", "ENGINE", "CREATE_OPTIONS",
			"@@lower_case_table_names", "@@foreign_key_checks + 0", "VERSION()",
		}, "information_schema.TABLES WHERE TABLE_SCHEMA = :schema: AND TABLE_NAME = :name:"},
		{"c", []string{
			"TABLE_NAME", "ORDINAL_POSITION", "COLUMN_NAME", "COLUMN_TYPE", "IS_NULLABLE",
			"CONCAT('=', COLUMN_DEFAULT)", "EXTRA", "GENERATION_EXPRESSION", "CONCAT(PRIVILEGES, ' ', COALESCE(COLLATION_NAME, ''))",
		}, "information_schema.COLUMNS WHERE TABLE_SCHEMA = :schema: AND TABLE_NAME = :name:"},
		{"i", []string{
			"TABLE_NAME", "INDEX_NAME", "SEQ_IN_INDEX", "COLUMN_NAME", "SUB_PART",
		}, "information_schema.STATISTICS WHERE TABLE_SCHEMA = :schema: AND TABLE_NAME = :name: AND NON_UNIQUE = 0"},
		{"g", []string{
			"EVENT_OBJECT_TABLE", "ACTION_TIMING",
		}, "information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = :schema: AND EVENT_OBJECT_TABLE = :name: AND LEFT(TRIGGER_NAME, 12) <> 'auditplugin_'"},
	}
	// Who may see the table's triggers has been granted the right to make them, for
	// the table, its database or everything; who may see InnoDB's own tables, the right
	// named PROCESS. Rights that come with a role are not found, which costs time and
	// nothing else.
	grantee := `CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')` // with ANSI_QUOTES '"' names a column
	for _, g := range []string{
		"USER_PRIVILEGES WHERE ",
		"SCHEMA_PRIVILEGES WHERE :schema: LIKE TABLE_SCHEMA AND ",
		"TABLE_PRIVILEGES WHERE TABLE_SCHEMA = :schema: AND TABLE_NAME = :name: AND ",
	} {
		parts = append(parts, mysqlSelect{"p", []string{"PRIVILEGE_TYPE"}, "information_schema." + g + "PRIVILEGE_TYPE IN ('TRIGGER', 'PROCESS') AND GRANTEE = " + grantee})
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.sql(width)
	}
	query = mysqlParameter.ReplaceAllStringFunc(strings.Join(texts, "\nUNION ALL "), func(p string) string {
		switch {
		case p == ":name:":
			args = append(args, name)
		case schema == "":
			return "DATABASE()"
		default:
			args = append(args, schema)
		}
		return "?"
	})
	return query, args
}

var mysqlParameter = regexp.MustCompile(":schema:|:name:")

func loadMySQL(ctx context.Context, conn audit.Conn, t *Table) error {
	// Identifiers stop at U+FFFF, and the server refuses to compare others.
	for _, r := range t.Schema + t.Name {
		if r > 0xFFFF {
			return nil
		}
	}
	query, args := mysqlTable(t.Schema, t.Name)
	rows, err := queryStrings(ctx, conn, query, args...)
	if err != nil {
		return err
	}
	// information_schema compares more loosely than the server names tables.
	same := func(a, b string) bool { return a == b }
	for _, r := range rows {
		if r[0] == "t" && r[6] != "0" {
			same = strings.EqualFold
		}
	}
	asked, mariaDB, seesTriggers, seesInnoDB := t.Name, false, false, false
	var columns, indexes [][]string
	for _, r := range rows {
		switch {
		case r[0] == "t" && same(r[2], asked):
			t.Schema, t.Name, t.Kind = r[1], r[2], mysqlKind(r[3], r[4], r[5])
			t.ForeignKeysEnforced, mariaDB = r[7] == "1", strings.Contains(r[8], "MariaDB")
		case r[0] == "c" && same(r[1], asked):
			columns = append(columns, r)
		case r[0] == "i" && same(r[1], asked):
			indexes = append(indexes, r)
		case r[0] == "g" && same(r[1], asked):
			t.HasUserTriggers = true
			t.Triggered = t.Triggered || r[2] != "AFTER"
		case r[0] == "p":
			seesTriggers = seesTriggers || r[1] == "TRIGGER"
			seesInnoDB = seesInnoDB || r[1] == "PROCESS"
		}
	}
	t.Triggered = t.Triggered || !seesTriggers
	t.KeysMove = true // and none may delete it
	if t.Kind == Missing {
		return nil
	}
	t.foldNames, t.CanSelect, t.CanUpdate, t.CanLock = true, true, true, true
	checked := mysqlColumns(t, columns, mariaDB)
	mysqlUniques(t, withoutRowEnd(indexes, columns))
	find := mysqlReferences
	if mariaDB && seesInnoDB {
		find = innoDBReferences
	}
	keys, err := find(ctx, conn, t, same)
	if err != nil {
		return err
	}
	if err := mysqlIncoming(ctx, conn, t, keys); err != nil {
		return err
	}
	if mariaDB && checked {
		return mariaDBJSON(ctx, conn, t)
	}
	return nil
}

func mysqlKind(tableType, engine, options string) Kind {
	switch {
	case strings.HasSuffix(tableType, "VIEW"):
		return View
	case tableType == "SEQUENCE":
		return Missing
	case strings.Contains(options, "partitioned"):
		return Partitioned
	}
	switch strings.ToUpper(engine) {
	case "FEDERATED", "SPIDER", "CONNECT", "S3":
		return Foreign
	}
	return Plain
}

// mysqlColumns fills in the columns and reports whether one may be what MariaDB
// makes of JSON: a LONGTEXT in this collation, with a check constraint.
func mysqlColumns(t *Table, rows [][]string, mariaDB bool) (maybeJSON bool) {
	sort.SliceStable(rows, func(i, j int) bool { return number(rows[i][2]) < number(rows[j][2]) })
	for _, r := range rows {
		columnType, def, extra := strings.ToUpper(r[4]), r[6], strings.ToUpper(r[7])
		columnType, _, _ = strings.Cut(columnType, " /*") // MariaDB's COMPRESSED is a comment
		privileges, collation, _ := strings.Cut(r[9], " ")
		c := Column{
			Name: r[3], DBType: bareType(columnType), NotNull: r[5] == "NO",
			Generated:     r[8] != "" || strings.Contains(extra, "VIRTUAL GENERATED") || strings.Contains(extra, "STORED GENERATED"),
			Selectable:    hasWord(privileges, "select"),
			AutoIncrement: strings.Contains(extra, "AUTO_INCREMENT"),
			OnUpdate:      strings.Contains(extra, "ON UPDATE"),
			Size:          typeSize(columnType),
			Scale:         typeScale(columnType),
			UTF8:          strings.HasPrefix(collation, "utf8mb4_"),
		}
		if strings.HasPrefix(columnType, "TINYINT(1)") {
			c.DBType = "TINYINT(1)"
		}
		if strings.Contains(columnType, " UNSIGNED") && !strings.HasSuffix(c.DBType, " UNSIGNED") {
			c.DBType += " UNSIGNED"
		}
		// MariaDB writes the absence of a default as the word, and quotes texts.
		c.HasDefault = !c.Generated && def != "" && !(mariaDB && def == "=NULL")
		t.Columns = append(t.Columns, c)
		t.CanSelect = t.CanSelect && c.Selectable
		t.CanUpdate = t.CanUpdate && hasWord(privileges, "update")
		maybeJSON = maybeJSON || c.DBType == "LONGTEXT" && collation == "utf8mb4_bin"
	}
	return maybeJSON
}

// typeSize is the first number in a type's parentheses, or 0. That of an integer is
// a width for display.
func typeSize(columnType string) int {
	_, inside, _ := strings.Cut(columnType, "(")
	if bareType(columnType) == "ENUM" || strings.Contains(bareType(columnType), "INT") {
		return 0
	}
	end := strings.IndexAny(inside, ",)")
	if end < 0 {
		return 0
	}
	return number(inside[:end])
}

// typeScale is the second number in a decimal type's parentheses, or 0.
func typeScale(columnType string) int {
	_, inside, _ := strings.Cut(columnType, "(")
	inside, _, _ = strings.Cut(inside, ")")
	_, scale, _ := strings.Cut(inside, ",")
	if bareType(columnType) != "DECIMAL" {
		return 0
	}
	return number(scale)
}

func hasWord(list, word string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if item == word {
			return true
		}
	}
	return false
}

// withoutRowEnd leaves out of a system-versioned table's unique keys the end of a row's time,
// which MariaDB adds to each: among rows of today, which all end at the same time, the
// others are unique.
func withoutRowEnd(indexes, columns [][]string) [][]string {
	return slices.DeleteFunc(indexes, func(i []string) bool {
		return slices.ContainsFunc(columns, func(c []string) bool { return c[3] == i[4] && strings.EqualFold(c[8], "ROW END") })
	})
}

func mysqlUniques(t *Table, rows [][]string) {
	sort.SliceStable(rows, func(i, j int) bool {
		a, b := rows[i], rows[j]
		if a[2] != b[2] {
			// The primary key comes first, as it does everywhere else.
			return a[2] == "PRIMARY" || b[2] != "PRIMARY" && a[2] < b[2]
		}
		return number(a[3]) < number(b[3])
	})
	for start := 0; start < len(rows); {
		end, complete := start, true
		var cols []string
		for ; end < len(rows) && rows[end][2] == rows[start][2]; end++ {
			// No column name means an expression, a length means a prefix.
			complete = complete && rows[end][4] != "" && rows[end][5] == ""
			cols = append(cols, rows[end][4])
		}
		if rows[start][2] == "PRIMARY" {
			t.PrimaryKey = cols
		}
		t.addUnique(cols, complete)
		start = end
	}
}

// mariaDBJSON finds the LONGTEXT columns that were declared as JSON.
func mariaDBJSON(ctx context.Context, conn audit.Conn, t *Table) error {
	rows, err := queryStrings(ctx, conn, `SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
	WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?`, t.Schema, t.Name)
	if err != nil {
		return err
	}
	checks := make(map[string]bool, len(rows))
	for _, r := range rows {
		checks[r[0]] = true
	}
	for i := range t.Columns {
		quoted := "`" + strings.ReplaceAll(t.Columns[i].Name, "`", "``") + "`"
		if t.Columns[i].DBType == "LONGTEXT" && checks["json_valid("+quoted+")"] {
			t.Columns[i].DBType = "JSON"
		}
	}
	return nil
}

var mysqlDatabase = database{
	load:     loadMySQL,
	outgoing: mysqlOutgoing,
	version:  `SELECT VERSION(), @@version_comment`,
	numbers:  mysqlNumbers,
}

// Old clients made MariaDB put 5.5.5 in front of its version.
var mariaDBPattern = regexp.MustCompile(`(?i)(\d+)\.(\d+)\.(\d+)-mariadb`)

// mysqlNumbers tells MariaDB from MySQL.
func mysqlNumbers(s *Server, version, detail string) []string {
	match := mariaDBPattern.FindStringSubmatch(version)
	s.MariaDB = match != nil || strings.Contains(strings.ToLower(version+" "+detail), "mariadb")
	return match
}
