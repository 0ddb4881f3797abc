package snippets

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that the table of guarantees in docs/proof.md names exists; a name that
// ends in … stands for at least one test that begins so. The README's guarantees are
// those of the table.
func TestGuaranteesNameTests(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	proof, err := os.ReadFile("../../../docs/proof.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(proof), "\n| Guarantee | Tests |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	names := regexp.MustCompile("`(Test[A-Za-z0-9_]+)(…?)`").FindAllStringSubmatch(table, -1)
	if rows := strings.Count(table, "\n"); rows < 8 || len(names) < rows {
		t.Fatalf("%d rows that name %d tests; is the table where it was?", rows, len(names))
	}
	var tests strings.Builder
	err = filepath.WalkDir("../../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		tests.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		declared := "\nfunc " + n[1]
		if n[2] == "" {
			declared += "("
		}
		if !strings.Contains(tests.String(), declared) {
			t.Errorf("docs/proof.md names %s%s, which no file declares", n[1], n[2])
		}
	}
	_, listed, _ := strings.Cut(string(readme), "\n## Guarantees\n")
	listed, _, _ = strings.Cut(listed, "\n## ")
	if n := strings.Count(listed, "\n- "); n != strings.Count(table, "\n") {
		t.Errorf("%d guarantees in the README, %d lines in docs/proof.md", n, strings.Count(table, "\n"))
	}
	for row := range strings.Lines(table) {
		if !strings.HasPrefix(row, "|---") && !strings.Contains(row, "`Test") {
			t.Errorf("guarantee without a test: %s", row)
		}
		if guarantee, _, ok := strings.Cut(strings.TrimPrefix(row, "| "), " | "); ok && !strings.Contains(string(readme), "\n- "+guarantee+".\n") {
			t.Errorf("the README lacks the guarantee %q", guarantee)
		}
	}
}
