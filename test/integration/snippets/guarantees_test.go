package snippets

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that the README's table of guarantees names exists; a name that ends
// in … stands for at least one test that begins so.
func TestGuaranteesNameTests(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "\n| Guarantee | Tests |\n")
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
			t.Errorf("the README names %s%s, which no file declares", n[1], n[2])
		}
	}
	for row := range strings.Lines(table) {
		if !strings.HasPrefix(row, "|---") && !strings.Contains(row, "`Test") {
			t.Errorf("guarantee without a test: %s", row)
		}
	}
}
