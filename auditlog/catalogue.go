package auditlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/redact"
)

// Definition describes a kind of event.
type Definition struct {
	// Name is event.action: "user.sign_in".
	Name string `json:"name"`
	// Message is the line for people.
	Message string `json:"message"`
	// RecordType is the kind of thing that the event is about.
	RecordType string `json:"record_type"`
	// Categories are those of ECS, if any.
	Categories []string `json:"categories,omitempty"`
	// Fields are the event's values, in the order of the struct.
	Fields []Field `json:"fields,omitempty"`
}

func (d Definition) clone() Definition {
	d.Categories, d.Fields = slices.Clone(d.Categories), slices.Clone(d.Fields)
	return d
}

// Defined is an event that [Define] has made.
type Defined interface {
	Definition() Definition
	defined() *definition
}

// Catalogue is the events of an application. It is a value that does not change, safe for
// concurrent use; its zero value has none.
type Catalogue struct{ events map[string]*definition }

// NewCatalogue makes a catalogue. The error wraps [ErrDefinition] and names every event that
// is there twice.
//
//	catalogue, err := auditlog.NewCatalogue(SignedIn, SignedOut, Exported)
func NewCatalogue(events ...Defined) (Catalogue, error) {
	c := Catalogue{make(map[string]*definition, len(events))}
	var wrong []error
	for i, e := range events {
		if e == nil || e.defined() == nil {
			wrong = append(wrong, fmt.Errorf("%w: event %d of the catalogue is nil", ErrDefinition, i+1))
			continue
		}
		d := e.defined()
		if c.events[d.Name] != nil {
			wrong = append(wrong, fmt.Errorf("%w: %q is in the catalogue twice", ErrDefinition, d.Name))
		}
		c.events[d.Name] = d
	}
	if len(wrong) > 0 {
		return Catalogue{}, errors.Join(wrong...)
	}
	return c, nil
}

// Definitions are the events, by name.
func (c Catalogue) Definitions() []Definition {
	all := make([]Definition, 0, len(c.events))
	for _, name := range slices.Sorted(maps.Keys(c.events)) {
		all = append(all, c.events[name].clone())
	}
	return all
}

// catalogueFile is the form of a catalogue outside of its program.
type catalogueFile struct {
	Version int          `json:"version"`
	Events  []Definition `json:"events"`
}

const catalogueVersion = 1

// WriteJSON writes the catalogue as [ReadCatalogue], and so the command auditplugin events,
// reads it. The same catalogue is the same text: keep it beside the code, and a test that
// compares them shows each change of an event in a review.
func (c Catalogue) WriteJSON(w io.Writer) error {
	data, err := json.MarshalIndent(catalogueFile{catalogueVersion, c.Definitions()}, "", "  ")
	if err == nil {
		_, err = w.Write(append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("auditplugin: writing the catalogue: %w", err)
	}
	return nil
}

// WriteText writes the catalogue for people: each event with its fields.
func (c Catalogue) WriteText(w io.Writer) error {
	var b strings.Builder
	for i, d := range c.Definitions() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s: %s (about %s)\n", d.Name, d.Message, strings.Join(append([]string{d.RecordType}, d.Categories...), "; "))
		for _, f := range d.Fields {
			fmt.Fprintf(&b, "    %s: %s\n", f.Name, f)
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("auditplugin: writing the catalogue: %w", err)
	}
	return nil
}

// String is what is said of a field, without its name: "text, required, masked".
func (f Field) String() string {
	said := []string{f.Type}
	if f.Subject {
		said = append(said, "subject")
	}
	if f.Required {
		said = append(said, "required")
	}
	if f.Secret != "" {
		said = append(said, f.Secret)
	}
	return strings.Join(said, ", ")
}

// ReadCatalogue reads what [Catalogue.WriteJSON] wrote, for who does not have the program: it
// knows no Go types, and is of no use to [WithCatalogue]. The error wraps [ErrDefinition] for
// anything else.
func ReadCatalogue(r io.Reader) (Catalogue, error) {
	var file catalogueFile
	if err := json.NewDecoder(r).Decode(&file); err != nil {
		return Catalogue{}, fmt.Errorf("%w: no catalogue of events: %w", ErrDefinition, err)
	}
	if file.Version != catalogueVersion {
		return Catalogue{}, fmt.Errorf("%w: a catalogue of version %d; this release reads version %d", ErrDefinition, file.Version, catalogueVersion)
	}
	c := Catalogue{make(map[string]*definition, len(file.Events))}
	for _, d := range file.Events {
		c.events[d.Name] = &definition{Definition: d}
	}
	return c, nil
}

// check makes sure that the tags of all events can be kept.
func (c *Catalogue) check(t *trail) error {
	if c == nil {
		return nil
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.events)) {
		if _, err := redact.ForType(c.events[name].values, t.redaction); err != nil {
			errs = append(errs, fmt.Errorf("%w: event %s: %w", ErrInvalidOption, name, err))
		}
	}
	return errors.Join(errs...)
}

// lacks is an error if there is a catalogue without the event.
func (c *Catalogue) lacks(d *definition) error {
	if c == nil || d == nil || c.events[d.Name] == d {
		return nil
	}
	return fmt.Errorf("%w: %q is not in the catalogue", ErrDefinition, d.Name)
}
