package file_test

import (
	"fmt"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/alert/file"
)

const rules = `
rules:
  - name: mfa-phone-changed
    severity: warning
    when: {model: user, column: mfa_phone, action: update}
    send: support
  - name: mass-deletion
    when: {action: [delete, soft_delete]}
    count: {more_than: 20, in: 1m, by: actor}
    send: support
`

func ExampleParse() {
	support := file.Channels(map[string]alert.Channel{"support": alert.Slog(nil)})
	config, err := file.Parse("alerts.yaml", []byte(rules), support)
	if err != nil {
		panic(err)
	}
	for _, rule := range config.Rules {
		fmt.Println(rule)
	}

	_, err = file.Parse("alerts.yaml", []byte("rules:\n  - name: x\n    when: {tabel: user}\n    send: nobody\n    severity: bad"), support)
	fmt.Println(err)
	// Output:
	// mfa-phone-changed: all of (model user, column mfa_phone, action update)
	// mass-deletion: all of (action delete or soft_delete, more than 20 in a minute by actor)
	// auditplugin: invalid alert file
	// alerts.yaml:2:5: rule "x": auditplugin: unknown alert channel: "nobody"; known are support
	// alerts.yaml:3:12: when: unknown key "tabel"; known are action, actor_id, actor_type, all, any, application, column, during, message_matches, metadata, model, no_actor, no_reason, not, not_owner, outcome, reason_matches, record_id, table, value
	// alerts.yaml:5:15: severity: info, warning or critical is needed
}
