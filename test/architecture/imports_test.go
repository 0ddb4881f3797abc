package architecture_test

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// imported is one import by one file that is no test.
type imported struct {
	from string // the package
	path string
	ours string // the package that is imported, if it is in this repository
	at   string // file and line
}

// source is what the repository's Go files say of themselves. Those of every system
// and build tag count.
type source struct {
	packages map[string]string // a file of each that is no test
	modules  []string          // folders with a go.mod
	imports  []imported
}

var moduleLine = regexp.MustCompile(`(?m)^module (\S+)$`)

// readSource reads every Go file below the top folder but tests and testdata.
func readSource(fsys fs.FS) (source, error) {
	s := source{packages: map[string]string{}}
	mod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return s, err
	}
	module := moduleLine.FindStringSubmatch(string(mod))[1]
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (base[0] == '.' || base[0] == '_' || base == "testdata"):
			return fs.SkipDir
		case base == "go.mod":
			s.modules = append(s.modules, placeOf(path.Dir(name)))
			return nil
		case !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := placeOf(path.Dir(name))
		s.packages[from] = name
		for _, spec := range file.Imports {
			i := imported{from: from, at: fmt.Sprintf("%s:%d", name, fset.Position(spec.Pos()).Line)}
			if i.path, err = strconv.Unquote(spec.Path.Value); err != nil {
				return err
			}
			if i.path == module {
				i.ours = rootPlace
			} else if below, ok := strings.CutPrefix(i.path, module+"/"); ok {
				i.ours = below
			}
			s.imports = append(s.imports, i)
		}
		return nil
	})
	return s, err
}

func placeOf(dir string) string {
	if dir == "." {
		return rootPlace
	}
	return dir
}

