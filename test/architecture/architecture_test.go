// Package architecture_test holds the code against docs/architecture.md: who imports
// whom, the drawing of it, the linter's rules, and what the root folder has. Nothing
// but Go is needed, and nothing is built.
package architecture_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	document     = "docs/architecture.md"
	lintConfig   = ".ci/golangci.yml"
	contributing = "CONTRIBUTING.md"

	updateCommand = "go test ./test/architecture -update"
)

var update = flag.Bool("update", false, "rewrite the drawing in "+document+" and the rules in "+lintConfig+" from the table")

// root is the repository's top folder.
var root = filepath.Join("..", "..")

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// report fails the test once for each finding.
func report(t *testing.T, findings []string) {
	t.Helper()
	for _, f := range findings {
		t.Error(f)
	}
}

// expect compares findings with what each of them has to mention.
func expect(t *testing.T, findings []string, mentions ...string) {
	t.Helper()
	if len(findings) != len(mentions) {
		t.Fatalf("%d findings, want %d:\n%s", len(findings), len(mentions), strings.Join(findings, "\n"))
	}
	for i, f := range findings {
		for _, word := range strings.Fields(mentions[i]) {
			if !strings.Contains(f, word) {
				t.Errorf("%q does not mention %q", f, word)
			}
		}
	}
}
