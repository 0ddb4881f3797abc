package output

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// Format is how results are written.
type Format string

// The formats.
const (
	Table  Format = "table"
	Wide   Format = "wide" // a table with all columns
	Text   Format = "text" // records as history.Text shows them
	JSON   Format = "json" // one array, or one object
	NDJSON Format = "ndjson"
	CSV    Format = "csv"
	YAML   Format = "yaml" // one list, or one object
)

// Objects tells that the format is for programs, and has whole objects.
func (f Format) Objects() bool { return f == JSON || f == NDJSON || f == YAML }

// Formats lists the formats.
func Formats() []string {
	return []string{string(Table), string(Wide), string(Text), string(JSON), string(NDJSON), string(CSV), string(YAML)}
}

// ErrField is a field that was asked for and that a command does not have.
var ErrField = errors.New("no such field")

// Printer writes results.
type Printer struct {
	Out    io.Writer
	Format Format
	// Width is how wide a terminal is; 0 is no terminal, whose lines are never cut.
	Width int
	// Color says whether tables may use it.
	Color bool
	// NoHeader leaves the header of CSV out, where a file goes on.
	NoHeader bool
	// Query, if there is one, is what JSON and NDJSON are written through.
	Query *Query
	// Fields, if there are some, are the columns of tables and CSV, in order, and the
	// names of JSON objects.
	Fields []string
}

// Column is one of a table of T.
type Column[T any] struct {
	Name string
	// Text is a cell, not escaped yet.
	Text func(T) string
	// Wide columns are left out of narrow tables.
	Wide bool
}

// List writes items, and returns how many there were. Formats that can do so write
// each item as it comes.
func List[T any](p *Printer, columns []Column[T], items iter.Seq2[T, error]) (n int, err error) {
	if columns, err = selected(p, columns); err != nil {
		return 0, err
	}
	switch {
	case p.Format.Objects():
		return list(p, items)
	case p.Format == CSV:
		return listCSV(p, columns, items)
	}
	var rows [][]string
	for item, err := range items {
		if err != nil {
			return len(rows), err
		}
		rows = append(rows, cells(columns, item))
	}
	if len(rows) > 0 {
		err = p.table(names(columns), rows)
	}
	return len(rows), err
}

// Items makes a sequence of a slice.
func Items[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range all {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// One writes a single object, and columns of it as a table of its parts.
func One[T any](p *Printer, whole any, columns []Column[T], parts []T) error {
	if p.Format.Objects() {
		return p.object(whole)
	}
	_, err := List(p, columns, Items(parts))
	return err
}

func selected[T any](p *Printer, columns []Column[T]) ([]Column[T], error) {
	if len(p.Fields) > 0 {
		if p.Format.Objects() {
			return columns, nil
		}
		var chosen []Column[T]
		for _, f := range p.Fields {
			i := slices.IndexFunc(columns, func(c Column[T]) bool { return c.Name == f })
			if i < 0 {
				return nil, fmt.Errorf("%w: %q; there are %s", ErrField, f, strings.Join(names(columns), ", "))
			}
			chosen = append(chosen, columns[i])
		}
		return chosen, nil
	}
	if p.Format == Wide || p.Format == CSV {
		return columns, nil
	}
	return slices.DeleteFunc(slices.Clone(columns), func(c Column[T]) bool { return c.Wide }), nil
}

func names[T any](columns []Column[T]) []string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c.Name
	}
	return all
}

func cells[T any](columns []Column[T], item T) []string {
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = Visible(c.Text(item))
	}
	return row
}

// around is what stands around the objects of a list, and between two.
func (p *Printer) around() (begin, between, end, none string) {
	switch p.Format {
	case JSON:
		return "[\n", ",\n", "\n]\n", "[]\n"
	case YAML:
		return "", "", "", "[]\n"
	}
	return "", "", "", ""
}

func list[T any](p *Printer, items iter.Seq2[T, error]) (n int, err error) {
	if p.Query != nil {
		return queried(p, items)
	}
	// An object a write: who reads it gets each as it comes.
	lead, between, end, none := p.around()
	for item, err := range items {
		if err != nil {
			return n, err
		}
		text, err := p.item(item)
		if err != nil {
			return n, err
		}
		if _, err := io.WriteString(p.Out, lead+text); err != nil {
			return n, err
		}
		lead = between
		n++
	}
	if n == 0 {
		end = none
	}
	_, err = io.WriteString(p.Out, end)
	return n, err
}

// item is one object of a list.
func (p *Printer) item(v any) (string, error) {
	text, err := p.marshal(v, false)
	switch {
	case err != nil || p.Format == JSON:
		return string(text), err
	case p.Format == YAML:
		return yaml([]byte("[" + string(text) + "]"))
	}
	return string(text) + "\n", nil
}

// object writes an object by itself.
func (p *Printer) object(v any) error {
	text, err := p.marshal(v, p.Format == JSON)
	if err != nil {
		return err
	}
	if p.Query != nil {
		return p.Query.write(p.Out, text)
	}
	all := string(text) + "\n"
	if p.Format == YAML {
		if all, err = yaml(text); err != nil {
			return err
		}
	}
	_, err = io.WriteString(p.Out, all)
	return err
}

// marshal writes JSON, of which Fields, if there are some, choose the members.
func (p *Printer) marshal(v any, indent bool) ([]byte, error) {
	text, err := encode(v)
	if err != nil {
		return nil, err
	}
	if len(p.Fields) > 0 {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err == nil {
			var b strings.Builder
			for i, f := range p.Fields {
				name, err := encode(f)
				if err != nil {
					return nil, err
				}
				value := members[f]
				if value == nil {
					value = json.RawMessage("null")
				}
				fmt.Fprintf(&b, "%s%s:%s", map[bool]string{true: "{", false: ","}[i == 0], name, value)
			}
			text = []byte(b.String() + "}")
		}
	}
	if indent {
		var v json.RawMessage = text
		return json.MarshalIndent(v, "", "  ")
	}
	return text, nil
}

// encode is json.Marshal without escapes for HTML.
func encode(v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

func listCSV[T any](p *Printer, columns []Column[T], items iter.Seq2[T, error]) (n int, err error) {
	out := bufio.NewWriter(p.Out)
	w := csv.NewWriter(out)
	defer func() {
		w.Flush()
		err = errors.Join(err, w.Error(), out.Flush())
	}()
	if !p.NoHeader {
		if err := w.Write(names(columns)); err != nil {
			return 0, err
		}
	}
	for item, err := range items {
		if err != nil {
			return n, err
		}
		row := cells(columns, item)
		for i, cell := range row {
			if formula(cell) {
				row[i] = "'" + cell
			}
		}
		if err := w.Write(row); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
