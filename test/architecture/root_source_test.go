package architecture_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// rootPackage is the package in the top folder, checked as far as that goes without
// what it imports.
type rootPackage struct {
	fset  *token.FileSet
	files []*ast.File
	types *types.Package
	info  types.Info
}

// readRoot reads the top folder's Go files but tests.
func readRoot(fsys fs.FS) (*rootPackage, error) {
	p := &rootPackage{fset: token.NewFileSet(), info: types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}}
	names, err := fs.Glob(fsys, "*.go")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(p.fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, file)
	}
	conf := types.Config{
		Importer: nothing{},
		Error:    func(error) {}, // what is imported is unknown: nothing that uses it fits
	}
	p.types, _ = conf.Check(rootPlace, p.fset, p.files, &p.info)
	return p, nil
}

// nothing imports nothing: go/types then takes the package for one with any name.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not read") }

func (p *rootPackage) fileOf(pos token.Pos) string { return p.fset.Position(pos).Filename }

func (p *rootPackage) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", p.fileOf(pos), p.fset.Position(pos).Line)
}

// identifiers calls f for each identifier in order, with what it stands for, if that is
// known, and whether it was selected from something or is the key of a literal.
func (p *rootPackage) identifiers(f func(id *ast.Ident, means types.Object, selected bool)) {
	for _, file := range p.files {
		selected := map[*ast.Ident]bool{}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				selected[n.Sel] = true
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok {
					selected[key] = true
				}
			case *ast.Ident:
				f(n, p.means(n, selected[n]), selected[n])
			}
			return true
		})
	}
}

// means is what an identifier stands for. Where go/types gave up, because a value came
// from another package, names that are not selected still mean what they do there.
func (p *rootPackage) means(id *ast.Ident, selected bool) types.Object {
	if use := p.info.Uses[id]; use != nil || selected {
		return use
	}
	if def, ok := p.info.Defs[id]; ok {
		return def
	}
	scope := p.types.Scope().Innermost(id.Pos())
	if scope == nil {
		return nil
	}
	_, use := scope.LookupParent(id.Name, id.Pos())
	return use
}

// members are the files that declare a field or a method of each name.
func (p *rootPackage) members() map[string][]string {
	members := map[string][]string{}
	for id, def := range p.info.Defs {
		field, _ := def.(*types.Var)
		method, _ := def.(*types.Func)
		if field != nil && field.IsField() || method != nil && method.Signature().Recv() != nil {
			members[id.Name] = append(members[id.Name], p.fileOf(id.Pos()))
		}
	}
	return members
}

func theRoot(t *testing.T) *rootPackage {
	t.Helper()
	p, err := readRoot(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// madeRoot is a root for tests of the checks themselves.
func madeRoot(t *testing.T, files map[string]string) *rootPackage {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte("package auditplugin\n" + text)}
	}
	p, err := readRoot(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
