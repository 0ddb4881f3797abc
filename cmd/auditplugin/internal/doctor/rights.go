package doctor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// rights looks at what the application's role may do: write records, and nothing to
// those that are written.
func rights(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	switch {
	case e.DB.Name() == "sqlite":
		report(OK, "SQLite has no roles: who may write the file may change records", "")
		return nil
	case e.Role == "":
		report(OK, "not looked at: --role names the application's role", "")
		return nil
	case e.DB.Name() == "postgres":
		return postgresRights(ctx, e, report)
	}
	return mysqlRights(ctx, e, report)
}

func postgresRights(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	var known bool
	if err := e.ask(ctx, &known, "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = ?)", e.Role); err != nil {
		return err
	}
	if !known {
		report(Fail, fmt.Sprintf("there is no role %s", e.Role), "")
		return nil
	}
	var may struct{ Insert, Update, Delete, Truncate, Owner, Super bool }
	err := e.ask(ctx, &may, `SELECT has_table_privilege(r.oid, c.oid, 'INSERT') AS insert, has_table_privilege(r.oid, c.oid, 'UPDATE') AS update,
			has_table_privilege(r.oid, c.oid, 'DELETE') AS delete, has_table_privilege(r.oid, c.oid, 'TRUNCATE') AS truncate,
			pg_has_role(r.oid, c.relowner, 'USAGE') AS owner, r.rolsuper AS super
		FROM pg_catalog.pg_roles r, pg_catalog.pg_class c WHERE r.rolname = ? AND c.oid = to_regclass(?)`, e.Role, e.quoted())
	if err != nil {
		return err
	}
	role := e.DB.Statement.Quote(e.Role)
	if !may.Insert {
		report(Fail, e.Role+" may not INSERT: every change of the application fails", "GRANT INSERT ON "+e.quoted()+" TO "+role)
		return nil
	}
	switch {
	case may.Super:
		report(Warn, e.Role+" is a superuser: nothing keeps it from changing records", "give the application a role of its own")
		return nil
	case may.Owner:
		report(Warn, e.Role+" owns the table: nothing keeps it from changing records", "ALTER TABLE "+e.quoted()+" OWNER TO another role")
		return nil
	}
	changing(report, e.Role, map[string]bool{"UPDATE": may.Update, "DELETE": may.Delete, "TRUNCATE": may.Truncate}, " ON "+e.quoted()+" FROM "+role)
	return nil
}

// changing tells of rights that nobody who writes records should have.
func changing(report func(Level, string, string), role string, may map[string]bool, rest string) {
	var too []string
	for _, right := range []string{"UPDATE", "DELETE", "TRUNCATE"} {
		if may[right] {
			too = append(too, right)
		}
	}
	if len(too) > 0 {
		report(Warn, role+" may "+strings.Join(too, ", ")+": it could change records", "REVOKE "+strings.Join(too, ", ")+rest)
		return
	}
	report(OK, role+" may write records, and not change them", "")
}

var grantLine = regexp.MustCompile(`^GRANT (.+) ON (\S+) TO `)

// grants are what a user of MySQL or MariaDB may do: with a table, or, for "", everywhere.
// The function is nil where there is no such user.
func (e *Exam) grants(ctx context.Context, role string) (may func(table, right string) bool, name string, err error) {
	user, host, ok := strings.Cut(role, "@")
	if !ok {
		host = "%"
	}
	name = "'" + strings.ReplaceAll(user, "'", "''") + "'@'" + strings.ReplaceAll(host, "'", "''") + "'"
	var lines []string
	err = e.ask(ctx, &lines, "SHOW GRANTS FOR "+name)
	if denied(err) {
		return nil, name, lacking("SELECT on mysql.*")
	}
	if err != nil {
		return nil, name, nil
	}
	var current string
	if err := e.ask(ctx, &current, "SELECT DATABASE()"); err != nil {
		return nil, name, err
	}
	given := map[string]bool{}
	for _, l := range lines {
		m := grantLine.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		on := strings.ReplaceAll(m[2], "`", "")
		for _, right := range strings.Split(m[1], ",") {
			given[on+" "+strings.TrimSpace(right)] = true
		}
	}
	return func(table, right string) bool {
		places := []string{"*.*"}
		if table != "" {
			schema, rest, ok := strings.Cut(table, ".")
			if !ok {
				schema, rest = current, table
			}
			places = append(places, schema+".*", schema+"."+rest)
		}
		return slices.ContainsFunc(places, func(place string) bool {
			return given[place+" "+right] || given[place+" ALL PRIVILEGES"]
		})
	}, name, nil
}

func mysqlRights(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	has, name, err := e.grants(ctx, e.Role)
	if err != nil {
		return err
	}
	if has == nil {
		report(Fail, "there is no user "+e.Role, "name it as user@host")
		return nil
	}
	may := func(right string) bool { return has(e.Table, right) }
	switch {
	case !may("INSERT"):
		report(Fail, e.Role+" may not INSERT: every change of the application fails", "GRANT INSERT ON "+e.quoted()+" TO "+name)
	case may("DROP") && !may("UPDATE") && !may("DELETE"): // which TRUNCATE needs
		report(Warn, e.Role+" may DROP: it could empty the table", "REVOKE DROP from it")
	default:
		changing(report, e.Role, map[string]bool{"UPDATE": may("UPDATE"), "DELETE": may("DELETE")}, " ON "+e.quoted()+" FROM "+name)
	}
	return nil
}
