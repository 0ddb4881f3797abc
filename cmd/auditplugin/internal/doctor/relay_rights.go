package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// relayTables are those that the relay writes, beside the audit table, which it reads.
func relayTables() []string {
	return []string{"audit_relay_positions", "audit_relay_leases", "audit_relay_dead"}
}

// relayRights looks at what the relay's role may do: read records, keep its own tables,
// and, on MySQL and MariaDB, see which transactions are under way.
func relayRights(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	switch {
	case e.DB.Name() == "sqlite":
		report(OK, "SQLite has no roles: who may write the file may relay", "")
		return nil
	case e.RelayRole == "":
		report(OK, "not looked at: --relay-role names the relay's role", "")
		return nil
	}
	needs := []need{{e.Table, []string{"SELECT"}}}
	for _, name := range relayTables() {
		there, err := e.there(ctx, e.beside(name))
		if err != nil {
			return err
		}
		if there {
			needs = append(needs, need{e.beside(name), []string{"SELECT", "INSERT", "UPDATE", "DELETE"}})
		}
	}
	if e.DB.Name() == "postgres" {
		return e.postgresRelay(ctx, needs, report)
	}
	return e.mysqlRelay(ctx, needs, report)
}

// need is what a role must be allowed to do with a table.
type need struct {
	table  string
	rights []string
}

// lacks tells of a table with which a role may not do all that it must.
func (e *Exam) lacks(n need, missing []string, grantee string, report func(Level, string, string)) {
	rights := strings.Join(missing, ", ")
	report(Fail, fmt.Sprintf("%s may not %s %s: the relay delivers nothing", e.RelayRole, rights, n.table),
		"GRANT "+rights+" ON "+e.DB.Statement.Quote(n.table)+" TO "+grantee)
}

func (e *Exam) postgresRelay(ctx context.Context, needs []need, report func(Level, string, string)) error {
	var known bool
	if err := e.ask(ctx, &known, "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = ?)", e.RelayRole); err != nil {
		return err
	}
	if !known {
		report(Fail, fmt.Sprintf("there is no role %s", e.RelayRole), "")
		return nil
	}
	well := true
	grantee := e.DB.Statement.Quote(e.RelayRole)
	var schema string
	if err := e.ask(ctx, &schema, `SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = to_regclass(?) AND NOT has_schema_privilege(CAST(? AS name), n.oid, 'USAGE')`, e.quoted(), e.RelayRole); err != nil {
		return err
	}
	if schema != "" {
		well = false
		report(Fail, fmt.Sprintf("%s may not look into schema %s: the relay delivers nothing", e.RelayRole, schema), "GRANT USAGE ON SCHEMA "+e.DB.Statement.Quote(schema)+" TO "+grantee)
	}
	for _, n := range needs {
		var missing []string
		err := e.ask(ctx, &missing, "SELECT r FROM unnest(string_to_array(?, ',')) WITH ORDINALITY AS of(r, n) WHERE NOT has_table_privilege(CAST(? AS name), to_regclass(?), r) ORDER BY n",
			strings.Join(n.rights, ","), e.RelayRole, e.DB.Statement.Quote(n.table))
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			well = false
			e.lacks(n, missing, grantee, report)
		}
	}
	if well {
		report(OK, e.RelayRole+" may read records and keep the relay's tables", "")
	}
	return nil
}

func (e *Exam) mysqlRelay(ctx context.Context, needs []need, report func(Level, string, string)) error {
	may, grantee, err := e.grants(ctx, e.RelayRole)
	if err != nil {
		return err
	}
	if may == nil {
		report(Fail, "there is no user "+e.RelayRole, "name it as user@host")
		return nil
	}
	well := true
	for _, n := range needs {
		missing := slices.DeleteFunc(slices.Clone(n.rights), func(right string) bool { return may(n.table, right) })
		if len(missing) > 0 {
			well = false
			e.lacks(n, missing, grantee, report)
		}
	}
	if !may("", "PROCESS") {
		well = false
		report(Warn, e.RelayRole+" has no PROCESS: the relay cannot tell a transaction that is open from one that was rolled back, and passes over one that stays open for a day",
			"GRANT PROCESS ON *.* TO "+grantee)
	}
	if well {
		report(OK, e.RelayRole+" may read records, keep the relay's tables and see transactions (PROCESS)", "")
	}
	return nil
}
