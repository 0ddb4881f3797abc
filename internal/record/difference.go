// Package record renders what is recorded of a change: as an audit.Record, which every
// emitter takes, or as an entry of the audit table, which spares the record's maps. What is
// recorded is decided before, once.
package record

import (
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// Difference is what is recorded of one change.
type Difference struct {
	Table *table.Table
	// ID is the record's, "" where nobody refers to it yet. Cause is "" for the
	// statement's own.
	ID, Cause string
	Action    audit.Action
	// Before and After are the row's images; one is nil for rows that came or went.
	Before, After table.Image
	// Secret tells that the row is a setting that is called like a secret.
	Secret bool
	// Columns are those that an update changed, by name, and Changes what changed in them.
	// Changes are in the order of Columns until they are sorted by path.
	Columns []Column
	Changes []audit.Change
}

// Column is one that an update changed: its position, and where its change is in Changes,
// or -1 where those are by paths inside it.
type Column struct{ At, Change int }

// Identified is the image that the record's row is named by.
func (d *Difference) Identified() table.Image {
	if d.Before != nil {
		return d.Before
	}
	return d.After
}

// ByPath orders changes.
func ByPath(a, b audit.Change) int { return strings.Compare(a.Path, b.Path) }

// Limit is the size, in bytes, above which a value is recorded as its length and hash.
type Limit int

// shown is what a record may say of a column's value.
func (l Limit) shown(d *Difference, at int, v any) any {
	if d.Secret && d.Table.Show[at].Setting {
		return redact.Named(v)
	}
	return values.Limit(d.Table.Seen(at, v), int(l))
}

// whole is a row's columns, redacted.
func (l Limit) whole(d *Difference, img table.Image) map[string]any {
	t := d.Table
	m := make(map[string]any, len(img))
	for i := range t.Columns {
		if !t.Show[i].Hidden {
			m[t.Columns[i].Name] = l.shown(d, i, img[i])
		}
	}
	return m
}
