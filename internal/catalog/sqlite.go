package catalog

import (
	"context"
	"sort"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// The pragma functions read the schema that SQLite holds in memory. Each row
// starts with a letter that says what it describes; the rest depends on it. CROSS
// JOIN keeps the order: a pragma function run before its argument is known is empty.
const (
	sqliteResolve = `WITH t AS (
	SELECT l.schema AS s, l.name AS n, l.type AS k, l.wr AS wr
	FROM pragma_table_list(?1) AS l CROSS JOIN pragma_database_list AS d ON d.name = l.schema
	WHERE ?2 = '' OR l.schema = ?2 COLLATE NOCASE
	ORDER BY CASE d.seq WHEN 1 THEN -1 ELSE d.seq END LIMIT 1)`

	sqliteTable = sqliteResolve + `
	SELECT 't', s, n, k, wr, (SELECT foreign_keys FROM pragma_foreign_keys), '', '', '' FROM t
	UNION ALL
	SELECT 'c', c.cid, c.name, c.type, c."notnull", c.pk, c.hidden,
		c.dflt_value IS NOT NULL AND upper(trim(c.dflt_value)) <> 'NULL', ''
	FROM t CROSS JOIN pragma_table_xinfo(t.n, t.s) AS c WHERE t.k <> 'view'
	UNION ALL
	SELECT 'i', i.name, i.origin, i.partial, x.seqno, x.cid, x.name, x.coll, ''
	FROM t CROSS JOIN pragma_index_list(t.n, t.s) AS i CROSS JOIN pragma_index_xinfo(i.name, t.s) AS x
	WHERE t.k <> 'view' AND i."unique" AND x.key
	UNION ALL
	SELECT 'f', c.name, f.id, f.seq, f."from", f."to", f.on_delete, f.on_update, t.s
	FROM t CROSS JOIN pragma_table_list AS c CROSS JOIN pragma_foreign_key_list(c.name, c.schema) AS f
	WHERE t.k <> 'view' AND c.schema = t.s AND c.type = 'table' AND f."table" = t.n COLLATE NOCASE`

	// Naming the columns of a view can fail when the view is broken, so that its
	// columns are asked for alone.
	sqliteView = `SELECT cid, name, type FROM pragma_table_xinfo(?1, ?2)`
)

func loadSQLite(ctx context.Context, conn audit.Conn, t *Table) error {
	rows, err := queryStrings(ctx, conn, sqliteTable, t.Name, t.Schema)
	if err != nil {
		return err
	}
	var columns, indexes, keys [][]string
	for _, r := range rows {
		switch r[0] {
		case "t":
			t.Schema, t.Name = r[1], r[2]
			t.Temporary = strings.EqualFold(r[1], "temp")
			t.Kind = map[string]Kind{"table": Plain, "view": View, "virtual": Virtual, "shadow": Virtual}[r[3]]
			t.WithoutRowID = r[4] == "1"
			t.ForeignKeysEnforced = r[5] == "1"
		case "c":
			columns = append(columns, r)
		case "i":
			indexes = append(indexes, r)
		case "f":
			keys = append(keys, r)
		}
	}
	if t.Kind == Missing {
		return nil
	}
	t.foldNames, t.CanSelect, t.CanUpdate, t.CanLock = true, true, true, true
	if t.Kind == View {
		// A broken view has no columns; that is not an error of the catalog.
		views, err := queryStrings(ctx, conn, sqliteView, t.Name, t.Schema)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		for _, r := range views {
			columns = append(columns, []string{"c", r[0], r[1], r[2], "0", "0", "0", "0"})
		}
	}
	sqliteColumns(t, columns)
	rowidKey := sqliteUniques(t, indexes)
	if rowidKey && t.Kind == Plain && !t.WithoutRowID && len(t.PrimaryKey) == 1 {
		sqliteRowIDAlias(t)
	}
	sqliteIncoming(t, keys, collations(indexes))
	return sqliteTriggers(ctx, conn, t)
}

func sqliteColumns(t *Table, rows [][]string) {
	sort.SliceStable(rows, func(i, j int) bool { return number(rows[i][1]) < number(rows[j][1]) })
	var key []string
	for _, r := range rows {
		if r[6] == "1" { // a hidden column of a virtual table
			continue
		}
		generated := r[6] == "2" || r[6] == "3"
		t.Columns = append(t.Columns, Column{
			Name: r[2], DBType: bareType(r[3]), NotNull: r[4] == "1",
			Generated: generated, Selectable: true, HasDefault: r[7] == "1" && !generated,
		})
		if position := number(r[5]); position > 0 {
			for len(key) < position {
				key = append(key, "")
			}
			key[position-1] = r[2]
		}
	}
	t.PrimaryKey = key
}

// sqliteUniques fills in the unique indexes and reports whether none of them
// serves the primary key, as is so only when the key is the rowid itself.
func sqliteUniques(t *Table, rows [][]string) (rowidKey bool) {
	rowidKey = true
	sort.SliceStable(rows, func(i, j int) bool {
		if rows[i][1] != rows[j][1] {
			return rows[i][1] < rows[j][1]
		}
		return number(rows[i][4]) < number(rows[j][4])
	})
	for start := 0; start < len(rows); {
		end, complete := start, rows[start][3] != "1"
		var cols []string
		for ; end < len(rows) && rows[end][1] == rows[start][1]; end++ {
			if number(rows[end][5]) < 0 { // an expression
				complete = false
			}
			cols = append(cols, rows[end][6])
		}
		if rows[start][2] == "pk" {
			rowidKey = false
		}
		t.addUnique(cols, complete)
		start = end
	}
	return rowidKey
}

func sqliteRowIDAlias(t *Table) {
	t.RowIDAlias = t.PrimaryKey[0]
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Name == t.RowIDAlias {
			c.NotNull, c.AutoIncrement = true, true
		}
	}
	t.Uniques = append([][]string{{t.RowIDAlias}}, t.Uniques...)
}

