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

// postgres writes PostgreSQL's triggers: of statements, with transition tables, or of rows
// on partitioned tables, where a statement's trigger would not see writes to a partition.
type postgres struct{}

// identifierLimit is how long PostgreSQL's names may be, in bytes.
const identifierLimit = 63

func (postgres) quoted(schema, name string) string {
	return dialect.Table{Schema: schema, Name: name}.Quoted(dialect.Postgres)
}

func (p postgres) table(s *subject) string { return p.quoted(s.Catalog.Schema, s.Catalog.Name) }

func (p postgres) function(s *subject) string {
	return p.quoted(s.Catalog.Schema, named(identifierLimit, s.Catalog.Name))
}

func (postgres) names(s *subject) []string {
	events := []string{"insert", "update", "delete", "truncate"}
	if s.Catalog.Kind == catalog.Partitioned {
		events = []string{"row", "truncate"}
	}
	names := make([]string, len(events))
	for i, event := range events {
		names[i] = companion.Prefix + event
	}
	return names
}

// allNames are those of the triggers that a table may have.
func allNames() []string {
	events := []string{"insert", "update", "delete", "truncate", "row"}
	for i, event := range events {
		events[i] = companion.Prefix + event
	}
	return events
}

func (p postgres) drop(s *subject) []string {
	var out []string
	for _, name := range allNames() {
		out = append(out, "DROP TRIGGER IF EXISTS "+name+" ON "+p.table(s))
	}
	return append(out, "DROP FUNCTION IF EXISTS "+p.function(s)+"()")
}

func (p postgres) create(s *subject) ([]string, error) {
	body := p.body(s)
	function := "CREATE OR REPLACE FUNCTION " + p.function(s) + "() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER\n" +
		// The settings decide what values look like as text, and keep plans that were made for
		// one row from being used for thousands.
		"SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off SET timezone = 'UTC' SET datestyle = 'ISO, MDY'\n" +
		"SET intervalstyle = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex' SET xmlbinary = 'base64'\n" +
		"AS $auditplugin$ " + stamped(s.Catalog, body) + "$auditplugin$"
	out := append([]string{function}, p.drop(s)[:5]...)
	call := " EXECUTE FUNCTION " + p.function(s) + "()"
	on := " ON " + p.table(s)
	if s.Catalog.Kind == catalog.Partitioned {
		out = append(out, "CREATE TRIGGER auditplugin_row AFTER INSERT OR UPDATE OR DELETE"+on+" FOR EACH ROW"+call)
	} else {
		out = append(
			out,
			"CREATE TRIGGER auditplugin_insert AFTER INSERT"+on+" REFERENCING NEW TABLE AS auditplugin_new FOR EACH STATEMENT"+call,
			"CREATE TRIGGER auditplugin_update AFTER UPDATE"+on+" REFERENCING OLD TABLE AS auditplugin_old NEW TABLE AS auditplugin_new FOR EACH STATEMENT"+call,
			"CREATE TRIGGER auditplugin_delete AFTER DELETE"+on+" REFERENCING OLD TABLE AS auditplugin_old FOR EACH STATEMENT"+call,
		)
	}
	return append(out, "CREATE TRIGGER auditplugin_truncate AFTER TRUNCATE"+on+" FOR EACH STATEMENT"+call), nil
}

