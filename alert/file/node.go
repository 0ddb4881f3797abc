package file

import (
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// node is a YAML value and its place.
type node struct {
	value        ast.Node
	line, column int
	*problems
}

func newNode(value ast.Node, p *problems) node {
	n := node{value: value, problems: p, line: 1, column: 1}
	for {
		switch v := value.(type) {
		case nil:
			return n
		case *ast.TagNode:
			value = v.Value
			n.value = value
			continue
		case *ast.MappingNode:
			// The place of a mapping is that of its first key, not of a colon.
			if len(v.Values) > 0 {
				value = v.Values[0].Key
				continue
			}
		case *ast.MappingValueNode:
			value = v.Key
			continue
		}
		break
	}
	if t := value.GetToken(); t != nil && t.Position != nil {
		n.line, n.column = t.Position.Line, t.Position.Column
	}
	return n
}

func (n node) say(format string, args ...any) { n.at(n, format, args...) }

// pair is an entry of a mapping.
type pair struct {
	key   string
	at    node // the key
	value node
}

// pairs returns the entries of a mapping, in order.
func (n node) pairs(what string) []pair {
	var values []*ast.MappingValueNode
	switch v := n.value.(type) {
	case *ast.MappingNode:
		values = v.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{v}
	default:
		n.say("%s: a mapping (key: value) is needed", what)
		return nil
	}
	var out []pair
	seen := map[string]bool{}
	for _, v := range values {
		at := newNode(v.Key, n.problems)
		key, ok := scalar(v.Key)
		if !ok {
			at.say("%s: a key must be a word", what)
			continue
		}
		if seen[key] {
			at.say("key %q twice", key)
			continue
		}
		seen[key] = true
		out = append(out, pair{key, at, newNode(v.Value, n.problems)})
	}
	return out
}

// fields calls the function of each key of a mapping. Keys without one are reported.
func (n node) fields(what string, known map[string]func(node)) {
	for _, p := range n.pairs(what) {
		if f := known[p.key]; f != nil {
			f(p.value)
			continue
		}
		names := make([]string, 0, len(known))
		for name := range known {
			names = append(names, name)
		}
		slices.Sort(names)
		p.at.say("%s: unknown key %q; known are %s", what, p.key, strings.Join(names, ", "))
	}
}

// items returns the elements of a sequence, or the node itself if it is none.
func (n node) items() []node {
	s, ok := n.value.(*ast.SequenceNode)
	if !ok {
		return []node{n}
	}
	out := make([]node, len(s.Values))
	for i, v := range s.Values {
		out[i] = newNode(v, n.problems)
	}
	return out
}

func (n node) sequence(what string) []node {
	if _, ok := n.value.(*ast.SequenceNode); !ok {
		n.say("%s: a list is needed", what)
		return nil
	}
	return n.items()
}

// scalar is the text of a word, quoted or not.
func scalar(v ast.Node) (string, bool) {
	switch v := v.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return v.GetToken().Value, true
	}
	return "", false
}

func (n node) text(what string) string {
	s, ok := scalar(n.value)
	if !ok || s == "" {
		n.say("%s: a text is needed", what)
	}
	return s
}

// texts is one text or a list of them.
func (n node) texts(what string) []string {
	var out []string
	for _, item := range n.items() {
		out = append(out, item.text(what))
	}
	if len(out) == 0 {
		n.say("%s: the list is empty", what)
	}
	return out
}

func (n node) boolean(what string) bool {
	b, ok := n.value.(*ast.BoolNode)
	if !ok {
		n.say("%s: true or false is needed", what)
		return true
	}
	return b.Value
}

func (n node) whole(what string) int {
	if i, ok := n.value.(*ast.IntegerNode); ok {
		switch v := i.Value.(type) {
		case int64:
			return int(v)
		case uint64:
			if v < 1<<31 {
				return int(v)
			}
		}
	}
	n.say("%s: a whole number is needed", what)
	return 0
}

func (n node) number(what string) float64 {
	switch v := n.value.(type) {
	case *ast.IntegerNode:
		switch i := v.Value.(type) {
		case int64:
			return float64(i)
		case uint64:
			return float64(i)
		}
	case *ast.FloatNode:
		return v.Value
	}
	n.say("%s: a number is needed", what)
	return 0
}

// any is a scalar as Go has it.
func (n node) any(what string) any {
	switch v := n.value.(type) {
	case *ast.NullNode:
		return nil
	case *ast.BoolNode:
		return v.Value
	case *ast.IntegerNode:
		return v.Value
	case *ast.FloatNode:
		return v.Value
	}
	if s, ok := scalar(n.value); ok {
		return s
	}
	n.say("%s: a single value is needed", what)
	return nil
}

func (n node) anys(what string) []any {
	var out []any
	for _, item := range n.items() {
		out = append(out, item.any(what))
	}
	return out
}

// duration reads 90s, 5m, 1h30m, and 2d or 1w.
func (n node) duration(what string) time.Duration {
	s := n.text(what)
	if s == "" {
		return 0
	}
	for unit, of := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(s, unit); ok {
			if d, err := time.ParseDuration(number + "h"); err == nil {
				return time.Duration(float64(of) * d.Hours())
			}
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		n.say("%s: %q is no length of time such as 30s, 5m, 12h or 7d", what, s)
	}
	return d
}

func (n node) zone(what string) *time.Location {
	s := n.text(what)
	if s == "" {
		return nil
	}
	zone, err := time.LoadLocation(s)
	if err != nil || s == "Local" {
		n.say("%s: unknown time zone %q", what, s)
		return nil
	}
	return zone
}
