package change

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// rowsTable is a table that no database stands behind.
func rowsTable(t *testing.T) *table.Table {
	t.Helper()
	described := &catalog.Table{Kind: catalog.Plain, PrimaryKey: []string{"id"}}
	for _, name := range []string{"id", "name"} {
		described.Columns = append(described.Columns, catalog.Column{Name: name, Selectable: true})
	}
	m := &table.Model{Table: "rows", RecordType: "row", Plan: redact.ForNames("", redact.Config{})}
	return table.New(dialect.Of(catalog.Server{Dialect: dialect.SQLite}), m, described, table.Name{Name: "rows", Alias: "rows", Simple: true})
}

func nameOf(n int) string { return fmt.Sprint("row ", n, strings.Repeat("x", n%50)) }

// Rows are found whichever way they come back, with or without their index.
func TestRowsAreFound(t *testing.T) {
	const many = MaxPlain + 5*pageRows + 7
	for _, n := range []int{1, 2, MaxPlain, MaxPlain + 1, MaxPlain + pageRows, MaxPlain + pageRows + 1, many} {
		for order, at := range map[string]func(i int) int{
			"as read":         func(i int) int { return i },
			"backwards":       func(i int) int { return n - 1 - i },
			"some before":     func(i int) int { return (i + n/2) % n },
			"every other one": func(i int) int { return (2*i + i*2/n) % n },
		} {
			r := &Rows{Table: rowsTable(t)}
			for i := range n {
				r.Add([]any{int64(i), nameOf(i)})
			}
			if r.Len() != n {
				t.Fatalf("%d rows of %d", r.Len(), n)
			}
			for i := range n {
				want := at(i)
				row, ok := r.Find(r.Table.Identity(table.Image{int64(want), nil}))
				if !ok || row != want {
					t.Fatalf("%d rows, %s: row %d was found as %d, %v", n, order, want, row, ok)
				}
				if img := r.Image(row); img[0] != int64(want) || img[1] != nameOf(want) || r.Key(row)[0] != int64(want) {
					t.Fatalf("%d rows, %s: row %d is %v", n, order, want, img)
				}
			}
			if _, ok := r.Find(r.Table.Identity(table.Image{int64(n), nil})); ok && n > 1 {
				t.Errorf("%d rows: one that is not there was found", n)
			}
		}
	}
}

// A log gives back what was noted, in order, however much it is.
func TestLogInPieces(t *testing.T) {
	tbl := rowsTable(t)
	long := strings.Repeat("y", 2*fullBytes)
	for _, n := range []int{0, 1, MaxPlain, MaxPlain + 1, 20_000} {
		var l Log
		for i := range n {
			name := nameOf(i)
			if i%5000 == 4999 {
				name = long
			}
			switch i % 3 {
			case 0:
				l.Note(tbl, nil, table.Image{int64(i), name})
			case 1:
				l.Note(tbl, table.Image{int64(i), name}, nil)
			default:
				l.Note(tbl, table.Image{int64(i), name}, table.Image{int64(i), "after"})
			}
		}
		if l.Len() != n {
			t.Fatalf("%d changes of %d", l.Len(), n)
		}
		i := 0
		err := l.Each(func(c *Change) error {
			name := nameOf(i)
			if i%5000 == 4999 {
				name = long
			}
			b, a := c.Before, c.After
			if got, want := [2]bool{b != nil, a != nil}, [2]bool{i%3 != 0, i%3 != 1}; got != want {
				t.Fatalf("change %d of %d: before and after are there: %v", i, n, got)
			}
			for _, img := range []table.Image{b, a} {
				if img != nil && img[0] != int64(i) {
					t.Fatalf("change %d of %d: is of row %v", i, n, img[0])
				}
			}
			if b != nil && b[1] != name || i%3 == 0 && a[1] != name || i%3 == 2 && a[1] != "after" {
				t.Fatalf("change %d of %d: another value", i, n)
			}
			i++
			return nil
		})
		if err != nil || i != n || l.Len() != 0 {
			t.Errorf("%d of %d changes, %d left, %v", i, n, l.Len(), err)
		}
	}
}
