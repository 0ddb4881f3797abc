package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/cli"
)

// now is when the scripts are run.
var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// asProgram in the environment makes the test's binary the command itself.
const asProgram = "AUDITPLUGIN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(os.Args[1:]))
	}
	testscript.Main(m, map[string]func(){"auditplugin": func() {
		a := cli.App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Now: func() time.Time { return now }, Zone: time.UTC}
		os.Exit(a.Run(context.Background(), os.Args[1:]))
	}})
}

// The scripts' expected output is written anew with -update in the environment's
// UPDATE_SCRIPTS=1.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("AUDIT_DSN", "sqlite:shop.db")
			e.Setenv("AUDIT_ACTOR", "ops")
			return shop(filepath.Join(e.WorkDir, "shop.db"))
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// exits CODE PROGRAM ARGS… runs a program that ends with the code.
			"exits": func(ts *testscript.TestScript, _ bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				got := 0
				if err := ts.Exec(args[1], args[2:]...); err != nil {
					var status *exec.ExitError
					if !errors.As(err, &status) {
						ts.Fatalf("%v", err)
					}
					got = status.ExitCode()
				}
				if got != want {
					ts.Fatalf("exit code %d, want %d", got, want)
				}
			},
			// companions TABLE… makes companion triggers, as an application would.
			"companions": func(ts *testscript.TestScript, _ bool, args []string) {
				db, err := openShop(ts.MkAbs("shop.db"))
				ts.Check(err)
				ts.Check(companions(db, args...))
			},
			// sql STATEMENT… changes the shop's database past the plugin; sql -f FILE runs a
			// file's statements.
			"sql": func(ts *testscript.TestScript, _ bool, args []string) {
				if args[0] == "-f" {
					args = []string{ts.ReadFile(args[1])}
				}
				for _, statement := range args {
					ts.Check(execute(ts.MkAbs("shop.db"), statement))
				}
			},
		},
	})
}
