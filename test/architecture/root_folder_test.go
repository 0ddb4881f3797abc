package architecture_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What a visitor sees before the README.
const (
	mostEntries = 30
	mostGoFiles = 16 // that are no tests
)

// crowded says whether the files, of the whole repository, make the top folder too
// long.
func crowded(files []string) (findings []string) {
	var entries, goFiles []string
	for _, name := range files {
		entry, _, below := strings.Cut(name, "/")
		if slices.Contains(entries, entry) || strings.HasPrefix(entry, ".") {
			continue // ls shows no name that begins with a dot
		}
		entries = append(entries, entry)
		if !below && strings.HasSuffix(entry, ".go") && !strings.HasSuffix(entry, "_test.go") {
			goFiles = append(goFiles, entry)
		}
	}
	if len(entries) > mostEntries {
		findings = append(findings, fmt.Sprintf("the top folder has %d entries, and a visitor should not scroll past more than %d to the README: %s", len(entries), mostEntries, strings.Join(entries, " ")))
	}
	if len(goFiles) > mostGoFiles {
		findings = append(findings, fmt.Sprintf("the root package has %d files that are no tests, and its files should tell its story, in at most %d: %s", len(goFiles), mostGoFiles, strings.Join(goFiles, " ")))
	}
	return findings
}

func TestTopFolderIsShort(t *testing.T) {
	out, err := exec.Command("git", "-C", root, "ls-files").Output()
	if err != nil {
		t.Skipf("git does not say what belongs to the repository: %v", err)
	}
	report(t, crowded(strings.Fields(string(out))))
}

func TestLongTopFolderIsFound(t *testing.T) {
	files := []string{"README.md", "plugin_test.go"}
	for i := range mostGoFiles {
		files = append(files, fmt.Sprintf("f%d.go", i))
	}
	for i := range mostEntries - len(files) {
		files = append(files, fmt.Sprintf("d%d/a.go", i), fmt.Sprintf("d%d/b.go", i))
	}
	files = append(files, ".ci/run", ".gitignore")
	expect(t, crowded(files))
	expect(t, crowded(append(files, "one_test.go")), "31 entries one_test.go")
	expect(t, crowded(append(files, "one.go")), "31 entries one.go", "17 tests one.go")
}
