// Package oracle judges the audit trail: triggers write down every row change that
// the database really made, and Check demands that the audit table says the same.
package oracle

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const sideTable = "oracle_changes"

// Oracle watches some tables of one database.
type Oracle struct {
	db      *sql.DB
	dialect string
	tables  []string
	columns map[string][]column
	first   Content
	options options
	marks   []mark
	seen    int
	foreign int
}

type options struct {
	keys      map[string][]string
	redacted  []string
	ignored   []string
	snapshot  []string
	unseen    []string
	soft      []string
	merge     bool
	companion bool
	auditName string
}

// Option says what Check may accept.
type Option func(*options)

// Key names the columns that the model takes for the table's key, when they are
// not the primary key of the catalog.
func Key(table string, columns ...string) Option {
	return func(o *options) { o.keys[table] = columns }
}

// Redacted names columns ("table.column") whose values are hidden in the trail:
// that they changed is still checked.
func Redacted(columns ...string) Option {
	return func(o *options) { o.redacted = append(o.redacted, columns...) }
}

// Ignored names columns ("table.column") that must not appear in the trail.
func Ignored(columns ...string) Option {
	return func(o *options) { o.ignored = append(o.ignored, columns...) }
}

// Snapshot names tables whose changes triggers do not see (MariaDB fires none for
// cascades): there the first and last content are compared with the trail.
func Snapshot(tables ...string) Option {
	return func(o *options) { o.snapshot = append(o.snapshot, tables...) }
}

// Cascades names tables that foreign keys change without a trigger firing (MariaDB).
// What triggers see there is compared as everywhere. A record that no trigger saw
// may stand there when it names a cause, or when it deletes; replaying the trail
// judges those.
func Cascades(tables ...string) Option {
	return func(o *options) { o.unseen = append(o.unseen, tables...) }
}

// SoftDelete names the columns ("table.column") that are NULL until a row is deleted
// softly: an update that fills one in must be recorded as soft_delete, one that
// empties it as restore.
func SoftDelete(columns ...string) Option {
	return func(o *options) { o.soft = append(o.soft, columns...) }
}

// Merge accepts one record for several changes of one row, by net effect, because
// a statement of the test changes a row more than once.
func Merge() Option { return func(o *options) { o.merge = true } }

// Watch installs the triggers and remembers what the tables hold now.
func Watch(t testing.TB, db *sql.DB, dialect string, tables []string, set ...Option) *Oracle {
	t.Helper()
	o := &Oracle{
		db: db, dialect: dialect, tables: tables,
		columns: map[string][]column{},
		options: options{keys: map[string][]string{}, auditName: "audit_logs"},
	}
	for _, f := range set {
		f(&o.options)
	}
	o.exec(t, map[string]string{
		"sqlite":   "CREATE TABLE oracle_changes (n INTEGER PRIMARY KEY AUTOINCREMENT, op TEXT, tbl TEXT, stmt TEXT, tx TEXT, before TEXT, after TEXT)",
		"postgres": "CREATE TABLE oracle_changes (n bigserial PRIMARY KEY, op text, tbl text, stmt text, tx text, before text, after text)",
		"mysql": "CREATE TABLE oracle_changes (n BIGINT AUTO_INCREMENT PRIMARY KEY, op VARCHAR(10), tbl VARCHAR(64), stmt VARCHAR(40), tx VARCHAR(40), " +
			"`before` LONGTEXT, `after` LONGTEXT) CHARACTER SET utf8mb4",
	}[dialect])
	if dialect == "postgres" {
		o.exec(t, `CREATE FUNCTION oracle_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $f$ BEGIN
			INSERT INTO `+o.schema(t)+`.oracle_changes (op, tbl, stmt, tx, before, after) VALUES (lower(TG_OP), TG_TABLE_NAME,
				statement_timestamp()::text, txid_current()::text, CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD)::text END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW)::text END);
			RETURN NULL; END $f$`)
	}
	for _, table := range tables {
		o.columns[table] = catalogColumns(t, db, dialect, table)
		for _, op := range []string{"insert", "update", "delete"} {
			o.exec(t, o.trigger(table, op))
		}
	}
	o.first = o.Content(t)
	return o
}

