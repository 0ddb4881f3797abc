package snippets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/DATA-DOG/go-sqlmock" // which docs/your-tests.md shows
)

// Every Go block of README.md and docs/ compiles and passes vet, and those that are
// tests pass, in a module of their own as a user would have it.
func TestDocumentationCompiles(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	found := documented(t, root)
	if len(found) < 8 {
		t.Fatalf("only %d Go blocks in README.md and docs/; is the documentation where it was?", len(found))
	}
	module := newModule(t, root)
	tests := 0
	for i, b := range found {
		source, err := b.source()
		if err != nil {
			t.Errorf("%s:%d: %v", b.file, b.line, err)
			continue
		}
		dir := fmt.Sprintf("block%d/", i)
		if strings.Contains(source, "\nfunc Test") {
			tests++
			write(t, filepath.Join(module, dir+"block_test.go"), source)
		} else {
			write(t, filepath.Join(module, dir+"block.go"), source)
		}
		if strings.HasPrefix(source, "package snippet\n") {
			write(t, filepath.Join(module, dir+"preamble.go"), preamble(t, root, b.file))
		}
	}
	run(t, module, "vet", "./...")
	out := run(t, module, "test", "-v", "./...")
	if passed := strings.Count(out, "\n--- PASS"); passed < 2 || tests < 2 {
		t.Errorf("%d tests in the documentation, %d passed; docs/your-tests.md has two\n%s", tests, passed, out)
	}
}

// preamble returns what the fragments of a page take for granted: the file in
// testdata that is named after the page, or the default.
func preamble(t *testing.T, root, page string) string {
	name, err := filepath.Rel(root, strings.TrimSuffix(page, ".md")+".go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("testdata", strings.ReplaceAll(name, "/", "_")))
	if errors.Is(err, fs.ErrNotExist) {
		text, err = os.ReadFile("testdata/default.go")
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// newModule makes a module that requires what this one does, with the library
// taken from root.
func newModule(t *testing.T, root string) string {
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, "test/integration", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(text))
	}
	run(t, dir, "mod", "edit", "-module=example.test/docs", "-replace=github.com/gorm-audit/auditplugin="+root,
		"-require=github.com/gorm-audit/auditplugin/relay/pgnotify@v0.1.0",
		"-replace=github.com/gorm-audit/auditplugin/relay/pgnotify="+root+"/relay/pgnotify")
	return dir
}

func write(t *testing.T, path, text string) {
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// run runs the go command in dir and returns what it says.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "PWD="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// documented returns the Go blocks of README.md and of every page under docs/.
func documented(t *testing.T, root string) []block {
	var found []block
	read := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, blocks(path, string(text))...)
	}
	read(filepath.Join(root, "README.md"))
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		// Those of frameworks.md are compiled and run by test/frameworks, which has the frameworks.
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" && d.Name() != "frameworks.md" {
			read(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestSource(t *testing.T) {
	for _, c := range []struct{ name, code, want string }{
		{"statements", "n, err := fmt.Println(1)\n", "_ = n\n_ = err\nreturn nil"},
		{"declarations", "func f() { slog.Info(\"x\") }\n", "import slog \"log/slog\""},
		{"whole file", "package main\n\nfunc main() {}\n", "package main"},
	} {
		got, err := block{file: "x.md", line: 7, code: c.code}.source()
		if err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v\n%s\nlacks %q", c.name, err, got, c.want)
		}
	}
	if _, err := (block{file: "x.md", line: 7, code: "if {"}).source(); err == nil {
		t.Error("a block that is no Go was accepted")
	}
}
