package trigger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// mysql writes MariaDB's triggers, and MySQL's. They are of rows.
type mysql struct{ server catalog.Server }

// mysqlOf asks which of both it is.
func mysqlOf(ctx context.Context, db *gorm.DB) (language, error) {
	pool, err := errorsOf.Pool(db)
	if err != nil {
		return nil, err
	}
	server, err := catalog.LoadServer(ctx, pool, dialect.MySQL)
	return mysql{server}, err
}

func (l mysql) prepare(all []*subject) (out []string) {
	for _, s := range all {
		if s.hashes {
			out = append(out, "CREATE TABLE IF NOT EXISTS "+l.keyTable(s)+" (id VARCHAR(16) NOT NULL, ipad VARBINARY(64) NOT NULL, opad VARBINARY(64) NOT NULL)")
		}
	}
	return slices.Compact(out)
}

// keyTable is where the hash key is.
func (mysql) keyTable(s *subject) string {
	return dialect.Table{Schema: cmp.Or(s.audit.Schema, s.Catalog.Schema), Name: companion.Prefix + "hash_key"}.Quoted(dialect.MySQL)
}

// maxMySQLName is how long names may be, in characters.
const maxMySQLName = 64

func (mysql) names(s *subject) []string {
	return []string{
		named(maxMySQLName, s.Catalog.Name, "insert"), named(maxMySQLName, s.Catalog.Name, "update"), named(maxMySQLName, s.Catalog.Name, "delete"),
	}
}

func (l mysql) quoted(s *subject, name string) string {
	return dialect.Table{Schema: s.Catalog.Schema, Name: name}.Quoted(dialect.MySQL)
}

func (l mysql) drop(s *subject) []string {
	var out []string
	for _, name := range l.names(s) {
		out = append(out, "DROP TRIGGER IF EXISTS "+l.quoted(s, name))
	}
	return out
}

func (l mysql) create(s *subject) ([]string, error) {
	if s.bestEffort {
		return nil, fmt.Errorf("%w: BestEffort: a trigger of MySQL's or MariaDB's that goes on after a deadlock would hide it", ErrInvalid)
	}
	out, begin := []string(nil), "CREATE OR REPLACE TRIGGER "
	if !l.server.MariaDB {
		out, begin = l.drop(s), "CREATE TRIGGER " // MySQL knows no other way
	}
	names := l.names(s)
	for i, event := range []string{"INSERT", "UPDATE", "DELETE"} {
		if !s.records(event) {
			out = append(out, "DROP TRIGGER IF EXISTS "+l.quoted(s, names[i]))
			continue
		}
		body := l.body(s, event)
		out = append(out, begin+l.quoted(s, names[i])+" AFTER "+event+" ON "+l.quoted(s, s.Catalog.Name)+" FOR EACH ROW\nBEGIN "+stamped(s.Catalog, body+"END"))
	}
	return out, nil
}

// mysqlText is a text as SQL, in every sql_mode.
func mysqlText(s string) string {
	if strings.ContainsAny(s, "\\\x00") {
		return fmt.Sprintf("CONVERT(X'%x' USING utf8mb4)", s)
	}
	return text(s)
}

