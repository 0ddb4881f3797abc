package trigger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/companion"
)

// stamped is the rest of a trigger's text behind a comment that says which agreement it
// keeps, which columns of which types the table had, and what the rest is. By that [Check] and [Examine]
// find triggers that are out of date, or were altered.
func stamped(t *catalog.Table, rest string) string {
	return stampOf(t, rest) + "\n" + rest
}

const stampBegins = "/* auditplugin "

func stampOf(t *catalog.Table, rest string) string {
	return fmt.Sprintf("%s%d %s %s */", stampBegins, companion.Version, columnsDigest(t), digest(rest))
}

func columnsDigest(t *catalog.Table) string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name + " " + c.DBType
	}
	return digest(strings.Join(names, "\n"))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// partsOf takes a trigger's text apart: its stamp, "" where it has none, and the rest.
func partsOf(text string) (stamp, rest string) {
	at := strings.Index(text, stampBegins)
	if at < 0 {
		return "", text
	}
	stamp, rest, _ = strings.Cut(text[at:], "\n")
	return stamp, rest
}

// state tells how a trigger's text departs from what would be made of the table now, as far
// as the stamp tells; "" for not at all.
func state(t *catalog.Table, text string) Kind {
	stamp, rest := partsOf(text)
	switch own := strings.Fields(stamp); {
	case len(own) != 6 || own[4] != digest(rest):
		return Altered
	case stamp != stampOf(t, rest):
		return Outdated
	}
	return ""
}
