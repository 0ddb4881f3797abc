package auditplugin

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// mysqlJob is a job on a MySQL table (id, name, data) with a unique name.
func mysqlJob(t *testing.T) *job {
	p := New()
	p.server = catalog.Server{Dialect: "mysql"}
	m := &model{table: "items", recordType: "item"}
	tgt := &target{model: m, ref: table{name: "items"}, index: map[string]int{}, key: []int{0}, tbl: &catalog.Table{
		PrimaryKey: []string{"id"}, Uniques: [][]string{{"id"}, {"name"}},
	}}
	for i, c := range []values.Column{{Name: "id", DBType: "BIGINT"}, {Name: "name", DBType: "VARCHAR"}, {Name: "data", DBType: "BLOB"}} {
		tgt.index[c.Name] = i
		tgt.cols = append(tgt.cols, c)
		tgt.rules = append(tgt.rules, values.For("mysql", c))
	}
	return &job{armed: &armed{p: p, db: &gorm.DB{}, op: opCreate, model: m, ref: tgt.ref}, ctx: t.Context(), t: tgt}
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

func TestParseHexRows(t *testing.T) {
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
		after []row // as returned
		want  []image
	}{
		"nothing was hit":     {"", sent("a"), nil, nil},
		"one row":             {hexRow("7", "a", "\xff\x00"), sent("a"), nil, []image{{int64(7), "a", []byte("\xff\x00")}}},
		"NULL and empty":      {hexRow("7", "", nil), sent("a"), nil, []image{{int64(7), "", nil}}},
		"text like the frame": {hexRow("7", "(~,)", nil), sent("a"), nil, []image{{int64(7), "(~,)", nil}}},
		"two rows":            {hexRow("7", "a", nil) + hexRow("8", "b", nil), sent("a", "b"), nil, []image{{int64(7), "a", nil}, {int64(8), "b", nil}}},
		"hit twice":           {hexRow("7", "a", nil) + hexRow("7", "a", "x"), sent("a", "a"), nil, []image{{int64(7), "a", nil}}},
		// Sent twice, hit once: the first one inserted it.
		"inserted, then hit": {hexRow("7", "a", "x"), sent("a", "a"), nil, nil},
		"returned twice":     {hexRow("7", "a", "x"), sent("a", "A"), []row{{image: image{int64(7), "a", nil}}, {image: image{int64(7), "A", nil}}}, nil},
		"returned as often":  {hexRow("7", "a", nil), sent("a"), []row{{image: image{int64(7), "b", nil}}}, []image{{int64(7), "a", nil}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, raw := range []any{c.text, []byte(c.text)} {
				rows, _, _, err := mysqlJob(t).parseHexRows([][]any{{raw}}, c.sent, c.after...)
				if err != nil {
					t.Fatal(err)
				}
				var got []image
				for _, r := range rows {
					got = append(got, r.image)
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
		rows, _, _, err := mysqlJob(t).parseHexRows(raw, sent("a"))
		if !errors.Is(err, ErrAuditFailed) || rows != nil {
			t.Errorf("%s: %v, %v, want an error", name, rows, err)
		} else if text := err.Error(); strings.Contains(text, "secret") || strings.Contains(text, hexRow("secret")) || !strings.Contains(text, "item") {
			t.Errorf("%s: the error says %q", name, text)
		}
	}
}

func FuzzParseHexRows(f *testing.F) {
	f.Add("7", "a", "b", false, "(37,61,~)")
	f.Add("8", "(),~", "\xff", true, "(,,)(,,)")
	f.Add("9", "", "", true, ")")
	f.Fuzz(func(t *testing.T, id, name, data string, null bool, text string) {
		j := mysqlJob(t)
		fields := []any{id, name, data}
		if null {
			fields[2] = nil
		}
		rows, _, _, err := j.parseHexRows([][]any{{hexRow(fields...)}}, clause.Values{})
		if err != nil || len(rows) != 1 {
			t.Fatalf("%q: %d rows, %v", fields, len(rows), err)
		}
		for i, f := range fields {
			var want any
			if s, ok := f.(string); ok {
				want = []byte(s)
			}
			if !reflect.DeepEqual(rows[0].raw[i], want) {
				t.Errorf("field %d of %q came back as %q", i, fields, rows[0].raw[i])
			}
		}
		// Whatever the variable holds is rows of the table or an error.
		rows, _, _, err = j.parseHexRows([][]any{{text}}, clause.Values{})
		if err != nil && (!errors.Is(err, ErrAuditFailed) || rows != nil) {
			t.Errorf("%q: %v, %v", text, rows, err)
		}
		for _, r := range rows {
			if len(r.image) != 3 || len(r.raw) != 3 {
				t.Errorf("%q gave the row %v", text, r)
			}
		}
	})
}
