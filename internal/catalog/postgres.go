package catalog

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// postgresTable gathers everything as one JSON document. It reads pg_catalog only,
// which every role may, and avoids functions that fail for names or schemas the
// role may not use (to_regclass does), since an error would end the transaction.
//
// tree is the table with its partitions and inheriting tables: writes to the
// table reach their rows too.
const postgresTable = `WITH RECURSIVE rel AS (
	SELECT c.oid, n.nspname, c.relname, c.relkind
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relname = $2::text::name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
	AND CASE $1::text WHEN '' THEN pg_catalog.pg_table_is_visible(c.oid)
		WHEN 'pg_temp' THEN n.oid = pg_catalog.pg_my_temp_schema()
		ELSE n.nspname = $1::text::name END
), tree AS (
	SELECT oid FROM rel
	UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT pg_catalog.json_build_object(
	'schema', rel.nspname, 'name', rel.relname, 'kind', rel.relkind::text,
	'lock', pg_catalog.has_any_column_privilege(rel.oid, 'UPDATE'),
	'rowSecurity', pg_catalog.row_security_active(rel.oid),
	'inherited', EXISTS (SELECT 1 FROM pg_catalog.pg_inherits i WHERE i.inhparent = rel.oid),
	'rules', EXISTS (SELECT 1 FROM pg_catalog.pg_rewrite w
		WHERE w.ev_class = rel.oid AND w.rulename <> '_RETURN'),
	'triggers', EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g
		WHERE g.tgrelid IN (SELECT oid FROM tree) AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND pg_catalog.left(g.tgname::text, 12) <> 'auditplugin_'),
	'before', EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g
		WHERE g.tgrelid IN (SELECT oid FROM tree) AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND pg_catalog.left(g.tgname::text, 12) <> 'auditplugin_' AND g.tgtype & 66 <> 0),
	'keeps', EXISTS (SELECT 1 FROM pg_catalog.pg_trigger g
		WHERE g.tgrelid IN (SELECT oid FROM tree) AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype & 11 = 11),
	'columns', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
			'name', a.attname,
			'type', (WITH RECURSIVE d AS (
					SELECT a.atttypid AS oid
					UNION ALL SELECT y.typbasetype FROM pg_catalog.pg_type y JOIN d ON y.oid = d.oid WHERE y.typtype = 'd'
				) SELECT y.typname FROM d JOIN pg_catalog.pg_type y ON y.oid = d.oid WHERE y.typtype <> 'd'),
			'scale', CASE WHEN COALESCE(NULLIF(y.typbasetype, 0), a.atttypid) = 'pg_catalog.numeric'::pg_catalog.regtype
				THEN GREATEST(((GREATEST(a.atttypmod, y.typtypmod, 4) - 4) & 2047 # 1024) - 1024, 0) ELSE 0 END,
			'notNull', a.attnotnull, 'generated', a.attgenerated <> '', 'identity', a.attidentity <> '',
			'select', pg_catalog.has_column_privilege(rel.oid, a.attnum, 'SELECT'),
			'update', pg_catalog.has_column_privilege(rel.oid, a.attnum, 'UPDATE'),
			'default', COALESCE(pg_catalog.pg_get_expr(f.adbin, f.adrelid), y.typdefault))
			ORDER BY a.attnum)
		FROM pg_catalog.pg_attribute a
		LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
		LEFT JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
		WHERE a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped),
	'uniques', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
			'primary', i.indisprimary, 'columns', k.columns,
			'complete', i.indisvalid AND i.indimmediate AND NOT i.indisexclusion
				AND i.indpred IS NULL AND i.indexprs IS NULL AND k.ordinary)
			ORDER BY i.indisprimary DESC, i.indexrelid)
		FROM pg_catalog.pg_index i
		CROSS JOIN LATERAL (
			SELECT pg_catalog.json_agg(a.attname ORDER BY u.ord) AS columns,
				pg_catalog.bool_and(o.opcdefault AND m.amname = 'btree'
					AND i.indcollation[u.ord - 1] = a.attcollation) AS ordinary
			FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS u(num, ord)
			JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.num
			JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[u.ord - 1]
			JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod
			WHERE u.ord <= i.indnkeyatts) k
		WHERE i.indrelid = rel.oid AND i.indisunique),
	'incoming', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
			'name', k.conname, 'schema', n.nspname, 'table', c.relname,
			'delete', k.confdeltype::text, 'update', k.confupdtype::text,
			'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY u.ord)
				FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(num, ord)
				JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num),
			'refColumns', (SELECT pg_catalog.json_agg(a.attname ORDER BY u.ord)
				FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u(num, ord)
				JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num))
			ORDER BY n.nspname, c.relname, k.conname)
		FROM pg_catalog.pg_constraint k
		JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE k.contype = 'f' AND k.confrelid IN (SELECT oid FROM tree)
		AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
		AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint p
			WHERE p.oid = k.conparentid AND p.confrelid IN (SELECT oid FROM tree)))
)::text FROM rel`

