package snippets

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// preamble declares what fragments take for granted.
const preamble = `package snippet

import (
	"context"
	"net/http"
	"testing"

	"gorm.io/gorm"
)

type User struct {
	ID    uint
	Name  string
	Phone string
}

var (
	ctx     context.Context
	db      *gorm.DB
	logDB   *gorm.DB
	handler http.Handler
	hashKey []byte
	t       *testing.T
	user    User
)

var _ = []any{ctx, db, logDB, handler, hashKey, t, user}
`

// Every Go block of README.md and docs/ compiles and passes vet.
func TestDocumentationCompiles(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	found := documented(t, root)
	if len(found) < 8 {
		t.Fatalf("only %d Go blocks in README.md and docs/; is the documentation where it was?", len(found))
	}

	// The generated files exist in an overlay only: the go command sees them as
	// packages of this module, with its requirements.
	temp, here := t.TempDir(), filepath.Join(root, "internal/integration/snippets/generated")
	overlay := map[string]string{}
	add := func(name, text string) {
		real := filepath.Join(temp, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(real, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(here, name)] = real
	}
	for i, b := range found {
		source, err := b.source()
		if err != nil {
			t.Errorf("%s:%d: %v", b.file, b.line, err)
			continue
		}
		dir := fmt.Sprintf("block%d", i)
		add(dir+"/block.go", source)
		if strings.HasPrefix(source, "package snippet\n") {
			add(dir+"/preamble.go", preamble)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(temp, "overlay.json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		t.Fatal(err)
	}
	vet := exec.Command("go", "vet", "-overlay", list, "./generated/...")
	if out, err := vet.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
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
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" {
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
