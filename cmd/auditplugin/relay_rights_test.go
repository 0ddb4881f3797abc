package main

import (
	"strings"
	"testing"
)

// relayRights gives a user who has none what the relay's role needs, one right after the
// other, and has the doctor tell what is missing.
func (d database) relayRights(t *testing.T, user string) {
	t.Helper()
	exec := func(statement string) {
		t.Helper()
		must(t, d.Exec(statement).Error)
	}
	lacks := func(rights, table string) string {
		if strings.Contains(rights, ",") {
			user := "\"" + user // as CSV quotes it
			return "FAIL,relay-rights," + user + " may not " + rights + " " + table
		}
		return "FAIL,relay-rights," + user + " may not " + rights + " " + table
	}
	var more []string
	if d.Name() == "mysql" {
		more = []string{"warn,relay-rights,\"" + user + " has no PROCESS"}
	}
	as := "--relay-role " + user
	d.findings(t, as, append([]string{lacks("SELECT", "audit_logs")}, more...)...)
	exec("GRANT SELECT ON audit_logs TO " + user)
	d.findings(t, as, more...)
	ddl := d.ok(t, "schema --for relay")
	for _, statement := range strings.Split(strings.TrimSuffix(strings.TrimSpace(ddl), ";"), ";\n") {
		exec(statement)
	}
	all := "SELECT, INSERT, UPDATE, DELETE"
	d.findings(t, as, append([]string{lacks(all, "audit_relay_positions"), lacks(all, "audit_relay_leases"), lacks(all, "audit_relay_dead")}, more...)...)
	for _, table := range []string{"audit_relay_positions", "audit_relay_leases"} {
		exec("GRANT " + all + " ON " + table + " TO " + user)
	}
	exec("GRANT SELECT, INSERT, DELETE ON audit_relay_dead TO " + user)
	d.findings(t, as, append([]string{lacks("UPDATE", "audit_relay_dead")}, more...)...)
	exec("GRANT UPDATE ON audit_relay_dead TO " + user)
	d.findings(t, as, more...)
	if d.Name() == "mysql" {
		exec("GRANT PROCESS ON *.* TO " + user)
		d.findings(t, as)
		d.findings(t, "--relay-role nobody@nowhere", "FAIL,relay-rights,there is no user nobody@nowhere")
		return
	}
	d.findings(t, "--relay-role nobody", "FAIL,relay-rights,there is no role nobody")
	exec("REVOKE USAGE ON SCHEMA public FROM PUBLIC")
	d.findings(t, as, "FAIL,relay-rights,"+user+" may not look into schema public")
	exec("GRANT USAGE ON SCHEMA public TO " + user)
	d.findings(t, as)
}
