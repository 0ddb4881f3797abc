package emitter

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/entry"
)

func TestInsertFormsAreBounded(t *testing.T) {
	for name, q := range map[string]interface {
		inserter
		texts() map[form]*[lengths]string
	}{
		"sqlite":   newValuesInserter(dialect.SQLite, dialect.Table{Name: "a"}),
		"mysql":    newValuesInserter(dialect.MySQL, dialect.Table{Name: "a"}),
		"postgres": newUnnestInserter(dialect.Postgres, dialect.Table{Name: "a"}),
	} {
		c := entry.Converter{Limit: entry.MaxImage}
		for i := range 500 {
			text := func(bit int) string {
				if i>>bit&1 == 0 {
					return ""
				}
				return "value"
			}
			var entries []entry.Entry
			for n := range 2 {
				r := audit.Record{
					ID: fmt.Sprint(n), RecordID: fmt.Sprint(n), Message: text(0), Reason: text(1), IP: text(2), Host: text(3), TraceID: text(4), Cause: text(5),
					UserAgent: text(6), SpanID: text(7), Application: text(8), SchemaVersion: audit.SchemaVersion,
				}
				entries = append(entries, c.Entry(&r, entry.Images{}))
			}
			for rows := 1; rows <= 2; rows++ {
				query, args := q.statement(entries[:rows], new(boxes))
				if strings.Contains(query, "value") {
					t.Fatalf("%s: a value is in the text: %s", name, query)
				}
				if want := arguments(query); len(args) != want {
					t.Fatalf("%s: %d arguments for %s", name, len(args), query)
				}
			}
		}
		if n := len(q.texts()); n < maxForms || n > maxForms+2 {
			t.Errorf("%s: %d forms are remembered", name, n)
		}
	}
}

func (v *valuesInserter) texts() map[form]*[lengths]string { return v.forms.texts }
func (p *unnestInserter) texts() map[form]*[lengths]string { return p.forms.texts }

// arguments is how many arguments a statement takes: the highest number of its
// placeholders, or how many they are.
func arguments(query string) int {
	highest, count := 0, 0
	for i, c := range query {
		if c == '?' || c == '$' {
			count++
			n := 0
			if _, err := fmt.Sscanf(query[i+1:], "%d", &n); err == nil {
				highest = max(highest, n)
			}
		}
	}
	if highest > 0 {
		return highest
	}
	return count
}

func TestInsertFormOfPostgres(t *testing.T) {
	q := newUnnestInserter(dialect.Postgres, dialect.Table{Name: "a"})
	c := entry.Converter{Limit: entry.MaxImage}
	var entries []entry.Entry
	for _, id := range []string{"1", "2"} {
		r := audit.Record{ID: id, RecordID: id, Action: audit.Update, After: map[string]any{"a": id}, Changed: []string{"a"}, SchemaVersion: audit.SchemaVersion}
		entries = append(entries, c.Entry(&r, c.Encoder().Images(&r)))
	}
	for rows, want := range map[int]string{
		1: `VALUES ($1::text,$2::timestamptz,$3::text,'','','',$4::text,NULL::jsonb,$5::jsonb,$6::jsonb,NULL::jsonb,'','','','','','','','','','','','','',NULL::jsonb,NULL::jsonb,'',1,'','','','','')`,
		2: `SELECT r.c0,$1::timestamptz,$2::text,'','','',r.c6,NULL::jsonb,r.c8::jsonb,$3::jsonb,NULL::jsonb,'','','','','','','','','','','','','',NULL::jsonb,NULL::jsonb,'',1,'','','','','' ` +
			`FROM unnest($4::text[],$5::text[],string_to_array($6::text,chr(10),'')) WITH ORDINALITY AS r(c0,c6,c8,n) ORDER BY r.n`,
	} {
		if got, _ := q.statement(entries[:rows], new(boxes)); !strings.HasSuffix(got, want) {
			t.Errorf("%d rows:\n%s\nwant\n%s", rows, got, want)
		}
	}
}