// collations are those of the columns in unique indexes, where they are not the usual one.
func collations(indexes [][]string) map[string]string {
	found := map[string]string{}
	for _, r := range indexes {
		if r[7] != "BINARY" {
			found[r[6]] = r[7]
		}
	}
	return found
}

// collationsOf are those of some columns, nil where all are usual.
func collationsOf(columns []string, found map[string]string) []string {
	list, unusual := make([]string, len(columns)), false
	for i, name := range columns {
		list[i] = found[name]
		unusual = unusual || list[i] != ""
	}
	if !unusual {
		return nil
	}
	return list
}

func sqliteIncoming(t *Table, rows [][]string, found map[string]string) {
	sort.SliceStable(rows, func(i, j int) bool {
		a, b := rows[i], rows[j]
		if a[1] != b[1] {
			return a[1] < b[1]
		}
		if a[2] != b[2] {
			return number(a[2]) < number(b[2])
		}
		return number(a[3]) < number(b[3])
	})
	var f ForeignKey
	for i, r := range rows {
		if i == 0 || r[1] != rows[i-1][1] || r[2] != rows[i-1][2] {
			f = ForeignKey{Schema: r[8], Table: r[1], OnDelete: r[6], OnUpdate: r[7]}
		}
		f.Columns = append(f.Columns, r[4])
		if r[5] != "" {
			f.RefColumns = append(f.RefColumns, t.spelling(r[5]))
		}
		if i+1 < len(rows) && rows[i+1][1] == r[1] && rows[i+1][2] == r[2] {
			continue
		}
		if len(f.RefColumns) == 0 { // REFERENCES parent, without columns
			f.RefColumns = append(f.RefColumns, t.PrimaryKey...)
		}
		// A key that references a different number of columns is an error in
		// every statement that would need it, so that it changes nothing.
		if f.changesRows() && len(f.Columns) == len(f.RefColumns) {
			f.Collations = collationsOf(f.RefColumns, found)
			t.Incoming = append(t.Incoming, f)
		}
	}
}

// spelling returns the column's name as the catalog spells it.
func (t *Table) spelling(name string) string {
	if c, ok := t.Column(name); ok {
		return c.Name
	}
	return name
}

// sqliteTriggers looks for triggers, and for what constraints do on conflict: no pragma
// lists them. Triggers of the temp database may be on tables of any other.
func sqliteTriggers(ctx context.Context, conn audit.Conn, t *Table) error {
	rows, err := queryStrings(ctx, conn, `SELECT type, tbl_name, sql FROM `+quoteDouble(t.Schema)+`.sqlite_master
	WHERE type = 'trigger' AND substr(name, 1, 12) <> 'auditplugin_' OR type = 'table' AND name = ?1
	UNION ALL SELECT type, tbl_name, sql FROM sqlite_temp_master WHERE type = 'trigger'`, t.Name)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r[0] == "table" {
			t.Replaces = sqltext.Replaces(r[2])
			continue
		}
		t.HasUserTriggers = t.HasUserTriggers || strings.EqualFold(r[1], t.Name)
		t.Triggered = t.Triggered || sqltext.Mentions(triggerBody(r[2]), t.Name)
	}
	t.KeepsDeleted = t.Triggered
	return nil
}

// triggerBody is what follows the first BEGIN, or more, where that word is in a
// name or a literal before it.
func triggerBody(definition string) string {
	if at := strings.Index(strings.ToUpper(definition), "BEGIN"); at >= 0 && len(strings.ToUpper(definition)) == len(definition) {
		return definition[at:]
	}
	return definition
}

func quoteDouble(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// bareType upper-cases a declared type and drops what is in parentheses.
func bareType(declared string) string {
	bare, _, _ := strings.Cut(declared, "(")
	return strings.ToUpper(strings.TrimSpace(bare))
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func (t *Table) addUnique(cols []string, complete bool) {
	if complete && len(cols) > 0 {
		t.Uniques = append(t.Uniques, cols)
		return
	}
	t.PartialUniques = true
}

const sqliteOutgoing = `SELECT f.id, f."from", ?1, f."table", f."to", 'false', f.seq FROM pragma_foreign_key_list(?2, ?1) AS f`

var sqliteDatabase = database{load: loadSQLite, outgoing: sqliteOutgoing, version: `SELECT sqlite_version(), ''`}
