package architecture_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rootPlace is what the table calls the repository's top folder.
const rootPlace = "auditplugin"

// place is a line of the table: one package, or, where it ends in /..., all that are
// in one folder.
type place struct {
	name, duty   string
	leaf, module bool
	anything     bool     // may import what it likes
	leaves       bool     // may import every leaf
	ours, others []string // places and modules of others that it may import
}

// table is the table of packages, lowest first.
type table []place

// allows tells whether p may import the place q.
func (p place) allows(q place) bool {
	return p.anything || p.name == q.name || p.leaves && q.leaf || slices.Contains(p.ours, q.name)
}

// owner is the module of others, of those p may import, that the import belongs to.
func (p place) owner(imported string) (string, bool) {
	for _, o := range p.others {
		if imported == o || strings.HasPrefix(imported, o+"/") {
			return o, true
		}
	}
	return "", false
}

// whole tells whether p is a folder of packages.
func (p place) whole() bool { return strings.HasSuffix(p.name, "/...") }

// covers tells whether the package is p, or in p.
func (p place) covers(pkg string) bool {
	return p.name == pkg || p.whole() && strings.HasPrefix(pkg+"/", strings.TrimSuffix(p.name, "..."))
}

// find is the line for a package: its own, or else its folder's.
func (t table) find(pkg string) (place, bool) {
	for _, own := range []bool{true, false} {
		for _, p := range t {
			if own && p.name == pkg || !own && p.covers(pkg) {
				return p, true
			}
		}
	}
	return place{}, false
}

const tableHeader = "| Place | Its one duty | May import |"

var (
	placeCell = regexp.MustCompile("^`([^`]+)`(?: \\((leaf|module)\\))?$")
	quoted    = regexp.MustCompile("`([^`]+)`")
)

// rows are the cells of the Markdown table with this header.
func rows(markdown, header string) [][]string {
	_, rest, found := strings.Cut(markdown, header+"\n")
	if !found {
		return nil
	}
	var all [][]string
	for _, line := range strings.Split(rest, "\n") {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if strings.Trim(line, "|-: ") == "" {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		all = append(all, cells)
	}
	return all
}

// parseTable reads the table and says what in it contradicts itself.
func parseTable(markdown string) (table, []string) {
	var (
		t        table
		findings []string
	)
	complain := func(format string, args ...any) {
		findings = append(findings, document+": "+fmt.Sprintf(format, args...))
	}
	for _, cells := range rows(markdown, tableHeader) {
		if len(cells) != 3 {
			complain("the line of %s has %d cells instead of 3", cells[0], len(cells))
			continue
		}
		name := placeCell.FindStringSubmatch(cells[0])
		if name == nil {
			complain("a line begins with %s, which is no `place`, `place` (leaf) or `place` (module)", cells[0])
			continue
		}
		p := place{name: name[1], duty: cells[1], leaf: name[2] == "leaf", module: name[2] == "module"}
		if _, twice := t.find(p.name); twice {
			complain("%s has two lines", p.name)
		}
		for _, what := range quoted.FindAllStringSubmatch(cells[2], -1) {
			if first, _, _ := strings.Cut(what[1], "/"); strings.Contains(first, ".") {
				p.others = append(p.others, what[1])
				continue
			}
			if above, ok := t.find(what[1]); !ok {
				complain("%s may import %s, which has no line above: the table is lowest first, and imports go up in it", p.name, what[1])
			} else if p.leaf && !above.leaf {
				complain("%s is a leaf and may import %s, which is none", p.name, what[1])
			}
			p.ours = append(p.ours, what[1])
		}
		for _, word := range strings.Split(quoted.ReplaceAllString(cells[2], ""), ",") {
			switch strings.TrimSpace(word) {
			case "leaves":
				p.leaves = true
			case "anything":
				p.anything = true
			case "", "nothing":
			default:
				complain("%s may import %q: not a `place`, leaves, anything or nothing", p.name, strings.TrimSpace(word))
			}
		}
		t = append(t, p)
	}
	if len(t) == 0 {
		complain("no table with the header %q", tableHeader)
	}
	return t, findings
}

// theTable is the table of docs/architecture.md.
func theTable(t *testing.T) table {
	t.Helper()
	tab, findings := parseTable(readFile(t, document))
	report(t, findings)
	if len(findings) > 0 {
		t.FailNow()
	}
	return tab
}

func TestTableContradictsNothing(t *testing.T) { theTable(t) }

// made is a table for tests of the checks themselves.
func made(t *testing.T, lines ...string) table {
	t.Helper()
	tab, findings := parseTable(madeMarkdown(lines...))
	expect(t, findings)
	return tab
}

func madeMarkdown(lines ...string) string {
	return "# A page\n\n" + tableHeader + "\n|---|---|---|\n" + strings.Join(lines, "\n") + "\n\nmore text\n"
}

func TestMistakesInTheTableAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"imports go up only":       {[]string{"| `a` | x | `b` |", "| `b` | x | nothing |"}, "a b above"},
		"a leaf imports leaves":    {[]string{"| `a` | x | nothing |", "| `b` (leaf) | x | `a` |"}, "b a leaf"},
		"one line a place":         {[]string{"| `a` | x | nothing |", "| `a` | x | nothing |"}, "a two"},
		"known words":              {[]string{"| `a` | x | whatever |"}, "a whatever"},
		"three cells":              {[]string{"| `a` | nothing |"}, "a cells"},
		"the place is in quotes":   {[]string{"| a | x | nothing |"}, "a place"},
		"there is a table at all":  {nil, "header"},
		"known marks at the place": {[]string{"| `a` (twig) | x | nothing |"}, "twig"},
	} {
		t.Run(name, func(t *testing.T) {
			_, findings := parseTable(madeMarkdown(c.lines...))
			if len(findings) == 0 {
				t.Fatal("no mistake was found")
			}
			expect(t, findings[:1], c.want)
		})
	}
}

func TestTableIsReadAsItIsWritten(t *testing.T) {
	tab := made(t, "| `a` (leaf) | serves | nothing |", "| `b/c` (module) | runs | leaves, `a`, `x.org/y` |", "| `d/...` | tests | anything |")
	for pkg, want := range map[string]string{"a": "a", "b/c": "b/c", "d/e/f": "d/...", "d": "d/...", "b": "", "dd": ""} {
		if p, _ := tab.find(pkg); p.name != want {
			t.Errorf("the line of %s is that of %q, want %q", pkg, p.name, want)
		}
	}
	p := tab[1]
	if !p.module || !p.leaves || p.duty != "runs" || !p.allows(tab[0]) || p.allows(tab[2]) || !tab[2].allows(tab[1]) {
		t.Errorf("read %+v", p)
	}
	for imported, want := range map[string]bool{"x.org/y": true, "x.org/y/z": true, "x.org/yz": false, "x.org": false} {
		if _, ok := p.owner(imported); ok != want {
			t.Errorf("%s allowed: %v, want %v", imported, ok, want)
		}
	}
}