type postgresDocument struct {
	Schema, Name, Kind                                           string
	Lock, RowSecurity, Inherited, Rules, Triggers, Before, Keeps bool
	Columns                                                      []struct {
		Name, Type                                   string
		NotNull, Generated, Identity, Select, Update bool
		Default                                      *string
		Scale                                        int
	}
	Uniques []struct {
		Primary, Complete bool
		Columns           []string
	}
	Incoming []struct {
		Name, Schema, Table, Delete, Update string
		Columns, RefColumns                 []string
	}
}

// PostgresNameBytes is how much of a name PostgreSQL keeps.
const PostgresNameBytes = 63

// maxScale keeps out what PostgreSQL 15 writes for scales below zero.
const maxScale = 1000

func loadPostgres(ctx context.Context, conn audit.Conn, t *Table) error {
	rows, err := queryStrings(ctx, conn, postgresTable, t.Schema, t.Name)
	if err != nil || len(rows) == 0 {
		return err
	}
	var doc postgresDocument
	if err := json.Unmarshal([]byte(rows[0][0]), &doc); err != nil {
		return err
	}
	t.Schema, t.Name = doc.Schema, doc.Name
	t.Temporary = strings.HasPrefix(doc.Schema, "pg_temp_")
	t.Kind = map[string]Kind{"r": Plain, "p": Partitioned, "v": View, "m": View, "f": Foreign}[doc.Kind]
	t.CanLock, t.RowSecurity, t.HasRules = doc.Lock, doc.RowSecurity, doc.Rules
	t.HasUserTriggers, t.Triggered, t.KeysMove, t.KeepsDeleted = doc.Triggers, doc.Before, doc.Before, doc.Keeps
	t.ForeignKeysEnforced, t.longestName = true, PostgresNameBytes
	t.CanSelect, t.CanUpdate = true, true
	for _, c := range doc.Columns {
		def := ""
		if c.Default != nil && !c.Generated {
			def = *c.Default
		}
		t.Columns = append(t.Columns, Column{
			Name: c.Name, DBType: strings.ToUpper(c.Type), Scale: max(0, min(c.Scale, maxScale)), NotNull: c.NotNull, Generated: c.Generated, Selectable: c.Select,
			AutoIncrement: c.Identity || strings.HasPrefix(def, "nextval("),
			HasDefault:    c.Identity || def != "" && !strings.HasPrefix(def, "NULL::"),
		})
		t.CanSelect = t.CanSelect && c.Select
		t.CanUpdate = t.CanUpdate && c.Update
	}
	for _, u := range doc.Uniques {
		if u.Primary {
			t.PrimaryKey = u.Columns
		}
		// A plain table's indexes do not cover the tables that inherit from it.
		t.addUnique(u.Columns, u.Complete && (t.Kind == Partitioned || !doc.Inherited))
	}
	actions := map[string]string{"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "r": "RESTRICT", "a": "NO ACTION"}
	for _, f := range doc.Incoming {
		t.Incoming = append(t.Incoming, ForeignKey{
			Name: f.Name, Schema: f.Schema, Table: f.Table, Columns: f.Columns, RefColumns: f.RefColumns,
			OnDelete: actions[f.Delete], OnUpdate: actions[f.Update],
		})
	}
	return nil
}

const postgresOutgoing = `SELECT k.oid::text, a.attname, n.nspname, c.relname, b.attname, k.condeferrable::text, u.ord::text
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class own ON own.oid = k.conrelid
JOIN pg_catalog.pg_namespace os ON os.oid = own.relnamespace
JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) WITH ORDINALITY AS u(num, refnum, ord)
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num
JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.refnum
WHERE k.contype = 'f' AND os.nspname = $1 AND own.relname = $2`

var postgresDatabase = database{
	load:     loadPostgres,
	outgoing: postgresOutgoing,
	version:  `SELECT pg_catalog.version(), pg_catalog.current_setting('server_version_num', true)`,
	numbers:  postgresNumbers,
}

// postgresNumbers reads server_version_num.
func postgresNumbers(_ *Server, _, detail string) []string {
	num := number(detail)
	if num <= 0 {
		return nil
	}
	if num < 100000 { // 9.6.24 is 90624
		return []string{detail, strconv.Itoa(num / 10000), strconv.Itoa(num / 100 % 100), strconv.Itoa(num % 100)}
	}
	return []string{detail, strconv.Itoa(num / 10000), strconv.Itoa(num % 10000), ""}
}
