// A program that reads alert rules from a file.
package main

import (
	"fmt"
	"os"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/alert/file"
)

const rules = `
rules:
  - name: mfa-phone-changed
    when: {model: user, column: mfa_phone, action: update}
    send: support
`

func main() {
	config, err := file.Parse("alerts.yaml", []byte(rules), file.Channels(map[string]alert.Channel{"support": alert.Slog(nil)}))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(config.Rules[0])
}