func theSource(t *testing.T) source {
	t.Helper()
	s, err := readSource(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// forbidden are the imports that the table does not allow.
func forbidden(t table, s source) (findings []string) {
	for _, i := range s.imports {
		p, known := t.find(i.from)
		if !known || p.anything {
			continue
		}
		var reason string
		first, _, _ := strings.Cut(i.path, "/")
		q, listed := t.find(i.ours)
		_, owned := p.owner(i.path)
		switch {
		case i.ours != "" && !listed:
			continue // which has no line: said once
		case i.ours != "" && p.allows(q):
			continue
		case i.ours != "" && t.higher(q, p):
			reason = fmt.Sprintf("imports go one way, up the table, and %s stands further down: hand %s what it needs, as a value, a function or an interface of its own", q.name, p.name)
		case i.ours != "":
			reason = fmt.Sprintf("its line does not name %s. Is it not what %s is for (%s)? Then add it there, in this change", q.name, p.name, p.duty)
		case !strings.Contains(first, ".") || owned || p.module:
			continue
		default:
			reason = "its line names no such module of others. Which of the packages that do should this code go through?"
		}
		findings = append(findings, fmt.Sprintf("%s: %s may not import %s, says the table in %s: %s", i.at, p.name, cmp.Or(i.ours, i.path), document, reason))
	}
	return findings
}

// higher tells whether q comes after p in the table.
func (t table) higher(q, p place) bool {
	at := func(p place) int { return slices.IndexFunc(t, func(o place) bool { return o.name == p.name }) }
	return at(q) > at(p)
}

// unlisted are the packages that the table does not have.
func unlisted(t table, s source) (findings []string) {
	for pkg, file := range s.packages {
		if _, ok := t.find(pkg); !ok {
			findings = append(findings, fmt.Sprintf("%s: the package %s has no line in the table of %s: say there what its one duty is and what it may import", file, pkg, document))
		}
	}
	slices.Sort(findings)
	return findings
}

// absent are the lines of the table without a package, and the marks that are wrong.
func absent(t table, s source) (findings []string) {
	for _, p := range t {
		found := false
		for pkg := range s.packages {
			found = found || p.covers(pkg)
		}
		if !found {
			findings = append(findings, fmt.Sprintf("%s: the table has a line for %s, which is no package: delete the line", document, p.name))
		}
		if module := slices.ContainsFunc(s.modules, p.covers) && p.name != rootPlace; found && module != p.module {
			findings = append(findings, fmt.Sprintf("%s: the line of %s says (module): %v; it has a go.mod: %v", document, p.name, p.module, module))
		}
	}
	return findings
}

// unused is what the table allows and nobody does.
func unused(t table, s source) (findings []string) {
	for _, p := range t {
		if p.anything || s.packages[p.name] == "" {
			continue
		}
		used := map[string]bool{}
		for _, i := range s.imports {
			if i.from != p.name {
				continue
			}
			owner, _ := p.owner(i.path)
			used[owner], used[i.ours] = true, true
			if q, _ := t.find(i.ours); q.leaf {
				used["leaves"] = true
			}
		}
		allowed := append(slices.Clone(p.ours), p.others...)
		if p.leaves {
			allowed = append(allowed, "leaves")
		}
		allowed = slices.DeleteFunc(allowed, func(a string) bool { return used[a] })
		if len(allowed) > 0 {
			findings = append(findings, fmt.Sprintf("%s: the table allows %s to import what it does not import (any more): delete from its line %s", document, p.name, strings.Join(allowed, ", ")))
		}
	}
	return findings
}

func TestImportsFollowTheTable(t *testing.T) { report(t, forbidden(theTable(t), theSource(t))) }
func TestTableHasEveryPackage(t *testing.T)  { report(t, unlisted(theTable(t), theSource(t))) }
func TestTableHasOnlyPackages(t *testing.T)  { report(t, absent(theTable(t), theSource(t))) }

func TestTableAllowsOnlyWhatIsUsed(t *testing.T) {
	report(t, unused(theTable(t), theSource(t)))
}

// madeSource is a repository for tests of the checks themselves: files, and what each
// imports.
func madeSource(t *testing.T, files map[string]string) source {
	t.Helper()
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module example.org/m\n")}}
	for name, imports := range files {
		text := "package p\n"
		for _, i := range strings.Fields(imports) {
			text += fmt.Sprintf("import %q\n", strings.Replace(i, "./", "example.org/m/", 1))
		}
		if strings.HasSuffix(name, "go.mod") {
			text = "module example.org/m/" + path.Dir(name) + "\n"
		}
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	s, err := readSource(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestForbiddenImportsAreFound(t *testing.T) {
	tab := made(t, "| `a` (leaf) | x | nothing |", "| `b` | x | leaves |", "| `c` | x | `b`, `x.org/y` |", "| `d` (module) | x | `c` |", "| `e/...` | x | anything |", "| `auditplugin` | x | `c` |")
	for name, c := range map[string]struct {
		file, imports string
		want          []string
	}{
		"the standard library":           {"a/a.go", "fmt net/http", nil},
		"a leaf":                         {"b/b.go", "./a", nil},
		"what the line names":            {"c/c.go", "./b x.org/y/z", nil},
		"what a longer way leads to":     {"c/c.go", "./b ./a", []string{"c/c.go:3 c a line"}},
		"against the direction":          {"b/b.go", "./c", []string{"b/b.go:2 b c one way"}},
		"the root from below":            {"b/b.go", "example.org/m", []string{"b/b.go:2 auditplugin one way"}},
		"below the root":                 {"main.go", "./c", nil},
		"a module of others":             {"c/c.go", "x.org/other", []string{"c/c.go:2 x.org/other"}},
		"a module of others in a module": {"d/d.go", "x.org/other", nil},
		"anything":                       {"e/f/e.go", "./a x.org/other", nil},
		"nobody imports what is free":    {"c/c.go", "./e/f", []string{"c/c.go:2 e/... one way"}},
		"a test":                         {"a/a_test.go", "./c x.org/other", nil},
		"testdata":                       {"a/testdata/b/a.go", "./c", nil},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, forbidden(tab, madeSource(t, map[string]string{c.file: c.imports})), c.want...)
		})
	}
}

func TestDifferencesBetweenTableAndPackagesAreFound(t *testing.T) {
	tab := made(t, "| `a` (leaf) | x | nothing |", "| `b` | x | leaves, `x.org/y` |", "| `c` | x | leaves, `b`, `x.org/y` |")
	complete := madeSource(t, map[string]string{"a/a.go": "", "b/b.go": "./a x.org/y", "c/c.go": "./a ./b x.org/y/z"})
	expect(t, unlisted(tab, complete))
	expect(t, absent(tab, complete))
	expect(t, unused(tab, complete))

	more := madeSource(t, map[string]string{"a/a.go": "", "b/b.go": "", "c/c.go": "x.org/yz", "d/d.go": ""})
	expect(t, unlisted(tab, more), "d/d.go: d")
	expect(t, unused(tab, more), "b x.org/y leaves", "c b, x.org/y leaves")

	less := madeSource(t, map[string]string{"b/go.mod": "", "b/b.go": "./a"})
	expect(t, absent(tab, less), "a no package", "b (module)", "c no package")
}
