package cli

import (
	"cmp"
	"fmt"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
)

func newEvents(s *session) *cobra.Command {
	var f filter
	var g page
	var catalogue string
	var kinds bool
	c := &cobra.Command{
		Use: "events [TYPE…]", Short: "What was recorded that is no change of a row: sign-ins, prunings, skipped writes",
		Long: `What was recorded that is no change of a row: sign-ins, prunings, skipped writes.

--kinds counts them by their names. --catalogue lists the events that an application
defines, from the file that its auditlog.Catalogue.WriteJSON wrote; no database is
needed for that. Both together tell which of them occurred, and which are in no
catalogue.`,
		Example: `  auditplugin events sign_in --since 7d
  auditplugin events --kinds --since 30d
  auditplugin events --catalogue events.json -o text
  auditplugin events --catalogue events.json --kinds`,
		RunE: func(c *cobra.Command, args []string) error {
			defined, err := readCatalogue(catalogue)
			if err != nil {
				return err
			}
			if catalogue != "" && !kinds {
				return s.definitions(defined)
			}
			f.actions, f.types = []string{"event"}, append(f.types, args...)
			if kinds {
				return f.kinds(s, c, defined, catalogue != "")
			}
			return f.ask(s, c, &g, "No event "+strings.Join(args, ", ")+" is recorded.")
		},
	}
	f.add(c, true)
	g.add(c)
	c.Flags().StringVar(&catalogue, "catalogue", "", "the events that an application defines, from a file")
	c.Flags().BoolVar(&kinds, "kinds", false, "count them by name; reads all that match")
	return c
}

func readCatalogue(path string) (auditlog.Catalogue, error) {
	if path == "" {
		return auditlog.Catalogue{}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return auditlog.Catalogue{}, usage("--catalogue: %v", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	c, err := auditlog.ReadCatalogue(file)
	if err != nil {
		return c, usage("--catalogue %s: %v", path, err)
	}
	return c, nil
}

// definitions lists what an application defines.
func (s *session) definitions(c auditlog.Catalogue) error {
	p, err := s.printer()
	if err != nil {
		return err
	}
	if p.Format == output.Text {
		var b strings.Builder
		if err := c.WriteText(&b); err != nil {
			return err
		}
		for line := range strings.Lines(b.String()) {
			if _, err := fmt.Fprintln(p.Out, output.Visible(strings.TrimSuffix(line, "\n"))); err != nil {
				return err
			}
		}
		return nil
	}
	n, err := output.List(p, []output.Column[auditlog.Definition]{
		{Name: "event", Text: func(d auditlog.Definition) string { return d.Name }},
		{Name: "type", Text: func(d auditlog.Definition) string { return d.RecordType }},
		{Name: "message", Text: func(d auditlog.Definition) string { return d.Message }},
		{Name: "fields", Text: func(d auditlog.Definition) string {
			fields := make([]string, len(d.Fields))
			for i, f := range d.Fields {
				fields[i] = f.Name + " (" + f.String() + ")"
			}
			return strings.Join(fields, "; ")
		}},
	}, output.Items(c.Definitions()))
	if err != nil {
		return err
	}
	return s.found(p, n, "The catalogue is empty.")
}

// kind is a kind of event, and how often it occurred.
type kind struct {
	Event   string     `json:"event"`
	Type    string     `json:"type"`
	Records int        `json:"records"`
	Failed  int        `json:"failed"`
	First   *time.Time `json:"first,omitempty"`
	Last    *time.Time `json:"last,omitempty"`
	// Defined tells whether it is in the catalogue, if there is one.
	Defined *bool `json:"defined,omitempty"`
}

// kinds counts events by their names.
func (f *filter) kinds(s *session, c *cobra.Command, defined auditlog.Catalogue, compared bool) error {
	db, err := s.reading(c.Context())
	if err != nil {
		return err
	}
	q, err := f.narrow(s, s.search(db))
	if err != nil {
		return err
	}
	all, err := kindsOf(q.All(c.Context()), defined, compared)
	if err != nil {
		return err
	}
	p, err := s.printer()
	if err != nil {
		return err
	}
	clock := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return s.clock(*t)
	}
	columns := []output.Column[kind]{
		{Name: "event", Text: func(k kind) string { return k.Event }},
		{Name: "type", Text: func(k kind) string { return k.Type }},
		{Name: "records", Text: func(k kind) string { return strconv.Itoa(k.Records) }},
		{Name: "failed", Text: func(k kind) string { return strconv.Itoa(k.Failed) }},
		{Name: "first", Text: func(k kind) string { return clock(k.First) }},
		{Name: "last", Text: func(k kind) string { return clock(k.Last) }},
	}
	if compared {
		columns = append(columns, output.Column[kind]{Name: "catalogue", Text: func(k kind) string {
			return map[bool]string{true: "yes", false: "no"}[*k.Defined]
		}})
	}
	n, err := output.List(p, columns, output.Items(all))
	if err != nil {
		return err
	}
	return s.found(p, n, "No event is recorded.")
}

// kindsOf counts records by event.action, or, where they have none, by their type.
func kindsOf(records iter.Seq2[audit.Record, error], defined auditlog.Catalogue, compared bool) ([]kind, error) {
	type key struct{ event, recordType string }
	found := map[key]*kind{}
	names := map[string]bool{}
	for _, d := range defined.Definitions() {
		names[d.Name] = true
	}
	for r, err := range records {
		if err != nil {
			return nil, err
		}
		at := r.Time
		name, _ := r.Metadata["event.action"].(string)
		if name == "" {
			name = r.RecordType
		}
		k := found[key{name, r.RecordType}]
		if k == nil {
			k = &kind{Event: name, Type: r.RecordType, First: &at, Last: &at}
			found[key{name, r.RecordType}] = k
		}
		if k.Records++; r.Outcome == audit.Failure {
			k.Failed++
		}
		if at.Before(*k.First) {
			k.First = &at
		}
		if at.After(*k.Last) {
			k.Last = &at
		}
	}
	all := make([]kind, 0, len(found))
	occurred := map[string]bool{}
	for _, k := range found {
		occurred[k.Event] = true
		if compared {
			k.Defined = new(bool)
			*k.Defined = names[k.Event]
		}
		all = append(all, *k)
	}
	for _, d := range defined.Definitions() {
		if !occurred[d.Name] {
			yes := true
			all = append(all, kind{Event: d.Name, Type: d.RecordType, Defined: &yes})
		}
	}
	slices.SortFunc(all, func(a, b kind) int {
		return cmp.Or(cmp.Compare(a.Event, b.Event), cmp.Compare(a.Type, b.Type))
	})
	return all, nil
}
