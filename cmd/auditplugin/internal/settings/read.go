package settings

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/doctor"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
)

// read reads the file's text. What the library says of a mistake quotes the file, and so
// is not told.
func (s *File) read(text []byte) error {
	f, err := parser.ParseBytes(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), 0) // some editors begin a file with this mark
	if err != nil {
		line := 1
		var said yaml.Error
		if errors.As(err, &said) && said.GetToken() != nil && said.GetToken().Position != nil {
			line = said.GetToken().Position.Line
		}
		return s.wrong(line, "it is no YAML")
	}
	var all []ast.Node
	for _, d := range f.Docs {
		if d.Body != nil && d.Body.Type() != ast.CommentType {
			all = append(all, d.Body)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return s.keys(all[0], s.general())
	}
	return s.wrong(lineOf(all[1]), "there may be one document")
}

// setter takes the value of a key; false where it is none.
type setter struct {
	needs string
	take  func(ast.Node) bool
	// inside are the keys of a group, which has no value of its own.
	inside map[string]setter
}

func (s *File) general() map[string]setter {
	return map[string]setter{
		"dsn":         {needs: "a text", take: text(&s.DSN, nil)},
		"audit-table": {needs: "a text", take: text(&s.AuditTable, nil)},
		"output": {needs: "one of " + strings.Join(output.Formats(), ", "), take: text(&s.Output, func(v string) bool {
			return slices.Contains(output.Formats(), v)
		})},
		"utc": {needs: "true or false", take: func(n ast.Node) bool {
			v, ok := n.(*ast.BoolNode)
			if ok {
				s.UTC = strconv.FormatBool(v.Value)
			}
			return ok
		}},
		"limit": {needs: "a whole number", take: func(n ast.Node) bool {
			v, ok := n.(*ast.IntegerNode)
			if !ok {
				return false
			}
			s.Limit = v.GetToken().Value
			_, err := strconv.ParseUint(s.Limit, 10, 31)
			return err == nil
		}},
		"doctor": {inside: map[string]setter{
			"ignore":     {needs: "a list of tables", take: s.list("ignore")},
			"role":       {needs: "a text", take: s.doctor("role", nil)},
			"relay-role": {needs: "a text", take: s.doctor("relay-role", nil)},
			"limit": {needs: "a size, such as 50GB", take: s.doctor("limit", func(v string) bool {
				_, err := doctor.ParseSize(v)
				return err == nil
			})},
		}},
	}
}

// keys reads a mapping of known keys.
func (s *File) keys(n ast.Node, known map[string]setter) error {
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		return s.wrong(lineOf(n), "keys and values are needed")
	}
	for _, p := range pairs {
		key := p.Key.GetToken().Value
		set, ok := known[key]
		if !ok {
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			return s.wrong(lineOf(p.Key), "unknown key %q; there are %s", key, strings.Join(names, ", "))
		}
		if set.inside != nil {
			if err := s.keys(p.Value, set.inside); err != nil {
				return err
			}
		} else if !set.take(p.Value) {
			return s.wrong(lineOf(p.Key), "%s needs %s", key, set.needs)
		}
	}
	return nil
}

func (s *File) wrong(line int, format string, args ...any) error {
	return fmt.Errorf("%w: %s:%d: %s", ErrFile, s.Path, line, fmt.Sprintf(format, args...))
}

func lineOf(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return lineOf(m.Values[0].Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// text takes a text that is not empty.
func text(into *string, valid func(string) bool) func(ast.Node) bool {
	return func(n ast.Node) bool {
		v, ok := textOf(n)
		*into = v
		return ok && (valid == nil || valid(v))
	}
}

func textOf(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, v.Value != ""
	case *ast.LiteralNode:
		return strings.TrimSpace(v.Value.Value), true
	}
	return "", false
}

func (s *File) doctor(flag string, valid func(string) bool) func(ast.Node) bool {
	return func(n ast.Node) bool {
		var v string
		ok := text(&v, valid)(n)
		s.Doctor[flag] = v
		return ok
	}
}

// list takes a list of texts.
func (s *File) list(flag string) func(ast.Node) bool {
	return func(n ast.Node) bool {
		all, ok := n.(*ast.SequenceNode)
		if !ok {
			return false
		}
		texts := make([]string, 0, len(all.Values))
		for _, item := range all.Values {
			v, ok := textOf(item)
			if !ok || strings.ContainsAny(v, `,"`) {
				return false
			}
			texts = append(texts, v)
		}
		s.Doctor[flag] = strings.Join(texts, ",")
		return true
	}
}