func (l mysql) body(s *subject, event string) string {
	v := mysqlValues{limit: s.limit, mariaDB: l.server.MariaDB}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	roles := make([]string, len(s.roles))
	for i, r := range s.roles {
		roles[i] = mysqlText(r)
	}
	const column = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
	line("  IF NOT (%s = %d AND CAST(SUBSTRING_INDEX(USER(), '@', 1) AS BINARY) IN (%s)) THEN BEGIN -- what is declared outside is made for every row", companion.Session(l.server), companion.Number(s.Catalog.Name), strings.Join(roles, ", "))
	line("  DECLARE v_o, v_n, v_shown_o, v_shown_n, v_told, v_key %s;", column)
	line("  DECLARE v_ms, v_random VARCHAR(64);")
	line("  DECLARE v_was, v_now, v_names, v_changes %s DEFAULT '';", column)
	line("  DECLARE v_more BOOL DEFAULT FALSE;")
	if s.hashes {
		line("  DECLARE v_hash_key VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;")
		line("  DECLARE v_ipad, v_opad VARBINARY(64);")
	}
	line("  SET v_told = IF(JSON_VALID(%s), CONVERT(%s USING utf8mb4), NULL);", companion.Variable, companion.Variable)
	if s.hashes {
		for _, name := range [][2]string{{"v_hash_key", "id"}, {"v_ipad", "ipad"}, {"v_opad", "opad"}} {
			line("  SET %s = (SELECT %s FROM %s LIMIT 1);", name[0], name[1], l.keyTable(s))
		}
	}
	switch event {
	case "INSERT":
		l.members(line, v, "v_now", s.columns, "NEW.")
		line("  %s;", l.insert(s, v, "'create'", "NEW.", "NULL", image("v_now"), "NULL", "NULL"))
	case "DELETE":
		l.members(line, v, "v_was", s.columns, "OLD.")
		line("  %s;", l.insert(s, v, "'delete'", "OLD.", image("v_was"), "NULL", "NULL", "NULL"))
	default:
		for _, c := range s.columns {
			l.difference(line, v, c)
		}
		condition := "v_names <> ''"
		if s.onlyTimestamps {
			condition += " AND v_more"
		}
		condition += s.among(v.action(s.soft()))
		line("  IF %s THEN", condition)
		line("    %s;", l.insert(s, v, v.action(s.soft()), "OLD.", image("v_was"), image("v_now"), "CONCAT('[', SUBSTR(v_names, 2), ']')", "CONCAT('[', SUBSTR(v_changes, 2), ']')"))
		line("  END IF;")
	}
	line("  END; END IF;")
	return b.String()
}

func image(members string) string { return "CONCAT('{', SUBSTR(" + members + ", 2), '}')" }

// members puts the image of a row that came or went together, in as few statements as can
// be: each is one to run for every row.
func (mysql) members(line func(string, ...any), v mysqlValues, into string, columns []column, row string) {
	parts := []string{into}
	flush := func() {
		if len(parts) > 1 {
			line("  SET %s = CONCAT(%s);", into, strings.Join(parts, ",\n    "))
		}
		parts = []string{into}
	}
	for _, c := range columns {
		value := v.value(c, row)
		if v.shown(c, row, "v_o") != "v_o" {
			flush()
			line("  SET v_o = %s;", value)
			value = v.shown(c, row, "v_o")
		}
		parts = append(parts, fmt.Sprintf("%s, IFNULL(%s, 'null')", mysqlText(","+member(c.name)+":"), value))
	}
	flush()
}

// difference adds a column to the images of a changed row, if it differs. What is the same
// to the last bit is not worked out.
func (mysql) difference(line func(string, ...any), v mysqlValues, c column) {
	o, n := v.stored(c, "OLD."), v.stored(c, "NEW.")
	line("  IF NOT (%s <=> %s) THEN", o, n)
	line("  SET v_o = %s, v_n = %s;", v.value(c, "OLD."), v.value(c, "NEW."))
	line("  IF NOT (v_o <=> v_n)%s THEN", v.differsInside(c))
	line("    SET v_shown_o = IFNULL(%s, 'null'), v_shown_n = IFNULL(%s, 'null');", v.shown(c, "OLD.", "v_o"), v.shown(c, "NEW.", "v_n"))
	name := mysqlText("," + member(c.name) + ":")
	line("    SET v_was = CONCAT(v_was, %s, v_shown_o), v_now = CONCAT(v_now, %s, v_shown_n), v_names = CONCAT(v_names, %s),", name, name, mysqlText(","+member(c.name)))
	line("      v_changes = CONCAT(v_changes, %s, v_shown_o, ',\"to\":', v_shown_n, '}'), v_more = v_more OR %t;", mysqlText(`,{"path":`+member(c.path)+`,"from":`), !c.timestamp)
	line("  END IF; END IF;")
}