func (o *Oracle) schema(t testing.TB) string {
	t.Helper()
	var name string
	if err := o.db.QueryRow("SELECT current_schema()").Scan(&name); err != nil {
		t.Fatalf("current schema: %v", err)
	}
	return `"` + name + `"`
}

func (o *Oracle) trigger(table, op string) string {
	name := "oracle_" + op + "_" + strings.ReplaceAll(table, "-", "_")
	head := "CREATE TRIGGER " + quote(o.dialect, name) + " AFTER " + strings.ToUpper(op) + " ON " + quote(o.dialect, table) + " FOR EACH ROW "
	if o.dialect == "postgres" {
		return head + "EXECUTE FUNCTION oracle_note()"
	}
	before, after := "NULL", "NULL"
	if op != "insert" {
		before = jsonRow(o.dialect, o.columns[table], "OLD.")
	}
	if op != "delete" {
		after = jsonRow(o.dialect, o.columns[table], "NEW.")
	}
	// Both are the same all through a statement. SQLite's has milliseconds only, so
	// that neighbours may share one, and only PostgreSQL can name the transaction.
	statement := "strftime('%Y-%m-%d %H:%M:%f', 'now')"
	if o.dialect == "mysql" {
		statement = "NOW(6)"
	}
	insert := fmt.Sprintf("INSERT INTO oracle_changes (op, tbl, stmt, tx, %s, %s) VALUES ('%s', '%s', %s, '', %s, %s)",
		quote(o.dialect, "before"), quote(o.dialect, "after"), op, table, statement, before, after)
	if o.dialect == "sqlite" {
		return head + "BEGIN " + insert + "; END"
	}
	return head + insert
}

func (o *Oracle) exec(t testing.TB, statement string) {
	t.Helper()
	if _, err := o.db.Exec(statement); err != nil {
		t.Fatalf("oracle: %v\n%s", err, statement)
	}
}

// rows reads a table as the triggers would.
func (o *Oracle) rows(t testing.TB, table string) []map[string]any {
	t.Helper()
	query := "SELECT " + jsonRow(o.dialect, o.columns[table], "") + " FROM " + quote(o.dialect, table)
	if o.dialect == "postgres" {
		// A bare x would be a column of that name, if there is one.
		query = `SELECT to_jsonb("` + table + `".*)::text FROM "` + table + `"`
	}
	rows, err := o.db.Query(query)
	if err != nil {
		t.Fatalf("oracle: rows of %s: %v", table, err)
	}
	defer func() { _ = rows.Close() }()
	var all []map[string]any
	for rows.Next() {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			t.Fatalf("oracle: rows of %s: %v", table, err)
		}
		all = append(all, object(t, text))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("oracle: rows of %s: %v", table, err)
	}
	return all
}

// object decodes one JSON object, numbers exactly; nil for no text.
func object(t testing.TB, text []byte) map[string]any {
	t.Helper()
	if len(text) == 0 {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var m map[string]any
	if err := decoder.Decode(&m); err != nil {
		t.Fatalf("oracle: %v in %q", err, text)
	}
	return m
}

// keyColumns are the columns by which a table's rows are told apart.
func (o *Oracle) keyColumns(table string) []string {
	if keys, ok := o.options.keys[table]; ok {
		return keys
	}
	var keys []string
	for _, c := range o.columns[table] {
		if c.key {
			keys = append(keys, c.name)
		}
	}
	return keys
}

func (o *Oracle) ignored(table, name string) bool {
	return slices.Contains(o.options.ignored, table+"."+name)
}

func (o *Oracle) redacted(table, name string) bool {
	return slices.Contains(o.options.redacted, table+"."+name)
}
