// A program that wakes relays through PostgreSQL; without a server it asks for the
// trigger that a migration would make.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/relay/pgnotify"
)

func main() {
	var waker relay.Waker = pgnotify.Listen("postgres://localhost/accounts")
	statements := pgnotify.Trigger("audit_logs")
	if waker == nil || !strings.Contains(statements, "pg_notify") {
		fmt.Fprintln(os.Stderr, "no trigger:", statements)
		os.Exit(1)
	}
	fmt.Println(statements)
}
