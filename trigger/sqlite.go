package trigger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// sqlite writes SQLite's triggers. They are of rows, and know no user.
type sqlite struct{}

func (sqlite) prepare([]*subject) []string { return companion.Tables() }

// maxSQLiteName bounds the names of triggers, which SQLite itself does not.
const maxSQLiteName = 200

func (sqlite) names(s *subject) []string {
	return []string{
		named(maxSQLiteName, s.Catalog.Name, "insert"), named(maxSQLiteName, s.Catalog.Name, "update"), named(maxSQLiteName, s.Catalog.Name, "delete"),
	}
}

func (l sqlite) drop(s *subject) []string {
	var out []string
	for _, name := range l.names(s) {
		out = append(out, "DROP TRIGGER IF EXISTS "+dialect.Quote(dialect.SQLite, name))
	}
	return out
}

func (l sqlite) create(s *subject) ([]string, error) {
	if s.bestEffort {
		return nil, fmt.Errorf("%w: BestEffort: SQLite's triggers can not go on after an error", ErrInvalid)
	}
	if s.hashes {
		return nil, fmt.Errorf("%w: HashKeyTable: SQLite can not make SHA-256 hashes", ErrInvalid)
	}
	if s.Catalog.Schema != "main" || s.audit.Schema != "" && s.audit.Schema != "main" {
		return nil, fmt.Errorf("%w: SQLite's triggers reach tables of their own database only; %s and the audit table have to be in main", ErrInvalid, s.Catalog.Name)
	}
	v := sqliteValues{limit: s.limit}
	out := l.drop(s)
	names := l.names(s)
	for i, event := range []string{"INSERT", "UPDATE", "DELETE"} {
		body := l.insert(s, v, event)
		if body == "" {
			continue
		}
		out = append(out, "CREATE TRIGGER "+dialect.Quote(dialect.SQLite, names[i])+" AFTER "+event+" ON "+dialect.Quote(dialect.SQLite, s.Catalog.Name)+"\n"+
			"WHEN NOT EXISTS (SELECT 1 FROM "+companion.QuietTable+" WHERE name = "+text(s.Catalog.Name)+")\n"+
			"BEGIN "+stamped(s.Catalog, body+";\nEND"))
	}
	return out, nil
}

// insert is the INSERT of one record, "" where an event has none.
func (l sqlite) insert(s *subject, v sqliteValues, event string) string {
	if !s.records(event) {
		return ""
	}
	row := "OLD."
	if event == "INSERT" {
		row = "NEW."
	}
	var action, from, where string
	images := []string{"NULL", "NULL", "NULL", "NULL"}
	switch event {
	case "INSERT":
		action, images[1] = "'create'", v.whole(s.columns, row)
	case "DELETE":
		action, images[0] = "'delete'", v.whole(s.columns, row)
	default:
		if len(s.columns) == 0 {
			return ""
		}
		action = "d.action"
		images = []string{"'{' || d.was || '}'", "'{' || d.now || '}'", "'[' || d.names || ']'", "'[' || d.changes || ']'"}
		from, where = ",\n  "+v.difference(s)+" AS d", "\n  WHERE d.names IS NOT NULL"
		if s.onlyTimestamps {
			where += " AND d.more"
		}
		where += s.among(action)
	}
	told := func(name, otherwise string) string {
		return "coalesce(json_extract(t.told, '$." + name + "'), " + otherwise + ")"
	}
	values := []string{
		sqliteID, sqliteNow, action, "'success'", text(s.RecordType), text(s.Model.Table), v.recordID(s.key, row),
		images[0], images[1], images[2], images[3],
	}
	for _, name := range companion.Texts() {
		switch name {
		case "actor_type":
			values = append(values, told(name, "'db'"))
		default:
			values = append(values, told(name, "''"))
		}
	}
	values = append(
		values,
		"json_set(coalesce(json_extract(t.told, '$.metadata'), '{}'), '$.auditplugin', json('{\"by\":\"trigger\"}'))",
		"coalesce(json_extract(t.told, "+text(`$.causes.`+member(s.Model.Table))+"), json_extract(t.told, '$.cause'), '')", "1",
	)
	return "  INSERT INTO " + dialect.Quote(dialect.SQLite, s.audit.Name) + " (" + trailColumns(dialect.SQLite) + ")\n  SELECT " +
		strings.Join(values, ",\n    ") + "\n  FROM (SELECT (SELECT context FROM " + companion.ContextTable + " WHERE id = 1) AS told) AS t" + v.keys(s.key, row) + from + where
}

// sqliteID is a UUIDv7.
const sqliteID = `(SELECT substr(ms, 1, 8) || '-' || substr(ms, 9, 4) || '-7' || substr(r, 1, 3) || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(r, 4, 3) || '-' || substr(r, 7, 12)
      FROM (SELECT printf('%012x', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)) AS ms, lower(hex(randomblob(9))) AS r))`

// sqliteNow is the time as the plugin stores it: without zeros at the end.
const sqliteNow = `rtrim(rtrim(strftime('%Y-%m-%d %H:%M:%f', 'now'), '0'), '.') || '+00:00'`

func (sqlite) tables() string {
	return `SELECT DISTINCT 'main', tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'auditplugin\_%' ESCAPE '\' ORDER BY 2`
}

func (sqlite) there() string {
	return `SELECT name, sql, 1 FROM sqlite_master WHERE type = 'trigger' AND 'main' = ?1 AND tbl_name = ?2`
}

func (sqlite) makes(statement, trigger string) bool { return strings.Contains(statement, trigger) }

func (sqlite) keyTable(*subject) string { return "" }

func (sqlite) loggedIn() string { return "" }

func (sqlite) around(ctx context.Context, db *sql.DB, t *catalog.Table) ([]Drift, error) {
	var n int
	query := "SELECT count(*) FROM " + companion.QuietTable + " WHERE name = ?"
	if err := db.QueryRowContext(ctx, query, t.Name).Scan(&n); err != nil || n == 0 {
		return nil, err
	}
	return []Drift{{Kind: Silenced, Table: t.Name}}, nil
}
