package trigger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// mariadb writes MariaDB's triggers. They are of rows. What foreign keys change fires none.
type mariadb struct{}

func (mariadb) prepare([]*subject) []string { return nil }

// maxMariaDBName is how long names may be, in characters.
const maxMariaDBName = 64

func (mariadb) names(s *subject) []string {
	return []string{
		named(maxMariaDBName, s.Catalog.Name, "insert"), named(maxMariaDBName, s.Catalog.Name, "update"), named(maxMariaDBName, s.Catalog.Name, "delete"),
	}
}

func (l mariadb) quoted(s *subject, name string) string {
	return dialect.Table{Schema: s.Catalog.Schema, Name: name}.Quoted(dialect.MySQL)
}

func (l mariadb) drop(s *subject) []string {
	var out []string
	for _, name := range l.names(s) {
		out = append(out, "DROP TRIGGER IF EXISTS "+l.quoted(s, name))
	}
	return out
}

func (l mariadb) create(s *subject) ([]string, error) {
	if s.bestEffort {
		return nil, fmt.Errorf("%w: BestEffort: a trigger of MariaDB's that goes on after a deadlock would hide it", ErrInvalid)
	}
	var out []string
	names := l.names(s)
	for i, event := range []string{"INSERT", "UPDATE", "DELETE"} {
		if !s.records(event) {
			out = append(out, "DROP TRIGGER IF EXISTS "+l.quoted(s, names[i]))
			continue
		}
		body := l.body(s, event)
		out = append(out, "CREATE OR REPLACE TRIGGER "+l.quoted(s, names[i])+" AFTER "+event+" ON "+l.quoted(s, s.Catalog.Name)+" FOR EACH ROW\nBEGIN "+stamp(body)+"\n"+body+"END")
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

func (l mariadb) body(s *subject, event string) string {
	v := mariadbValues{limit: s.limit}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	roles := make([]string, len(s.roles))
	for i, r := range s.roles {
		roles[i] = mysqlText(r)
	}
	const column = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
	line("  DECLARE v_o, v_n, v_shown_o, v_shown_n, v_told %s;", column)
	line("  DECLARE v_was, v_now, v_names, v_changes %s DEFAULT '';", column)
	line("  DECLARE v_more BOOL DEFAULT FALSE;")
	line("  IF NOT (%s = %d AND BINARY SUBSTRING_INDEX(USER(), '@', 1) IN (%s)) THEN", companion.Session, companion.Number(s.Catalog.Name), strings.Join(roles, ", "))
	line("  SET v_told = IF(JSON_VALID(%s), CONVERT(%s USING utf8mb4), '{}');", companion.Variable, companion.Variable)
	switch event {
	case "INSERT":
		for _, c := range s.columns {
			l.member(line, v, "v_now", c, "NEW.")
		}
		line("  %s;", l.insert(s, v, "'create'", "NEW.", "NULL", image("v_now"), "NULL", "NULL"))
	case "DELETE":
		for _, c := range s.columns {
			l.member(line, v, "v_was", c, "OLD.")
		}
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
	line("  END IF;")
	return b.String()
}

func image(members string) string { return "CONCAT('{', SUBSTR(" + members + ", 2), '}')" }

// member adds a column to the image of a row that came or went.
func (mariadb) member(line func(string, ...any), v mariadbValues, into string, c column, row string) {
	line("  SET v_o = %s;", v.value(c, row))
	line("  SET %s = CONCAT(%s, %s, IFNULL(%s, 'null'));", into, into, mysqlText(","+member(c.name)+":"), v.shown(c, row, "v_o"))
}

// difference adds a column to the images of a changed row, if it differs.
func (mariadb) difference(line func(string, ...any), v mariadbValues, c column) {
	line("  SET v_o = %s, v_n = %s;", v.value(c, "OLD."), v.value(c, "NEW."))
	line("  IF NOT (v_o <=> v_n)%s THEN", v.differsInside(c))
	line("    SET v_shown_o = IFNULL(%s, 'null'), v_shown_n = IFNULL(%s, 'null');", v.shown(c, "OLD.", "v_o"), v.shown(c, "NEW.", "v_n"))
	name := mysqlText("," + member(c.name) + ":")
	line("    SET v_was = CONCAT(v_was, %s, v_shown_o), v_now = CONCAT(v_now, %s, v_shown_n), v_names = CONCAT(v_names, %s),", name, name, mysqlText(","+member(c.name)))
	line("      v_changes = CONCAT(v_changes, %s, v_shown_o, ',\"to\":', v_shown_n, '}'), v_more = v_more OR %t;", mysqlText(`,{"path":`+member(c.path)+`,"from":`), !c.timestamp)
	line("  END IF;")
}

func (l mariadb) insert(s *subject, v mariadbValues, action, row, before, after, changed, changes string) string {
	told := func(name, otherwise string) string {
		return "COALESCE(JSON_VALUE(v_told, '$." + name + "'), " + otherwise + ")"
	}
	values := []string{mariadbID, "UTC_TIMESTAMP(6)", action, "'success'", mysqlText(s.RecordType), mysqlText(s.Model.Table), v.recordID(s.key, row), before, after, changed, changes}
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
		values = append(values, fmt.Sprintf("LEFT(%s, %d)", told(name, otherwise), most))
	}
	values = append(
		values,
		"JSON_MERGE_PATCH(IF(JSON_TYPE(JSON_EXTRACT(v_told, '$.metadata')) = 'OBJECT', JSON_EXTRACT(v_told, '$.metadata'), '{}'), JSON_OBJECT('auditplugin', JSON_OBJECT('by', 'trigger', 'pid', CONNECTION_ID())))",
		"COALESCE(JSON_VALUE(v_told, "+mysqlText("$.causes."+member(s.Model.Table))+"), JSON_VALUE(v_told, '$.cause'), '')", "1",
	)
	trail := s.audit
	if trail.Schema == "" {
		trail.Schema = s.Catalog.Schema
	}
	return "INSERT INTO " + trail.Quoted(dialect.MySQL) + " (" + trailColumns(dialect.MySQL) + ")\n    VALUES (" + strings.Join(values, ",\n      ") + ")"
}

// mariadbID is a UUIDv7.
const mariadbID = `(SELECT CONCAT(SUBSTR(ms, 1, 8), '-', SUBSTR(ms, 9, 4), '-7', SUBSTR(r, 1, 3), '-', SUBSTR('89ab', 1 + FLOOR(RAND() * 4), 1), SUBSTR(r, 4, 3), '-', SUBSTR(r, 7, 12))
      FROM (SELECT LOWER(LPAD(HEX(FLOOR(UNIX_TIMESTAMP(NOW(6)) * 1000)), 12, '0')) AS ms, MD5(CONCAT(UUID(), RAND(), CONNECTION_ID())) AS r) AS made)`

func (mariadb) there() string {
	return `SELECT TRIGGER_NAME, ACTION_STATEMENT, 1 FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ?`
}

func (mariadb) makes(statement, trigger string) bool { return strings.Contains(statement, trigger) }

func (mariadb) loggedIn() string { return "SELECT SUBSTRING_INDEX(USER(), '@', 1)" }

func (mariadb) around(ctx context.Context, db *sql.DB, s *subject) ([]Drift, error) {
	var format string
	var logs bool
	if err := db.QueryRowContext(ctx, "SELECT @@binlog_format, @@log_bin").Scan(&format, &logs); err != nil {
		return nil, err
	}
	if !logs || format != "STATEMENT" {
		return nil, nil
	}
	return []Drift{{Kind: Unseen, Table: s.Catalog.Name, Name: "binlog_format=STATEMENT"}}, nil
}
