package auditplugin

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// The methods in this file are for packages that read the trail, such as history:
// they tell how the records about a row name it.

// AuditTable returns the name of the audit table in the plugin's own database,
// with its schema ("public.audit_logs"), or "" when records go elsewhere only.
func (p *Plugin) AuditTable() string {
	for _, e := range p.transactional {
		if t, ok := e.(interface{ QualifiedAuditTable() string }); ok {
			return t.QualifiedAuditTable()
		}
		if t, ok := e.(interface{ AuditTable() string }); ok {
			return t.AuditTable()
		}
	}
	return ""
}

// KeyColumns returns the columns that make up a record's RecordID for rows of
// a table, in order, and the database's names for their types ("" where it does
// not tell). The catalog is asked on the connection of db, at most once a minute
// for each table. s is the table's model, or nil.
func (p *Plugin) KeyColumns(ctx context.Context, db *gorm.DB, s *schema.Schema, tableName string) (names, types []string, err error) {
	if p.catalog == nil {
		return nil, nil, nil
	}
	conn := p.outsideConn
	if tx, ok := bareTx(db.Statement.ConnPool); ok {
		conn = tx
	}
	schemaName, name, qualified := strings.Cut(tableName, ".")
	if !qualified {
		schemaName, name = "", tableName
	}
	tbl, err := p.catalog.Get(ctx, conn, p.server.Dialect, schemaName, name)
	if err != nil {
		return nil, nil, fmt.Errorf("auditplugin: reading the catalog for table %q: %w", name, err)
	}
	names, types = keyOf(tbl, s)
	return names, types, nil
}

// keyOf is findKey for a table that is only asked about.
func keyOf(tbl *catalog.Table, s *schema.Schema) (names, types []string) {
	t := &target{model: &model{schema: s}, tbl: tbl, index: map[string]int{}}
	for i, c := range tbl.Columns {
		t.index[c.Name] = i
	}
	if len(tbl.Columns) == 0 && s != nil {
		return s.PrimaryFieldDBNames, make([]string, len(s.PrimaryFieldDBNames))
	}
	t.findKey()
	for _, i := range t.key {
		names = append(names, tbl.Columns[i].Name)
		types = append(types, tbl.Columns[i].DBType)
	}
	return names, types
}

// Shown returns what records show of a value of a column: the value itself, or,
// where the model's tags or the column's name keep it secret, its mask or its hash
// under the plugin's key. s is the table's model; where it is nil, the model that
// the plugin has seen for the table is used, if any. The value must be what the
// database stores.
func (p *Plugin) Shown(s *schema.Schema, tableName, column string, value any) (any, error) {
	bare := lastElement(strings.ReplaceAll(tableName, ".", "/"))
	if s == nil {
		s = p.schemaOf(nil, bare)
	}
	if p.catalog == nil { // turned off: no model is known, and none is learned
		plan := redact.ForNames(redact.Config{})
		if s != nil {
			var err error
			if plan, err = redact.ForSchema(s, redact.Config{HashKey: p.cfg.hashKey}); err != nil {
				return nil, err
			}
		}
		return plan.Column(bare, column, value), nil
	}
	m := p.modelFor(s, bare)
	if m.err != nil {
		return nil, m.err
	}
	return m.plan.Column(bare, column, value), nil
}

// SchemaOf returns the model that the plugin has met for a table, in an option or in
// an earlier write, or as the join table of such a model; otherwise nil. The table's
// name is given without a schema.
func (p *Plugin) SchemaOf(table string) *schema.Schema {
	found := p.schemaOf(nil, table)
	p.schemas.Range(func(_, known any) bool {
		if found == nil {
			found = p.schemaOf(known.(*schema.Schema), table)
		}
		return found == nil
	})
	return found
}
