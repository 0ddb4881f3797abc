package architecture_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

const typesHeader = "| Type | What it is | Goes from, to |"

// dead are packages, files and types that the page names and the repository does not
// have.
func dead(markdown string, fsys fs.FS) (findings []string) {
	complain := func(format string, args ...any) {
		findings = append(findings, document+": "+fmt.Sprintf(format, args...))
	}
	travelling := map[string]bool{}
	for _, cells := range rows(markdown, typesHeader) {
		name := strings.Trim(cells[0], "`")
		travelling[name] = true
		dir, typ := path.Dir(name), path.Base(name)
		pkg, typ, _ := strings.Cut(typ, ".")
		if !declares(fsys, path.Join(dir, pkg), typ) {
			complain("%s declares no type %s", path.Join(dir, pkg), typ)
		}
	}
	said := map[string]bool{}
	for _, word := range quoted.FindAllStringSubmatch(markdown, -1) {
		name := word[1]
		if travelling[name] || said[name] || !strings.HasPrefix(name, "internal/") && !strings.HasSuffix(name, ".go") {
			continue
		}
		said[name] = true
		if _, err := fs.Stat(fsys, strings.TrimSuffix(name, "/")); err != nil {
			complain("%s is named and not there", name)
		}
	}
	return findings
}

// declares tells whether a file of the folder declares the type.
func declares(fsys fs.FS, dir, name string) bool {
	files, _ := fs.Glob(fsys, dir+"/*.go")
	for _, f := range files {
		text, _ := fs.ReadFile(fsys, f)
		file, err := parser.ParseFile(token.NewFileSet(), f, text, parser.SkipObjectResolution)
		if err != nil || strings.HasSuffix(f, "_test.go") {
			continue
		}
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range group.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok && t.Name.Name == name {
					return true
				}
			}
		}
	}
	return false
}

func TestDocumentNamesWhatIsThere(t *testing.T) {
	report(t, dead(readFile(t, document), os.DirFS(root)))
}

func TestNamesOfNothingAreFound(t *testing.T) {
	page := "text `root.go`, `internal/`, `internal/x` and `x.Free`\n\n" + typesHeader + "\n|---|---|---|\n| `internal/x.Real` | a | b |\n"
	fsys := fstest.MapFS{"root.go": {}, "internal/x/x.go": {Data: []byte("package x\n\ntype (\n\tOther int\n\tReal struct{}\n)\n")}}
	expect(t, dead(page, fsys))
	delete(fsys, "root.go")
	fsys["internal/x/x.go"].Data = []byte("package x\n\nfunc Real() {}\n")
	expect(t, dead(page, fsys), "internal/x Real", "root.go")
	delete(fsys, "internal/x/x.go")
	expect(t, dead(page, fsys), "internal/x Real", "root.go", "internal/", "internal/x")
}
