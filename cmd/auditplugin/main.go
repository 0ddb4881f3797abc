// Command auditplugin asks and mends the audit table that the auditplugin package
// writes: who changed which row, from what, to what, when and why.
//
//	auditplugin trail users 42
//	auditplugin search --actor 7 --since 7d
//	auditplugin asof users 42 --at 2026-10-01
//	auditplugin doctor
//
// See docs/cli.md.
package main

import (
	"os"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
