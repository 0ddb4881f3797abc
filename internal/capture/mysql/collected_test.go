package mysql

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// statementOn is an INSERT into a MySQL table (id, name, data) with a unique name.
func statementOn(t *testing.T) *statement.Statement {
	d := dialect.Of(catalog.Server{Dialect: dialect.MySQL})
	m := &table.Model{Table: "items", RecordType: "item"}
	tbl := &table.Table{Model: m, Name: table.Name{Name: "items"}, Index: map[string]int{}, Key: []int{0}, Catalog: &catalog.Table{
		PrimaryKey: []string{"id"}, Uniques: [][]string{{"id"}, {"name"}},
	}}
	for i, c := range []values.Column{{Name: "id", DBType: "BIGINT"}, {Name: "name", DBType: "VARCHAR"}, {Name: "data", DBType: "BLOB"}} {
		tbl.Index[c.Name] = i
		tbl.Columns = append(tbl.Columns, c)
		tbl.Rules = append(tbl.Rules, values.For(dialect.MySQL, c))
		tbl.Bare, tbl.Qualified, tbl.Show = append(tbl.Bare, c.Name), append(tbl.Qualified, c.Name), append(tbl.Show, table.Display{})
	}
	return &statement.Statement{DB: &gorm.DB{}, Op: statement.Create, Model: m, Name: tbl.Name, Ctx: t.Context(), Dialect: d, Table: tbl}
}

// hexRow writes a row as the statement's CONCAT does.
func hexRow(fields ...any) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		if text, ok := f.(string); ok {
			parts[i] = strings.ToUpper(hex.EncodeToString([]byte(text)))
		} else {
			parts[i] = "~"
		}
	}
	return "(" + strings.Join(parts, ",") + ")"
}

