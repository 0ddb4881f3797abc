package architecture_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// leavesNode is all leaves together, in the drawing.
const leavesNode = "leaves"

// graph says for each package of a drawing what its arrows lead to.
type graph map[string][]string

// reaches tells whether arrows lead from one to the other.
func (g graph) reaches(from, to string) bool {
	return slices.ContainsFunc(g[from], func(next string) bool { return next == to || g.reaches(next, to) })
}

// shortest leaves out each arrow where a longer way leads to the same.
func (g graph) shortest() graph {
	short := graph{}
	for from, all := range g {
		for _, to := range all {
			if !slices.ContainsFunc(all, func(by string) bool { return g.reaches(by, to) }) {
				short[from] = append(short[from], to)
			}
		}
	}
	return short
}

// node is what stands in the drawing for a place; modules and what may import
// anything are left out.
func node(p place) (string, bool) {
	if p.leaf {
		return leavesNode, true
	}
	return p.name, p.name != "" && !p.module && !p.anything
}

// graphOf is everything that the table allows.
func graphOf(t table) graph {
	g := graph{}
	for _, p := range t {
		from, drawn := node(p)
		if !drawn || p.leaf {
			continue
		}
		if p.leaves {
			g[from] = append(g[from], leavesNode)
		}
		for _, name := range p.ours {
			q, _ := t.find(name)
			if to, drawn := node(q); drawn && !slices.Contains(g[from], to) {
				g[from] = append(g[from], to)
			}
		}
	}
	return g
}

func id(name string) string { return strings.ReplaceAll(name, "/", "_") }

// draw makes the drawing of a table, highest packages first.
func draw(t table) string {
	short := graphOf(t).shortest()
	drawn := map[string]bool{}
	for from, all := range short {
		drawn[from] = true
		for _, to := range all {
			drawn[to] = true
		}
	}
	var nodes, arrows strings.Builder
	for _, p := range slices.Backward(t) {
		name, _ := node(p)
		if !drawn[name] {
			continue
		}
		delete(drawn, name)
		fmt.Fprintf(&nodes, "    %s[\"%s\"]\n", id(name), name)
		for _, to := range short[name] {
			fmt.Fprintf(&arrows, "    %s --> %s\n", id(name), id(to))
		}
	}
	return "flowchart TD\n" + nodes.String() + arrows.String()
}

const (
	drawingBegin = "```mermaid\n"
	drawingEnd   = "```\n"
)

// between cuts the text between the first begin and the end that follows it.
func between(text, begin, end string) (before, middle, after string, ok bool) {
	before, rest, ok := strings.Cut(text, begin)
	if !ok {
		return "", "", "", false
	}
	at := strings.Index(rest, end)
	if at < 0 {
		return "", "", "", false
	}
	return before + begin, rest[:at], rest[at:], true
}

var (
	nodeLine  = regexp.MustCompile(`^    (\w+)\["([^"]+)"\]$`)
	arrowLine = regexp.MustCompile(`^    (\w+) --> (\w+)$`)
)

// parseDrawing reads what a drawing shows.
func parseDrawing(text string) (graph, error) {
	names, g := map[string]string{}, graph{}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if m := nodeLine.FindStringSubmatch(line); m != nil {
			names[m[1]] = m[2]
		} else if m := arrowLine.FindStringSubmatch(line); m != nil && names[m[1]] != "" && names[m[2]] != "" {
			g[names[m[1]]] = append(g[names[m[1]]], names[m[2]])
		} else if line != "flowchart TD" {
			return nil, fmt.Errorf("%s: the drawing has the line %q, which is no box and no arrow between boxes", document, line)
		}
	}
	return g, nil
}

// undrawn are imports that the drawing does not show, and arrows for which there is
// no import.
func undrawn(g graph, t table, s source) (findings []string) {
	real := map[string]bool{}
	missing := map[string]bool{}
	for _, i := range s.imports {
		p, _ := t.find(i.from)
		q, _ := t.find(i.ours)
		from, isDrawn := node(p)
		to, toDrawn := node(q)
		if !isDrawn || !toDrawn || from == to {
			continue
		}
		real[from+" "+to] = true
		if !g.reaches(from, to) && !p.leaf {
			missing[fmt.Sprintf("%s: %s imports %s, and in the drawing of %s no arrows lead there", i.at, from, to, document)] = true
		}
	}
	findings = slices.Sorted(maps.Keys(missing))
	for _, from := range slices.Sorted(maps.Keys(g)) {
		for _, to := range g[from] {
			if !real[from+" "+to] {
				findings = append(findings, fmt.Sprintf("%s: the drawing has an arrow from %s to %s, and there is no such import", document, from, to))
			}
		}
	}
	return findings
}

func TestDrawingIsThatOfTheTable(t *testing.T) {
	text, want := readFile(t, document), draw(theTable(t))
	before, drawing, after, ok := between(text, drawingBegin, drawingEnd)
	switch {
	case !ok:
		t.Fatalf("%s has no drawing between %q and %q", document, drawingBegin, drawingEnd)
	case drawing == want:
	case *update:
		writeFile(t, document, before+want+after)
	default:
		t.Errorf("%s: the drawing is not that of the table above it. %s makes it:\n%s", document, updateCommand, want)
	}
}

func TestDrawingShowsTheImports(t *testing.T) {
	_, drawing, _, _ := between(readFile(t, document), drawingBegin, drawingEnd)
	g, err := parseDrawing(drawing)
	if err != nil {
		t.Fatal(err)
	}
	report(t, undrawn(g, theTable(t), theSource(t)))
}

func TestDrawingLeavesOutWhatALongerWayShows(t *testing.T) {
	tab := made(t, "| `a` (leaf) | x | nothing |", "| `b/c` | x | leaves |", "| `d` | x | leaves, `b/c` |", "| `e` | x | `a`, `b/c`, `d` |", "| `f` | x | nothing |", "| `g` (module) | x | `e` |", "| `h` | x | anything |")
	want := "flowchart TD\n    e[\"e\"]\n    d[\"d\"]\n    b_c[\"b/c\"]\n    leaves[\"leaves\"]\n    e --> d\n    d --> b_c\n    b_c --> leaves\n"
	if got := draw(tab); got != want {
		t.Errorf("drawn:\n%swant:\n%s", got, want)
	}
}

func TestDifferencesBetweenDrawingAndImportsAreFound(t *testing.T) {
	tab := made(t, "| `a` (leaf) | x | nothing |", "| `b` | x | leaves |", "| `c` | x | leaves, `b` |")
	s := madeSource(t, map[string]string{"a/a.go": "", "b/b.go": "./a", "c/c.go": "./a ./b"})
	g, err := parseDrawing(draw(tab))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, undrawn(g, tab, s))
	expect(t, undrawn(graph{"c": {"b"}}, tab, s), "b/b.go:2 b leaves", "c/c.go:2 c leaves")
	expect(t, undrawn(graph{"b": {"leaves"}, "c": {"b", "d"}}, tab, s), "c d")
	if _, err := parseDrawing("flowchart TD\n    b --> c\n"); err == nil {
		t.Error("an arrow between boxes that are not there was read")
	}
}
