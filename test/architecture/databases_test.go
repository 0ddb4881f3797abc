package architecture_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// databases are GORM's names of the dialects, by the constants of internal/dialect.
var databases = map[string]string{"Postgres": "postgres", "MySQL": "mysql", "SQLite": "sqlite"}

// choosers are the files that may name every database, each to choose what another file
// or folder has of it.
var choosers = map[string]string{
	"plugin.go":                               "the folder in internal/capture",
	"internal/dialect/dialect.go":             "the names themselves, and what depends on the version",
	"internal/catalog/database.go":            "how the catalog is read",
	"internal/sqltext/lexer.go":               "whose grammar a text is read by; the rules themselves stand where text is cut",
	"internal/values/traits.go":               "what values mean; a leaf, which internal/dialect is not",
	"internal/companion/companion.go":         "how statements are marked for companion triggers",
	"trigger/generate.go":                     "the language of triggers",
	"history/internal/condition/condition.go": "conditions on JSON columns",
	"history/internal/partition/partition.go": "partitions",
}

// ofOne are files about one database whose names do not say so.
var ofOne = map[string]string{
	"relay/pgnotify/notify.go": "postgres", // a module for what only PostgreSQL has
}

// isOf tells whether the file is a database's: its name or its folder's says so.
func isOf(file, database string) bool {
	base := strings.TrimSuffix(path.Base(file), ".go")
	return path.Base(path.Dir(file)) == database || ofOne[file] == database ||
		slices.Contains(strings.Split(base, "_"), database)
}

// named are the databases that a Go file names, by the lines where it does: as a text of
// its own, or by the constants.
func named(name string, text []byte) (map[int]string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	found := map[int]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			for _, database := range databases {
				if n.Kind == token.STRING && n.Value == strconv.Quote(database) {
					found[fset.Position(n.Pos()).Line] = database
				}
			}
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "dialect" && databases[n.Sel.Name] != "" {
				found[fset.Position(n.Pos()).Line] = databases[n.Sel.Name]
			}
		}
		return true
	})
	return found, nil
}

// askedElsewhere are the places where product code names a database that is not its own,
// and the choosers that name none.
func askedElsewhere(t table, fsys fs.FS) (findings []string, err error) {
	names := map[string]bool{}
	err = fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		base := path.Base(file)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if file != "." && (base[0] == '.' || base[0] == '_' || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		p, _ := t.find(placeOf(path.Dir(file)))
		if p.anything || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		found, err := named(file, text)
		for _, line := range slices.Sorted(maps.Keys(found)) {
			if names[file] = true; choosers[file] == "" && !isOf(file, found[line]) {
				findings = append(findings, fmt.Sprintf("%s:%d asks whether the database is %s. What does it want to know of it? "+
					"Make that a fact in internal/dialect with a name of its own, or a file of the database's beside this one", file, line, found[line]))
			}
		}
		return err
	})
	for _, file := range slices.Sorted(maps.Keys(choosers)) {
		if !names[file] {
			findings = append(findings, fmt.Sprintf("%s names no database (any more): delete it from the choosers", file))
		}
	}
	return findings, err
}

func TestOnlyADatabasesOwnFilesNameIt(t *testing.T) {
	findings, err := askedElsewhere(theTable(t), os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	report(t, findings)
}

func TestQuestionsForADatabaseAreFound(t *testing.T) {
	tab := made(t, "| `history` | x | nothing |", "| `example` | x | anything |")
	fsys := fstest.MapFS{}
	for file := range choosers {
		fsys[file] = &fstest.MapFile{Data: []byte("package x\n\nconst name = \"sqlite\"\n")}
	}
	for file, expression := range map[string]string{
		"history/a.go":              `db.Name() == "mysql"`,
		"history/b.go":              `name != dialect.Postgres`,
		"history/c.go":              "\"mysqld\" + `sqlite` + other.Postgres",
		"history/d_test.go":         `"mysql"`,
		"example/main.go":           `"mysql"`,
		"history/x/mysql.go":        `dialect.MySQL`,
		"history/x/facts_sqlite.go": `dialect.MySQL`,
		"history/mysql/a.go":        `"mysql"`,
		"relay/pgnotify/notify.go":  `"postgres"`,
		"testdata/a.go":             `"postgres"`,
	} {
		fsys[file] = &fstest.MapFile{Data: []byte("package x\n\nvar _ = " + expression + "\n")}
	}
	findings := func() []string {
		found, err := askedElsewhere(tab, fsys)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	expect(t, findings(), "history/a.go:3 mysql", "history/b.go:3 postgres", "history/x/facts_sqlite.go:3 mysql")
	fsys["plugin.go"].Data = []byte("package x\n")
	for _, file := range []string{"history/a.go", "history/b.go", "history/x/facts_sqlite.go"} {
		delete(fsys, file)
	}
	expect(t, findings(), "plugin.go choosers")
}