func TestParseCollected(t *testing.T) {
	for name, c := range map[string]struct {
		ask        asked
		text       string
		rows, sent []table.Image
		keys       []table.Image
	}{
		"nothing was hit":     {text: ""},
		"one row":             {text: hexRow("7", "a", "\xff\x00"), rows: []table.Image{{int64(7), "a", []byte("\xff\x00")}}},
		"NULL and empty":      {text: hexRow("7", "", nil), rows: []table.Image{{int64(7), "", nil}}},
		"text like the frame": {text: hexRow("7", "(~,)", nil), rows: []table.Image{{int64(7), "(~,)", nil}}},
		"two rows": {
			text: hexRow("7", "a", nil) + hexRow("8", "b", nil),
			rows: []table.Image{{int64(7), "a", nil}, {int64(8), "b", nil}},
		},
		"with what was sent": {
			ask: asked{sent: []int{1}}, text: hexRow("7", "a", nil, "A"),
			rows: []table.Image{{int64(7), "a", nil}}, sent: []table.Image{{nil, "A", nil}},
		},
		"with the new key": {
			ask: asked{key: true}, text: hexRow("7", "a", nil) + "[38]" + hexRow("9", "b", nil) + "[39]",
			rows: []table.Image{{int64(7), "a", nil}, {int64(9), "b", nil}}, keys: []table.Image{{int64(8)}, {int64(9)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, raw := range []any{c.text, []byte(c.text)} {
				hits, err := c.ask.parse(statementOn(t), [][]any{{raw}})
				if err != nil {
					t.Fatal(err)
				}
				var rows, sent, keys []table.Image
				for _, h := range hits {
					rows = append(rows, h.row.Image)
					if c.sent != nil {
						sent = append(sent, h.sent)
					}
					if h.key.Image != nil {
						keys = append(keys, h.key.Image)
					}
				}
				if !reflect.DeepEqual(rows, c.rows) || !reflect.DeepEqual(sent, c.sent) || !reflect.DeepEqual(keys, c.keys) {
					t.Errorf("got %v, %v, %v, want %v, %v, %v", rows, sent, keys, c.rows, c.sent, c.keys)
				}
			}
		})
	}
	whole := hexRow("7", "secret", nil)
	for name, c := range map[string]struct {
		ask asked
		raw [][]any
	}{
		"no row": {}, "no column": {raw: [][]any{{}}}, "outgrown": {raw: [][]any{{nil}}}, "cut": {raw: [][]any{{whole[:len(whole)-1]}}},
		"rest":         {raw: [][]any{{whole + "x"}}},
		"a field less": {raw: [][]any{{hexRow("7", "secret")}}}, "a field more": {raw: [][]any{{hexRow("7", "secret", nil, nil)}}},
		"no key": {asked{key: true}, [][]any{{whole}}}, "half a key": {asked{key: true}, [][]any{{whole + "[37"}}},
		"a key of two": {asked{key: true}, [][]any{{whole + "[37,37]"}}}, "a key that was not asked for": {raw: [][]any{{whole + "[37]"}}},
	} {
		hits, err := c.ask.parse(statementOn(t), c.raw)
		if !errors.Is(err, fault.ErrAuditFailed) || hits != nil {
			t.Errorf("%s: %v, %v, want an error", name, hits, err)
		} else if text := err.Error(); strings.Contains(text, "secret") || strings.Contains(text, hexRow("secret")) || !strings.Contains(text, "item") {
			t.Errorf("%s: the error says %q", name, text)
		}
	}
}

func FuzzParseCollected(f *testing.F) {
	f.Add("7", "a", "b", false, "(37,61,~)")
	f.Add("8", "(),~", "\xff", true, "(,,)(,,)")
	f.Add("9", "", "", true, ")")
	f.Fuzz(func(t *testing.T, id, name, data string, null bool, text string) {
		s := statementOn(t)
		fields := []any{id, name, data}
		if null {
			fields[2] = nil
		}
		rows, err := asked{}.parse(s, [][]any{{hexRow(fields...)}})
		if err != nil || len(rows) != 1 {
			t.Fatalf("%q: %d rows, %v", fields, len(rows), err)
		}
		for i, f := range fields {
			var want any
			if text, ok := f.(string); ok {
				want = []byte(text)
			}
			if !reflect.DeepEqual(rows[0].row.Raw[i], want) {
				t.Errorf("field %d of %q came back as %q", i, fields, rows[0].row.Raw[i])
			}
		}
		// Whatever the variable holds is rows of the table or an error.
		rows, err = asked{key: null}.parse(s, [][]any{{text}})
		if err != nil && (!errors.Is(err, fault.ErrAuditFailed) || rows != nil) {
			t.Errorf("%q: %v, %v", text, rows, err)
		}
		for _, r := range rows {
			if len(r.row.Image) != 3 || len(r.row.Raw) != 3 || null && len(r.key.Image) != 1 {
				t.Errorf("%q gave the row %v", text, r)
			}
		}
	})
}

// The column that is assigned to itself is one that stays as it is by that.
func TestAssignable(t *testing.T) {
	for name, c := range map[string]struct {
		types          []string // of the columns behind a counted key
		mysql, mariaDB string
	}{
		"texts only":   {[]string{"JSON", "LONGTEXT", "BLOB", "POINT"}, "LONGTEXT", "BIGINT"},
		"documents":    {[]string{"JSON"}, "BIGINT", "BIGINT"},
		"times":        {[]string{"TIMESTAMP"}, "BIGINT", "TIMESTAMP"},
		"exact values": {[]string{"ENUM", "DATETIME", "VARCHAR"}, "VARCHAR", "VARCHAR"},
		"inexact ones": {[]string{"TEXT", "TIMESTAMP", "DATE"}, "TEXT", "TIMESTAMP"},
	} {
		tbl := &table.Table{Key: []int{0}, Index: map[string]int{}, Catalog: &catalog.Table{}}
		for i, kind := range append([]string{"BIGINT"}, c.types...) {
			column := catalog.Column{Name: kind, DBType: kind, AutoIncrement: i == 0}
			tbl.Catalog.Columns = append(tbl.Catalog.Columns, column)
			tbl.Columns = append(tbl.Columns, values.Column{Name: kind, DBType: kind})
			tbl.Index[kind] = i
		}
		for mariaDB, want := range map[bool]string{false: c.mysql, true: c.mariaDB} {
			if at := assignable(tbl, clause.OnConflict{}, mariaDB); at < 0 || tbl.Columns[at].DBType != want {
				t.Errorf("%s, MariaDB %t: column %d is chosen, not the %s", name, mariaDB, at, want)
			}
		}
	}
}
