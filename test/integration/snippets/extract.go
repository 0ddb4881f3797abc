package snippets

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// block is one fenced Go block of a Markdown file.
type block struct {
	file string
	line int // of the first line of code
	code string
}

// blocks returns the blocks of a Markdown text that are fenced as go.
func blocks(file, text string) []block {
	var found []block
	var current *block
	scanner := bufio.NewScanner(strings.NewReader(text))
	for line := 1; scanner.Scan(); line++ {
		trimmed := strings.TrimSpace(scanner.Text())
		switch {
		case current == nil && trimmed == "```go":
			current = &block{file: file, line: line + 1}
		case current != nil && trimmed == "```":
			found = append(found, *current)
			current = nil
		case current != nil:
			current.code += scanner.Text() + "\n"
		}
	}
	return found
}

// imports are the packages that fragments use without an import declaration.
func imports() map[string]string {
	const module = "github.com/gorm-audit/auditplugin"
	return map[string]string{
		"auditplugin": module, "audit": module + "/audit", "emitter": module + "/emitter",
		"emittertest": module + "/emitter/emittertest", "audithttp": module + "/audithttp",
		"ecslog": module + "/ecslog", "auditlog": module + "/auditlog", "auditweb": module + "/auditweb", "history": module + "/history",
		"trigger": module + "/trigger", "alert": module + "/alert", "relay": module + "/relay", "pgnotify": module + "/relay/pgnotify", "webhook": module + "/relay/webhook", "cloudevents": module + "/relay/cloudevents",
		"gorm": "gorm.io/gorm", "logger": "gorm.io/gorm/logger", "sqlite": "gorm.io/driver/sqlite", "postgres": "gorm.io/driver/postgres",
		"sqlmock": "github.com/DATA-DOG/go-sqlmock",
		"context": "context", "errors": "errors", "fmt": "fmt", "http": "net/http", "io": "io",
		"netip": "net/netip", "os": "os", "slog": "log/slog", "sql": "database/sql", "strings": "strings",
		"atomic": "sync/atomic", "testing": "testing", "time": "time",
	}
}

// source turns a block into a Go file. Compiler messages name the Markdown line.
func (b block) source() (string, error) {
	if strings.HasPrefix(strings.TrimSpace(b.code), "package ") {
		return b.code, nil
	}
	position := fmt.Sprintf("//line %s:%d\n", b.file, b.line)
	// As declarations, and if it does not parse, as statements.
	const before = "package snippet\n"
	body := position + b.code
	parsed, err := parser.ParseFile(token.NewFileSet(), b.file, before+body, parser.SkipObjectResolution)
	if err != nil {
		body = "func _() error {\n" + position + b.code + "return nil\n}\n"
		parsed, err = parser.ParseFile(token.NewFileSet(), b.file, before+body, parser.SkipObjectResolution)
		if err != nil {
			return "", err
		}
		body = "func _() error {\n" + position + b.code + use(parsed) + "return nil\n}\n"
	}
	return before + importDecl(parsed) + body, nil
}

// use names the variables that a fragment declares and leaves for its reader.
func use(f *ast.File) string {
	var names []string
	for _, stmt := range f.Decls[0].(*ast.FuncDecl).Body.List {
		assign, ok := stmt.(*ast.AssignStmt)
		if !ok || assign.Tok != token.DEFINE {
			continue
		}
		for _, left := range assign.Lhs {
			if id, ok := left.(*ast.Ident); ok && id.Name != "_" {
				names = append(names, "_ = "+id.Name+"\n")
			}
		}
	}
	return strings.Join(names, "")
}

func importDecl(f *ast.File) string {
	var lines []string
	known := imports()
	ast.Inspect(f, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := selector.X.(*ast.Ident); ok && known[id.Name] != "" {
			lines = append(lines, fmt.Sprintf("import %s %q\n", id.Name, known[id.Name]))
		}
		return true
	})
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "")
}
