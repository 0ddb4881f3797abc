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
	sent := func(names ...any) clause.Values {
		v := clause.Values{Columns: []clause.Column{{Name: "name"}}}
		for _, n := range names {
			v.Values = append(v.Values, []any{n})
		}
		return v
	}
	for name, c := range map[string]struct {
		text  string
		sent  clause.Values
		after []table.Row // as returned
		want  []table.Image
	}{
		"nothing was hit":     {"", sent("a"), nil, nil},
		"one row":             {hexRow("7", "a", "\xff\x00"), sent("a"), nil, []table.Image{{int64(7), "a", []byte("\xff\x00")}}},
		"NULL and empty":      {hexRow("7", "", nil), sent("a"), nil, []table.Image{{int64(7), "", nil}}},
		"text like the frame": {hexRow("7", "(~,)", nil), sent("a"), nil, []table.Image{{int64(7), "(~,)", nil}}},
		"two rows":            {hexRow("7", "a", nil) + hexRow("8", "b", nil), sent("a", "b"), nil, []table.Image{{int64(7), "a", nil}, {int64(8), "b", nil}}},
		"hit twice":           {hexRow("7", "a", nil) + hexRow("7", "a", "x"), sent("a", "a"), nil, []table.Image{{int64(7), "a", nil}}},
		// Sent twice, hit once: the first one inserted it.
		"inserted, then hit": {hexRow("7", "a", "x"), sent("a", "a"), nil, nil},
		"returned twice":     {hexRow("7", "a", "x"), sent("a", "A"), []table.Row{{Image: table.Image{int64(7), "a", nil}}, {Image: table.Image{int64(7), "A", nil}}}, nil},
		"returned as often":  {hexRow("7", "a", nil), sent("a"), []table.Row{{Image: table.Image{int64(7), "b", nil}}}, []table.Image{{int64(7), "a", nil}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, raw := range []any{c.text, []byte(c.text)} {
				m, err := parseCollected(statementOn(t), HexForm{}, [][]any{{raw}}, c.sent, c.after...)
				if err != nil {
					t.Fatal(err)
				}
				var got []table.Image
				for _, r := range m.before {
					got = append(got, r.Image)
				}
				if !reflect.DeepEqual(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			}
		})
	}
	whole := hexRow("7", "secret", nil)
	for name, raw := range map[string][][]any{
		"no row": nil, "no column": {{}}, "outgrown": {{nil}}, "cut": {{whole[:len(whole)-1]}}, "rest": {{whole + "x"}},
		"a field less": {{hexRow("7", "secret")}}, "a field more": {{hexRow("7", "secret", nil, nil)}},
	} {
		m, err := parseCollected(statementOn(t), HexForm{}, raw, sent("a"))
		rows := m.before
		if !errors.Is(err, fault.ErrAuditFailed) || rows != nil {
			t.Errorf("%s: %v, %v, want an error", name, rows, err)
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
		m, err := parseCollected(s, HexForm{}, [][]any{{hexRow(fields...)}}, clause.Values{})
		rows := m.before
		if err != nil || len(rows) != 1 {
			t.Fatalf("%q: %d rows, %v", fields, len(rows), err)
		}
		for i, f := range fields {
			var want any
			if text, ok := f.(string); ok {
				want = []byte(text)
			}
			if !reflect.DeepEqual(rows[0].Raw[i], want) {
				t.Errorf("field %d of %q came back as %q", i, fields, rows[0].Raw[i])
			}
		}
		// Whatever the variable holds is rows of the table or an error.
		m, err = parseCollected(s, HexForm{}, [][]any{{text}}, clause.Values{})
		rows = m.before
		if err != nil && (!errors.Is(err, fault.ErrAuditFailed) || rows != nil) {
			t.Errorf("%q: %v, %v", text, rows, err)
		}
		for _, r := range rows {
			if len(r.Image) != 3 || len(r.Raw) != 3 {
				t.Errorf("%q gave the row %v", text, r)
			}
		}
	})
}
