package ecsspec

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Spec is a parsed specification.
type Spec struct {
	fields  map[string]field
	ordered []string // the names that have a place at the start of a line
}

type field struct {
	Type         string `json:"type"`
	Required     bool   `json:"required"`
	Index        *int   `json:"index"`
	TopLevel     bool   `json:"top_level_field"`
	Sanitization struct {
		Key struct {
			Replacements []string `json:"replacements"`
		} `json:"key"`
	} `json:"sanitization"`
}

// ErrInvalid is wrapped by every error of [Spec.Check].
var ErrInvalid = errors.New("auditplugin: line breaks the ecs-logging specification")

// Load reads the specification from ../shared/data/ecs/spec.json beside the
// repository and skips the test when it is not there.
func Load(t testing.TB) *Spec {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "audit", "record.go")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skip("the repository's root was not found")
		}
		dir = parent
	}
	data, err := os.ReadFile(filepath.Join(dir, "..", "shared", "data", "ecs", "spec.json"))
	if err != nil {
		t.Skip("no ../shared/data/ecs/spec.json beside the repository")
	}
	spec, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// Parse reads a specification.
func Parse(data []byte) (*Spec, error) {
	var doc struct {
		Fields map[string]field `json:"fields"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("auditplugin: ecs-logging specification: %w", err)
	}
	if len(doc.Fields) == 0 {
		return nil, errors.New("auditplugin: ecs-logging specification has no fields")
	}
	s := &Spec{fields: doc.Fields}
	for name, f := range doc.Fields {
		if f.Index != nil {
			s.ordered = append(s.ordered, name)
		}
	}
	slices.SortFunc(s.ordered, func(a, b string) int { return *s.fields[a].Index - *s.fields[b].Index })
	return s, nil
}

// Check returns an error that says what is wrong with line, which must be one JSON
// object and the line feed after it.
func (s *Spec) Check(line []byte) error {
	root, err := parseLine(line)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
	place := 0
	for _, name := range s.ordered {
		if place < len(root.keys) && root.keys[place] == name {
			place++
		} else if s.fields[name].Required {
			return fail("%s is not field %d of the line", name, place+1)
		}
	}
	for name, f := range s.fields {
		v, dotted, nested := root.lookup(name)
		switch {
		case dotted && nested:
			return fail("%s is there twice, dotted and nested", name)
		case f.TopLevel && nested:
			return fail("%s is nested", name)
		case !dotted && !nested:
			if f.Required {
				return fail("%s is missing", name)
			}
			continue
		}
		if err := checkType(name, f, v); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return nil
}

func checkType(name string, f field, v any) error {
	ok := false
	switch f.Type {
	case "string":
		_, ok = v.(string)
	case "integer":
		if n, isNumber := v.(json.Number); isNumber {
			_, err := n.Int64()
			ok = err == nil
		}
	case "datetime":
		if text, isText := v.(string); isText {
			_, err := time.Parse(time.RFC3339Nano, text)
			ok = err == nil
		}
	case "object":
		o, isObject := v.(*object)
		if ok = isObject; ok {
			for _, key := range o.keys {
				for _, r := range f.Sanitization.Key.Replacements {
					if strings.Contains(key, r) {
						return fmt.Errorf("key %q of %s holds %q", key, name, r)
					}
				}
			}
		}
	default:
		return fmt.Errorf("%s has a type this check does not know: %s", name, f.Type)
	}
	if !ok {
		return fmt.Errorf("%s is not of type %s: %v", name, f.Type, v)
	}
	return nil
}
