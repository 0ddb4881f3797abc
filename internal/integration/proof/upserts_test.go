package proof

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"pgregory.net/rapid"
)

// conflict is an OnConflict clause.
type conflict struct {
	code   string
	clause func() clause.OnConflict
}

func (k *kind) conflict(t *rapid.T, dialect string) conflict {
	var columns []clause.Column
	code := ""
	if len(k.conflicts) > 0 && rapid.IntRange(0, 3).Draw(t, "columns") > 0 {
		names := rapid.SampledFrom(k.conflicts).Draw(t, "unique")
		for _, n := range names {
			columns = append(columns, clause.Column{Name: n})
		}
		code = fmt.Sprintf("Columns: %q, ", names)
	}
	row := dropKeys(k.some(t)) // a key that an upsert assigns is a known limit outside PostgreSQL
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
		out := conflict{code + fmt.Sprintf("DoUpdates: clause.AssignmentColumns(%q)", names), func() clause.OnConflict {
			return clause.OnConflict{Columns: columns, DoUpdates: slices.Clone(set)}
		}}
		if n := k.one(t, func(c *column) bool { return c.number }); n != nil && dialect != "mysql" && rapid.Bool().Draw(t, "where") {
			where := clause.Where{Exprs: []clause.Expression{clause.Gt{Column: clause.Column{Table: k.table, Name: n.name}, Value: 1}}}
			return conflict{out.code + fmt.Sprintf(", Where: %s.%s > 1", k.table, n.name), func() clause.OnConflict {
				return clause.OnConflict{Columns: columns, DoUpdates: slices.Clone(set), Where: where}
			}}
		}
		return out
	case 3:
		if n := k.one(t, func(c *column) bool { return c.number }); n != nil {
			sql := k.table + "." + n.name + " + 1"
			return conflict{code + fmt.Sprintf("DoUpdates: clause.Assignments(%q: gorm.Expr(%q))", n.name, sql), func() clause.OnConflict {
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

func (k *kind) upsert(t *rapid.T, dialect string) operation {
	c := k.conflict(t, dialect)
	rows := k.rows(t)
	if !rapid.Bool().Draw(t, "named") || len(rows) > 1 {
		rows = k.uniform(rows, dialect)
	}
	head := ".Clauses(clause.OnConflict{" + c.code + "})"
	switch rapid.IntRange(0, 3).Draw(t, "upsert") {
	case 0:
		return operation{head + ".Create(&" + rows[0].structCode(k.name) + ")", func(db *gorm.DB) outcome {
			v := k.build(rows[0]).Interface()
			return did(db.Clauses(c.clause()).Create(v), v)
		}}
	case 1:
		return operation{head + ".Model(&" + k.name + "{}).Create(" + rows[0].mapCode() + ")", func(db *gorm.DB) outcome {
			v := rows[0].toMap()
			return did(db.Model(k.build(nil).Interface()).Clauses(c.clause()).Create(v), v)
		}}
	}
	return operation{head + ".Create(" + sliceCode(k, rows, false) + ")", func(db *gorm.DB) outcome {
		v := k.slice(rows, false)
		return did(db.Clauses(c.clause()).Create(v), v)
	}}
}

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
