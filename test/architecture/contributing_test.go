package architecture_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const layoutHeader = "| Place | What lives there |"

// unexplained are the root's Go files and internal packages that the layout does not
// have, and those that it has and are not there.
func unexplained(markdown string, files, packages []string) (findings []string) {
	var named []string
	for _, cells := range rows(markdown, layoutHeader) {
		inRoot := cells[0] == "root"
		for _, word := range quoted.FindAllStringSubmatch(strings.Join(cells, " "), -1) {
			if name := word[1]; strings.HasPrefix(name, "internal/") || inRoot && strings.HasSuffix(name, ".go") {
				named = append(named, name)
			}
		}
	}
	there := slices.Concat(files, packages)
	is := func(name, pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	}
	for _, name := range there {
		if !slices.ContainsFunc(named, func(pattern string) bool { return is(name, pattern) }) {
			findings = append(findings, fmt.Sprintf("%s: the layout does not name %s: say in a few words what is in it", contributing, name))
		}
	}
	for _, pattern := range named {
		if !slices.ContainsFunc(there, func(name string) bool { return is(name, pattern) }) {
			findings = append(findings, fmt.Sprintf("%s: the layout names %s, which is not there", contributing, pattern))
		}
	}
	return findings
}

// explicable are the Go files of the top folder and the packages in internal/.
func explicable(fsys fs.FS, s source) (files, packages []string, err error) {
	files, err = fs.Glob(fsys, "*.go")
	for pkg := range s.packages {
		if strings.HasPrefix(pkg, "internal/") {
			packages = append(packages, pkg)
		}
	}
	slices.Sort(packages)
	return files, packages, err
}

func TestLayoutHasEveryRootFileAndInternalPackage(t *testing.T) {
	files, packages, err := explicable(os.DirFS(root), theSource(t))
	if err != nil {
		t.Fatal(err)
	}
	report(t, unexplained(readFile(t, contributing), files, packages))
}

func TestWhatTheLayoutDoesNotNameIsFound(t *testing.T) {
	files, packages, err := explicable(
		fstest.MapFS{"a.go": {}, "a_test.go": {}, "b.md": {}, "c/d.go": {}},
		source{packages: map[string]string{"internal/x": "", "internal/x/y": "", "c": ""}})
	if err != nil || strings.Join(files, " ") != "a.go a_test.go" || strings.Join(packages, " ") != "internal/x internal/x/y" {
		t.Fatal(files, packages, err)
	}
	page := "## Layout\n\n" + layoutHeader + "\n|---|---|\n| root | `a.go` begins, `*_test.go` hold it |\n| `internal/x` | helps, with `z.go` |\n| `internal/x/y` | helps more |\n\n`internal/z` is mentioned\n"
	expect(t, unexplained(page, files, packages))
	expect(t, unexplained(page, append(files, "new.go"), append(packages, "internal/z")), "new.go", "internal/z")
	expect(t, unexplained(page, files[1:], packages[1:]), "a.go there", "internal/x there")
}
