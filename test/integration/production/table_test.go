package production

import (
	"os"
	"strings"
	"testing"
)

// role is a line of the table: what it may do with each group of tables.
type role struct {
	name                     string
	trail, relay, alert, own string
}

// documented reads the table of roles from docs/production.md.
func documented(t *testing.T) map[string]role {
	t.Helper()
	text, err := os.ReadFile("../../../docs/production.md")
	must(t, err)
	roles := map[string]role{}
	inside := false
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case cells[0] == "Role":
			inside = true
		case !inside || strings.HasPrefix(cells[0], "-"):
		case len(cells) != 5:
			inside = false
		default:
			roles[cells[0]] = role{cells[0], cells[1], cells[2], cells[3], cells[4]}
		}
	}
	return roles
}

// grants returns what a role gets, by table.
func (r role) grants() map[string]string {
	granted := map[string]string{}
	add := func(rights string, tables ...string) {
		for _, table := range tables {
			if rights != "" {
				granted[table] = rights
			}
		}
	}
	add(r.trail, "audit_logs")
	add(r.relay, "audit_relay_positions", "audit_relay_leases", "audit_relay_dead")
	add(r.alert, "audit_alerts")
	add(r.own, "accounts")
	return granted
}
