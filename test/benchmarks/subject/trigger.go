package subject

import (
	"fmt"
	"strings"

	"github.com/gorm-audit/auditplugin/emitter"
)

// accountColumns are the columns of Account, in the model's order.
func accountColumns() []string {
	return []string{"id", "name", "email", "phone", "city", "balance", "score", "active", "created_at", "updated_at"}
}

// dialectTrigger is what differs between the databases' triggers.
type dialectTrigger struct {
	id, now, transaction string
	// row is a row as a JSON object; %s is OLD or NEW.
	row string
}

// installTriggers makes the trigger's table, of the same definition and with the
// same indexes as the plugin's, and the triggers. They fill what a trigger knows:
// an id, the time, the action, the table, the key, the transaction's number where
// there is one, and both images. What it cannot know (the actor, the reason, the
// line of code) stays empty, as do the names of the changed columns: that makes
// them cheaper than triggers that compare.
func (s *Subject) installTriggers() error {
	ddl, err := emitter.Table(emitter.Name(s.Variant.auditTable())).Schema(string(s.Place.Kind))
	if err != nil {
		return err
	}
	for statement := range strings.SplitSeq(ddl, ";\n") {
		if statement = strings.TrimSpace(statement); statement == "" {
			continue
		}
		if err := s.exec(statement); err != nil {
			return err
		}
	}
	for _, table := range s.tables() {
		if table == s.table("notes") {
			continue
		}
		for _, statement := range s.triggers(table) {
			if err := s.exec(statement); err != nil {
				return fmt.Errorf("trigger on %s: %w", table, err)
			}
		}
	}
	return nil
}

func (s *Subject) triggers(table string) []string {
	switch s.Place.Kind {
	case Postgres:
		return s.postgresTriggers(table)
	case SQLite:
		return s.inlineTriggers(table, dialectTrigger{
			id:  "lower(hex(randomblob(16)))",
			now: "strftime('%Y-%m-%d %H:%M:%f', 'now')",
			row: "json_object(" + pairs() + ")", transaction: "''",
		})
	default:
		return s.inlineTriggers(table, dialectTrigger{
			id: "UUID()", now: "UTC_TIMESTAMP(6)",
			row: "JSON_OBJECT(" + pairs() + ")", transaction: "''",
		})
	}
}

// pairs is what json_object takes; %[1]s is OLD or NEW.
func pairs() string {
	var b strings.Builder
	for i, c := range accountColumns() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("'" + c + "', %[1]s." + c)
	}
	return b.String()
}

// inlineTriggers are one trigger per action, for SQLite and MySQL.
func (s *Subject) inlineTriggers(table string, d dialectTrigger) []string {
	var all []string
	for _, action := range []string{"create", "update", "delete"} {
		before, after, row := "NULL", "NULL", "NEW"
		if action != "create" {
			before = fmt.Sprintf(d.row, "OLD")
		}
		if action == "delete" {
			row = "OLD"
		} else {
			after = fmt.Sprintf(d.row, "NEW")
		}
		event := map[string]string{"create": "INSERT", "update": "UPDATE", "delete": "DELETE"}[action]
		all = append(all, fmt.Sprintf("CREATE TRIGGER %s_%s AFTER %s ON %s FOR EACH ROW BEGIN %s; END", table, action, event, table,
			s.insert(d, "'"+action+"'", "'"+table+"'", row+".id", before, after)))
	}
	return all
}

// postgresTriggers are one function, and one trigger for the three actions.
func (s *Subject) postgresTriggers(table string) []string {
	d := dialectTrigger{id: "gen_random_uuid()::text", now: "clock_timestamp()", transaction: "pg_current_xact_id()::text"}
	insert := func(action, row, before, after string) string {
		return s.insert(d, "'"+action+"'", "TG_TABLE_NAME", row+".id::text", before, after)
	}
	body := fmt.Sprintf(`BEGIN
IF TG_OP = 'INSERT' THEN %s;
ELSIF TG_OP = 'UPDATE' THEN %s;
ELSE %s;
END IF;
RETURN NULL;
END`,
		insert("create", "NEW", "NULL", "to_jsonb(NEW)"),
		insert("update", "NEW", "to_jsonb(OLD)", "to_jsonb(NEW)"),
		insert("delete", "OLD", "to_jsonb(OLD)", "NULL"))
	return []string{
		"CREATE FUNCTION " + table + "_audit() RETURNS trigger LANGUAGE plpgsql AS $body$" + body + "$body$",
		"CREATE TRIGGER " + table + "_audit AFTER INSERT OR UPDATE OR DELETE ON " + table +
			" FOR EACH ROW EXECUTE FUNCTION " + table + "_audit()",
	}
}

// insert is the statement that stores one record. Columns that may not be null and
// are unknown to a trigger are filled with the shortest value.
func (s *Subject) insert(d dialectTrigger, action, table, key, before, after string) string {
	values := map[string]string{
		"id": d.id, "occurred_at": d.now, "action": action, "outcome": "'success'", "record_type": "'account'",
		"table_name": table, "record_id": key, "before": before, "after": after,
		"transaction_id": d.transaction, "schema_version": "1",
	}
	null := map[string]bool{"seq": true, "changed": true, "changes": true, "metadata": true, "source": true}
	quote := `"`
	if s.Place.Kind == MySQL {
		quote = "`"
	}
	var names, exprs []string
	for _, column := range emitter.Columns() {
		if null[column] {
			continue
		}
		value, ok := values[column]
		if !ok {
			value = "''"
		}
		names, exprs = append(names, quote+column+quote), append(exprs, value)
	}
	return "INSERT INTO " + s.Variant.auditTable() + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(exprs, ", ") + ")"
}
