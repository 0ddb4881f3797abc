package architecture_test

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"
	"testing"
)

const fileHeader = "| File | What it does |"

// knowPlugin are the root's files that may name the type Plugin.
var knowPlugin = []string{"plugin.go", "trail.go"}

// upward are references to what a later file of the order declares, and files that the
// order does not have.
func upward(p *rootPackage, order []string) (findings []string) {
	for _, file := range p.files {
		if name := p.fileOf(file.Pos()); !slices.Contains(order, name) {
			findings = append(findings, fmt.Sprintf("%s has no place in the order of the root's files in %s. Does it belong into a package below?", name, document))
		}
	}
	for _, name := range order {
		if !slices.ContainsFunc(p.files, func(f *ast.File) bool { return p.fileOf(f.Pos()) == name }) {
			findings = append(findings, fmt.Sprintf("%s: the order of the root's files has %s, which is not there", document, name))
		}
	}
	members := p.members()
	p.identifiers(func(id *ast.Ident, means types.Object, selected bool) {
		from := slices.Index(order, p.fileOf(id.Pos()))
		var declared []string
		if means != nil && means.Pkg() == p.types {
			declared = []string{p.fileOf(means.Pos())}
		} else if means == nil && selected && !id.IsExported() {
			// Of a value that came from another package, but only this one can have
			// declared such a name.
			declared = members[id.Name]
		}
		later := func(file string) bool { return slices.Index(order, file) > from }
		if from < 0 || len(declared) == 0 || slices.ContainsFunc(declared, func(file string) bool { return !later(file) }) {
			return
		}
		findings = append(findings, fmt.Sprintf("%s: %s is declared in %s, which comes after %s in the order of the root's files (%s): hand it over, or declare it earlier", p.at(id.Pos()), id.Name, slices.Min(declared), order[from], strings.Join(order, " → ")))
	})
	return findings
}

// knows are the places outside of some files where the type is named.
func knows(p *rootPackage, name string, may []string) (findings []string) {
	plugin := p.types.Scope().Lookup(name)
	if plugin == nil {
		return []string{"the root declares no " + name}
	}
	p.identifiers(func(id *ast.Ident, means types.Object, _ bool) {
		if means == plugin && !slices.Contains(may, p.fileOf(id.Pos())) {
			findings = append(findings, fmt.Sprintf("%s: only %s may name the type %s: take the fields that are used here, as parameters or in a small type", p.at(id.Pos()), strings.Join(may, " and "), name))
		}
	})
	return findings
}

// theOrder is that of docs/architecture.md.
func theOrder(t *testing.T) (order []string) {
	t.Helper()
	for _, cells := range rows(readFile(t, document), fileHeader) {
		order = append(order, strings.Trim(cells[0], "`"))
	}
	if len(order) == 0 {
		t.Fatalf("%s has no table with the header %q", document, fileHeader)
	}
	return order
}

func TestRootFilesReferOneWay(t *testing.T) {
	report(t, upward(theRoot(t), theOrder(t)))
}

func TestOnlyTwoFilesKnowPlugin(t *testing.T) {
	report(t, knows(theRoot(t), "Plugin", knowPlugin))
}

func TestReferencesToLaterFilesAreFound(t *testing.T) {
	const low = "import \"x.org/y\"\ntype part struct { f, g int; y.Z }\nfunc (p part) do() {}\n"
	for name, c := range map[string]struct {
		low, high string
		want      []string
	}{
		"downwards":                {low, "func use(p part) { p.do(); _ = p.f }", nil},
		"one's own":                {low + "func use(p part) { p.do(); _ = part{f: 1} }", "", nil},
		"a local of the name":      {low + "func use() { high := 1; _ = high }", "func high() {}", nil},
		"a label, a package":       {low + "func use() {\nhigh: for { break high }\n}", "func high() {}", nil},
		"a function":               {low + "func use() { high() }", "func high() {}", []string{"low.go:5: high high.go"}},
		"a type":                   {low + "var _ high", "type high int", []string{"low.go:5: high"}},
		"a constant":               {low + "var _ = 1 + high", "const high = 1", []string{"low.go:5: high"}},
		"a method":                 {low + "func use(p part) { p.more() }", "func (p part) more() {}", []string{"low.go:5: more"}},
		"a field by its name":      {low + "var _ = low{high: 1}\ntype low = top", "type top struct { high int }", []string{"low.go:5: high", "low.go:6: top"}},
		"of an unknown value":      {low + "func use() { y.Get().more() }", "func (p part) more() {}", []string{"low.go:5: more"}},
		"of an unknown exported":   {low + "func use() { y.Get().More() }", "func (p part) More() {}", nil},
		"where a type is asserted": {low + "func use() { _ = y.Get().(*high) }", "type high int", []string{"low.go:5: high"}},
		"a local where types are":  {low + "func use() { high := 1; _ = y.Get().(y.A[high]) }", "type high int", nil},
		"of two with the name":     {low + "func use() { y.Get().do() }", "type top struct{}\nfunc (t top) do() {}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := madeRoot(t, map[string]string{"low.go": c.low, "high.go": c.high})
			expect(t, upward(p, []string{"low.go", "high.go"}), c.want...)
		})
	}
	p := madeRoot(t, map[string]string{"low.go": "", "more.go": ""})
	expect(t, upward(p, []string{"low.go", "high.go"}), "more.go order", "high.go there")
}

func TestFilesThatNamePluginAreFound(t *testing.T) {
	files := map[string]string{
		"plugin.go":  "type Plugin struct { name string }\nfunc New() *Plugin { return &Plugin{} }",
		"trail.go":   "func (p *Plugin) Event() {}",
		"options.go": "import \"gorm.io/gorm\"\ntype Option func(string)\nvar _ gorm.Plugin = thing{Plugin: 1}\ntype thing struct { Plugin int }\nvar _ = gorm.Config{Plugin: 1}\n// Plugin is a word.\nvar _ = New().name",
	}
	expect(t, knows(madeRoot(t, files), "Plugin", knowPlugin))
	files["differ.go"] = "import \"gorm.io/gorm\"\nfunc (p *Plugin) differ() { var q any = p\n _ = q.(*Plugin) }\nvar _ = gorm.Get().(*Plugin)\ntype part struct { *Plugin }"
	expect(t, knows(madeRoot(t, files), "Plugin", knowPlugin), "differ.go:3", "differ.go:4", "differ.go:5", "differ.go:6")
	delete(files, "plugin.go")
	expect(t, knows(madeRoot(t, files), "Plugin", knowPlugin), "no Plugin")
}