func (l mysql) insert(s *subject, v mysqlValues, action, row, before, after, changed, changes string) string {
	told := func(path, otherwise string) string { return "COALESCE(" + v.told(path) + ", " + otherwise + ")" }
	values := []string{mysqlID, "UTC_TIMESTAMP(6)", action, "'success'", mysqlText(s.RecordType), mysqlText(s.Model.Table), mysqlKey, before, after, changed, changes}
	for _, name := range companion.Texts() {
		otherwise, most := "''", 255
		switch name {
		case "actor_type":
			otherwise = "'db'"
		case "actor_id":
			otherwise = "SUBSTRING_INDEX(USER(), '@', 1)"
		case "ip":
			otherwise = "IF(IS_IPV4(SUBSTRING_INDEX(USER(), '@', -1)) OR IS_IPV6(SUBSTRING_INDEX(USER(), '@', -1)), SUBSTRING_INDEX(USER(), '@', -1), '')"
		case "host":
			otherwise = "@@hostname"
		case "transaction_id": // nothing names the transaction itself
			otherwise = "CONCAT('maria:', CONNECTION_ID(), '-', DATE_FORMAT(UTC_TIMESTAMP(6), '%Y%m%d%H%i%s%f'))"
		case "message", "reason":
			most = 4096
		case "user_agent":
			most = 512
		}
		values = append(values, fmt.Sprintf("LEFT(%s, %d)", told("$."+name, otherwise), most))
	}
	values = append(
		values,
		"JSON_MERGE_PATCH(IF(JSON_TYPE(JSON_EXTRACT(v_told, '$.metadata')) = 'OBJECT', JSON_EXTRACT(v_told, '$.metadata'), '{}'), JSON_OBJECT('auditplugin', JSON_OBJECT('by', 'trigger', 'pid', CONNECTION_ID())))",
		told("$.causes."+member(s.Model.Table), told("$.cause", "''")), "1",
	)
	trail := dialect.Table{Schema: cmp.Or(s.audit.Schema, s.Catalog.Schema), Name: s.audit.Name}
	return mysqlRandom + ", v_key = " + v.recordID(s.key, row) + ";\n  INSERT INTO " + trail.Quoted(dialect.MySQL) + " (" + trailColumns(dialect.MySQL) + ")\n    VALUES (" + strings.Join(values, ",\n      ") + ")"
}

// mysqlID is a UUIDv7 of the two variables that mysqlRandom sets: a subquery would be a
// table for each row.
const (
	mysqlRandom = "SET v_ms = LOWER(LPAD(HEX(FLOOR(UNIX_TIMESTAMP(NOW(6)) * 1000)), 12, '0')), v_random = SHA2(CONCAT(UUID(), RAND(), CONNECTION_ID()), 256)"
	mysqlID     = "CONCAT(SUBSTR(v_ms, 1, 8), '-', SUBSTR(v_ms, 9, 4), '-7', SUBSTR(v_random, 1, 3), '-', SUBSTR('89ab', 1 + FLOOR(RAND() * 4), 1), SUBSTR(v_random, 4, 3), '-', SUBSTR(v_random, 7, 12))"
)

func (mysql) tables() string {
	return `SELECT DISTINCT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND LEFT(TRIGGER_NAME, 12) = 'auditplugin_' ORDER BY 2`
}

func (mysql) there() string {
	return `SELECT TRIGGER_NAME, ACTION_STATEMENT, 1 FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ?`
}

func (mysql) makes(statement, trigger string) bool { return strings.Contains(statement, trigger) }

func (mysql) loggedIn() string { return "SELECT SUBSTRING_INDEX(USER(), '@', 1)" }

func (mysql) around(ctx context.Context, db *sql.DB, t *catalog.Table) ([]Drift, error) {
	var format string
	var logs bool
	if err := db.QueryRowContext(ctx, "SELECT @@binlog_format, @@log_bin").Scan(&format, &logs); err != nil {
		return nil, err
	}
	if !logs || format != "STATEMENT" {
		return nil, nil
	}
	return []Drift{{Kind: Unseen, Table: t.Name, Name: "binlog_format=STATEMENT"}}, nil
}