// body is the function's. The plugin's own statements are marked, run by one of its roles,
// and not by another function: the context then has one line.
func (p postgres) body(s *subject) string {
	v := postgresValues{schema: s.audit.Schema, limit: s.limit}
	rows := s.Catalog.Kind == catalog.Partitioned
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	event := func(name, insert string) {
		if !s.records(name) {
			insert = "NULL" // the options leave it out
		}
		line("    %s;", insert)
	}
	line("DECLARE")
	line("  stack text;")
	line("  told jsonb;")
	line("  about jsonb;")
	line("BEGIN")
	line("  IF left(current_query(), %d) = %s AND session_user IN (%s) AND TG_OP <> 'TRUNCATE' THEN", len(companion.Comment), text(companion.Comment), texts(s.roles))
	line("    GET DIAGNOSTICS stack = PG_CONTEXT;")
	line("    IF position(chr(10) IN stack) = 0 THEN RETURN NULL; END IF;")
	line("  END IF;")
	line("  told := coalesce(%s(nullif(current_setting(%s, true), '')), '{}');", v.name("document"), text(companion.Setting))
	line("  IF jsonb_typeof(told) <> 'object' THEN told := '{}'; END IF;")
	line("  about := jsonb_build_object('actor_type', 'db', 'actor_id', session_user,")
	line("    'actor_name', coalesce(nullif(nullif(current_setting('role'), 'none'), session_user::text), ''),")
	line("    'transaction_id', 'pg:' || txid_current(), 'ip', coalesce(host(inet_client_addr()), ''),")
	line("    'application', current_setting('application_name'), 'host', coalesce(host(inet_server_addr()), ''),")
	line("    'cause', coalesce(told -> 'causes' ->> %s, told ->> 'cause', '')) || (told - 'cause');", text(s.Model.Table))
	if s.bestEffort {
		line("  BEGIN")
	}
	line("  IF TG_OP = 'TRUNCATE' THEN")
	line("    IF about ->> 'cause' <> '' THEN RETURN NULL; END IF; -- raw SQL of the plugin's, which has its record")
	event("DELETE", p.insert(s, v, "'raw'", "''", "NULL", "NULL", "NULL", "NULL", text("TRUNCATE TABLE "+s.Catalog.Name), ""))
	line("  ELSIF TG_OP = 'INSERT' THEN")
	from, n, o := "FROM auditplugin_new n", "n.", "o."
	if rows {
		from, n, o = "", "NEW.", "OLD."
	}
	event("INSERT", p.insert(s, v, "'create'", v.recordID(s.key, n), "NULL", v.whole(s.columns, n), "NULL", "NULL", "", from))
	line("  ELSIF TG_OP = 'DELETE' THEN")
	if !rows {
		from = "FROM auditplugin_old o"
	}
	event("DELETE", p.insert(s, v, "'delete'", v.recordID(s.key, o), v.whole(s.columns, o), "NULL", "NULL", "NULL", "", from))
	line("  ELSE")
	if rows {
		from = "FROM "
	} else {
		from = "FROM (SELECT *, row_number() OVER () AS auditplugin_row FROM auditplugin_old) o\n" +
			"      JOIN (SELECT *, row_number() OVER () AS auditplugin_row FROM auditplugin_new) n USING (auditplugin_row)\n      CROSS JOIN LATERAL "
	}
	if difference := v.difference(s, o, n); difference == "" {
		line("    NULL; -- no column is recorded")
	} else {
		from += difference + " d WHERE d.changed IS NOT NULL"
		if s.onlyTimestamps {
			from += " AND d.more"
		}
		from += s.among(v.action(s.soft(), o, n))
		if !rows {
			from += " ORDER BY auditplugin_row"
		}
		event("UPDATE", p.insert(s, v, v.action(s.soft(), o, n), v.recordID(s.key, o), "d.before", "d.after", "d.changed", "d.changes", "", from))
	}
	line("  END IF;")
	if s.bestEffort {
		line("  EXCEPTION WHEN OTHERS THEN")
		line("    RAISE WARNING 'auditplugin: a change of %% is not recorded: %%', TG_TABLE_NAME, SQLSTATE;")
		line("  END;")
	}
	line("  RETURN NULL;")
	line("END;")
	return b.String()
}

// insert is the INSERT of records; from is where they come from, "" for one.
func (p postgres) insert(s *subject, v postgresValues, action, recordID, before, after, changed, changes, message, from string) string {
	about := func(name string) string { return "coalesce(about ->> '" + name + "', '')" }
	values := []string{
		v.name("id") + "()", "clock_timestamp()", action, "'success'", text(s.RecordType), text(s.Model.Table), recordID, before, after, changed, changes,
	}
	for _, name := range companion.Texts() {
		if name == "message" && message != "" {
			values = append(values, message)
			continue
		}
		values = append(values, about(name))
	}
	values = append(
		values,
		"CASE jsonb_typeof(about -> 'metadata') WHEN 'object' THEN about -> 'metadata' ELSE '{}' END || jsonb_build_object('auditplugin', jsonb_build_object('by', 'trigger', 'pid', pg_backend_pid()))",
		about("cause"), "1",
	)
	return "INSERT INTO " + s.audit.Quoted(dialect.Postgres) + " (" + trailColumns(dialect.Postgres) + ")\n      SELECT " +
		strings.Join(values, ",\n        ") + "\n      " + from
}

func (postgres) tables() string {
	return `SELECT DISTINCT n.nspname, c.relname FROM pg_catalog.pg_trigger g
	JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE NOT g.tgisinternal AND g.tgparentid = 0 AND g.tgname IN (` + texts(allNames()) + `) ORDER BY 1, 2`
}

func (postgres) there() string {
	return `SELECT g.tgname, p.prosrc, g.tgenabled IN ('O', 'A') FROM pg_catalog.pg_trigger g
	JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = $1 AND c.relname = $2 AND NOT g.tgisinternal`
}

// makes: all of a table's triggers share one function.
func (postgres) makes(string, string) bool { return true }

func (postgres) keyTable(s *subject) string {
	return postgresValues{schema: s.audit.Schema}.name("hash_key")
}

func (postgres) loggedIn() string { return "SELECT session_user" }

func (postgres) around(_ context.Context, _ *sql.DB, t *catalog.Table) ([]Drift, error) {
	if !t.HasRules {
		return nil, nil
	}
	return []Drift{{Kind: Unseen, Table: t.Name, Name: "rules"}}, nil
}
