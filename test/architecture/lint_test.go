package architecture_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	modulePath = "github.com/gorm-audit/auditplugin"

	// The linter's settings for depguard are between these lines.
	rulesBegin = "    depguard:\n"
	rulesEnd   = "\n  exclusions:\n"
)

// hosts are where modules come from. A strict rule refuses every import that it does
// not allow; of those that begin with these it also says why.
var hosts = []string{"github.com/", "golang.org/", "gorm.io/"}

func importPath(name string) string {
	if name == rootPlace {
		return modulePath
	}
	return modulePath + "/" + name
}

// rules are depguard's settings for a table.
func rules(t table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "      # Made from the table in %s by\n      # %s\n      rules:\n", document, updateCommand)
	for _, p := range t {
		if p.anything {
			continue
		}
		allow := []string{}
		for _, q := range t {
			if p.name != q.name && p.allows(q) {
				allow = append(allow, importPath(q.name)+"$")
			}
		}
		folder := "/" + p.name
		if p.name == rootPlace {
			folder = ""
		}
		fmt.Fprintf(&b, "        %s:\n", p.name)
		denied := hosts
		if p.module {
			denied = []string{modulePath}
			b.WriteString("          list-mode: lax\n")
		} else {
			allow = slices.Concat([]string{"$gostd"}, allow, p.others)
			b.WriteString("          list-mode: strict\n")
		}
		fmt.Fprintf(&b, "          files: [\"${base-path}%s/*.go\", \"!$test\"]\n          allow:\n", folder)
		for _, a := range allow {
			fmt.Fprintf(&b, "            - %s\n", a)
		}
		b.WriteString("          deny:\n")
		why := "&why " + quote(reason(p)) // written once a rule
		for _, d := range denied {
			fmt.Fprintf(&b, "            - {pkg: %s, desc: %s}\n", d, why)
			why = "*why"
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// reason is what the linter says of an import that a package may not have.
func reason(p place) string {
	return fmt.Sprintf("%s is for one thing (%s), and its line in %s does not name this import", p.name, strings.ReplaceAll(p.duty, "`", ""), document)
}

// quote makes a YAML string in single quotes.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func TestLintRulesAreThoseOfTheTable(t *testing.T) {
	text, want := readFile(t, lintConfig), rules(theTable(t))
	before, found, after, ok := between(text, rulesBegin, rulesEnd)
	switch {
	case !ok:
		t.Fatalf("%s has no settings for depguard between %q and %q", lintConfig, rulesBegin, rulesEnd)
	case found == want:
	case *update:
		writeFile(t, lintConfig, before+want+after)
	default:
		t.Errorf("%s: the rules of depguard are not those of the table in %s. %s makes them:\n%s", lintConfig, document, updateCommand, want)
	}
}

func TestLintRulesNameWhatIsAllowedAndWhy(t *testing.T) {
	tab := made(t, "| `a` (leaf) | serves `b`'s | nothing |", "| `b` | x | leaves, `x.org/y` |", "| `c` (module) | y | `b` |", "| `auditplugin` | z | `b` |", "| `e/...` | x | anything |")
	got := rules(tab)
	for _, want := range []string{
		"        a:\n          list-mode: strict\n          files: [\"${base-path}/a/*.go\", \"!$test\"]\n          allow:\n            - $gostd\n          deny:\n            - {pkg: github.com/, desc: &why 'a is for one thing (serves b''s), and",
		"          allow:\n            - $gostd\n            - " + modulePath + "/a$\n            - x.org/y\n          deny:\n",
		"        c:\n          list-mode: lax\n          files: [\"${base-path}/c/*.go\", \"!$test\"]\n          allow:\n            - " + modulePath + "/b$\n          deny:\n            - {pkg: " + modulePath + ", desc: &why 'c is",
		"        auditplugin:\n          list-mode: strict\n          files: [\"${base-path}/*.go\", \"!$test\"]\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no\n%s\nin\n%s", want, got)
		}
	}
	if strings.Contains(got, "e/...") {
		t.Errorf("what may import anything has a rule:\n%s", got)
	}
}
