package proof

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"pgregory.net/rapid"
)

// conflict is an OnConflict clause.
type conflict struct {
	code   string
	clause func() clause.OnConflict
}

// keyed reports whether the clause assigns columns of the key, or of another unique
// key where that matters too: on MySQL.
func (k *kind) keyed(c conflict, dialect string) bool {
	var names []string
	for _, key := range k.keys() {
		names = append(names, key.name)
	}
	if dialect == testdb.MySQL {
		names = append(names, slices.Concat(k.conflicts...)...)
	}
	return slices.ContainsFunc(c.clause().DoUpdates, func(a clause.Assignment) bool { return slices.Contains(names, a.Column.Name) })
}

func columnsOf(names ...string) []clause.Column {
	var columns []clause.Column
	for _, n := range names {
		columns = append(columns, clause.Column{Name: n})
	}
	return columns
}

func quoted(names []string) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprintf("%q", names), " ", ", "), "[]")
}

// above lets an upsert change only rows of which a column is above 1.
func above(table, column string) clause.Where {
	return clause.Where{Exprs: []clause.Expression{clause.Gt{Column: clause.Column{Table: table, Name: column}, Value: 1}}}
}

func (k *kind) conflict(t *rapid.T, dialect string) conflict {
	var columns []clause.Column
	code := ""
	if len(k.conflicts) > 0 && rapid.IntRange(0, 3).Draw(t, "columns") > 0 {
		names := rapid.SampledFrom(k.conflicts).Draw(t, "unique")
		columns = columnsOf(names...)
		code = fmt.Sprintf("Columns: columnsOf(%s), ", quoted(names))
	}
	row := k.some(t)
	if len(k.keys()) == 0 && len(k.conflicts) > 0 {
		row = slices.DeleteFunc(row, func(c cell) bool { return slices.Contains(k.conflicts[0], c.name) }) // refused; see docs/refused.md
	}
	if len(row) == 0 {
		return conflict{code + "DoNothing: true", func() clause.OnConflict { return clause.OnConflict{Columns: columns, DoNothing: true} }}
	}
	form := rapid.IntRange(0, 4).Draw(t, "form")
	if len(columns) == 0 && form > 1 && dialect != "mysql" {
		form = rapid.IntRange(0, 1).Draw(t, "form without columns")
	}
	switch form {
	case 0:
		return conflict{code + "DoNothing: true", func() clause.OnConflict { return clause.OnConflict{Columns: columns, DoNothing: true} }}
	case 1:
		return conflict{code + "UpdateAll: true", func() clause.OnConflict { return clause.OnConflict{Columns: columns, UpdateAll: true} }}
	case 2:
		var names []string
		for _, c := range row {
			names = append(names, c.name)
		}
		set := clause.AssignmentColumns(names)
		out := conflict{code + fmt.Sprintf("DoUpdates: clause.AssignmentColumns(%#v)", names), func() clause.OnConflict {
			return clause.OnConflict{Columns: columns, DoUpdates: slices.Clone(set)}
		}}
		if n := k.one(t, func(c *column) bool { return c.number }); n != nil && dialect != "mysql" && rapid.Bool().Draw(t, "where") {
			where := above(k.table, n.name)
			return conflict{out.code + fmt.Sprintf(", Where: above(%q, %q)", k.table, n.name), func() clause.OnConflict {
				return clause.OnConflict{Columns: columns, DoUpdates: slices.Clone(set), Where: where}
			}}
		}
		return out
	case 3:
		if n := k.one(t, func(c *column) bool { return c.number }); n != nil {
			sql := k.table + "." + n.name + " + 1"
			return conflict{code + fmt.Sprintf("DoUpdates: clause.Assignments(map[string]any{%q: gorm.Expr(%q)})", n.name, sql), func() clause.OnConflict {
				return clause.OnConflict{Columns: columns, DoUpdates: clause.Assignments(map[string]any{n.name: gorm.Expr(sql)})}
			}}
		}
	}
	if k.table == "docs" {
		return conflict{code + "DoNothing: true", func() clause.OnConflict { return clause.OnConflict{Columns: columns, DoNothing: true} }}
	}
	return conflict{code + "DoUpdates: clause.Assignments(" + row.mapCode() + ")", func() clause.OnConflict {
		return clause.OnConflict{Columns: columns, DoUpdates: clause.Assignments(row.toMap())}
	}}
}

// leavesKey reports whether a unique key stays as it is when the clause assigns.
func (k *kind) leavesKey(c conflict) bool {
	return slices.ContainsFunc(k.conflicts, func(unique []string) bool {
		return !slices.ContainsFunc(c.clause().DoUpdates, func(a clause.Assignment) bool { return slices.Contains(unique, a.Column.Name) })
	})
}

func (k *kind) upsert(t *rapid.T, dialect string) operation {
	c := k.conflict(t, dialect)
	rows := k.rows(t)
	if !rapid.Bool().Draw(t, "named") || len(rows) > 1 {
		rows = k.uniform(rows, dialect)
	}
	if k.keyed(c, dialect) && !k.leavesKey(c) {
		rows = rows[:1] // of several, nothing may tell which row got which key; see docs/refused.md
	}
	clauses := "§.Clauses(clause.OnConflict{" + c.code + "})"
	create := func(db *gorm.DB, v any) *gorm.DB { return db.Clauses(c.clause()).Create(v) }
	switch rapid.IntRange(0, 4).Draw(t, "upsert") {
	case 0:
		return k.onStruct(rows[0], clauses+".Create(v)", create)
	case 1:
		return k.onMap(rows[0], clauses+".Model(&"+k.name+"{}).Create(v)", func(db *gorm.DB, v any) *gorm.DB {
			return db.Model(k.model()).Clauses(c.clause()).Create(v)
		})
	case 2:
		return k.onSlice(rows, false, clauses+".CreateInBatches(v, 2)", func(db *gorm.DB, v any) *gorm.DB {
			return db.Clauses(c.clause()).CreateInBatches(v, 2)
		}).with("twice", twice)
	}
	return k.onSlice(rows, false, clauses+".Create(v)", create).with("twice", twice)
}

// didUnordered notes a slice without its order, which the database does not promise.
func didUnordered(db *gorm.DB, slice any) outcome { return did(db, sorted(slice)) }

// sorted is a slice in an order that does not depend on how rows were found.
func sorted(slice any) any {
	text, err := json.Marshal(slice)
	if err != nil {
		return err.Error()
	}
	var rows []json.RawMessage
	if json.Unmarshal(text, &rows) != nil {
		return string(text)
	}
	slices.SortFunc(rows, func(a, b json.RawMessage) int { return strings.Compare(string(a), string(b)) })
	return rows
}
