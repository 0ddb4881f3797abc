package auditlog

import (
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/internal/redact"
)

// Field is one value of an event.
type Field struct {
	// Name is the field's JSON name. Below a struct it is a path joined by dots, in which "*"
	// is any element of a list or a map.
	Name string `json:"name"`
	// Type is a word for what it holds: text, integer, number, boolean, time, duration, bytes,
	// value (which encodes itself), "list of …" and "map of …".
	Type string `json:"type"`
	// Required tells that an event without it is an error.
	Required bool `json:"required,omitempty"`
	// Subject tells that it is the key of what the event is about.
	Subject bool `json:"subject,omitempty"`
	// Secret says what is done to hide it, "" for nothing.
	Secret string `json:"secret,omitempty"`
}

// taken are names at the top of a line and of metadata that have their meaning already.
const taken = `@timestamp auditplugin changes client ecs error event host http labels log message organization
	process service session source span tags trace user user_agent`

// read finds the fields of T.
func (d *definition) read(t reflect.Type, mistake func(format string, args ...any)) {
	if t.Kind() != reflect.Struct || describe(t) != "object" {
		mistake("its values are of type %s, which is no struct with fields", t)
		return
	}
	// The key of hashes is known later, by the logger or the plugin.
	plan, err := redact.ForType(t, redact.Config{HashKey: make([]byte, minHashKey)})
	if err != nil {
		mistake("%v", err)
		return
	}
	seen := map[string]bool{}
	for _, f := range reflect.VisibleFields(t) {
		name, inlined := fieldName(f)
		event := strings.Split(f.Tag.Get("event"), ",")
		if name == "" || inlined {
			if event[0] != "" {
				mistake("field %s has an event tag and is not recorded", f.Name)
			}
			continue
		}
		if seen[name] {
			mistake("two fields are called %s", name)
		}
		seen[name] = true
		if strings.Contains(name, ".") || slices.Contains(strings.Fields(taken), name) {
			mistake("field %s can not be called %s: that has a meaning in records or lines; give it another json tag", f.Name, name)
		}
		d.Fields = append(d.Fields, Field{Name: name})
		d.tag(f, name, event, mistake)
		if why := unsupported(f.Type, nil); why != "" {
			mistake("field %s is %s", f.Name, why)
			continue
		}
		at := len(d.Fields) - 1
		d.Fields[at].Type = describe(f.Type)
		d.Fields = inside(d.Fields, f.Type, name)
		hide(d.Fields[at:], plan.HidingsOf(name))
		if d.Fields[at].Subject && plan.Ignored(name) {
			mistake("field %s is the subject and is never recorded", f.Name)
		}
		if strings.Contains(f.Tag.Get("json"), ",omit") {
			d.omitted = append(d.omitted, place{name, f.Index})
		}
	}
}

// tag reads a field's event tag.
func (d *definition) tag(f reflect.StructField, name string, words []string, mistake func(format string, args ...any)) {
	last := &d.Fields[len(d.Fields)-1]
	for _, w := range words {
		switch strings.TrimSpace(w) {
		case "":
		case "required":
			switch f.Type.Kind() {
			case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64,
				reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
				mistake("field %s is required and can not be empty: zero is a value; make it a pointer", f.Name)
			}
			last.Required = true
			d.required = append(d.required, place{name, f.Index})
		case "subject":
			if d.subject != "" {
				mistake("field %s is a second subject", f.Name)
			}
			switch describe(f.Type) {
			case "text", "integer", "value":
			default:
				mistake("field %s is the subject and no text or whole number", f.Name)
			}
			last.Subject, d.subject = true, name
		default:
			mistake("field %s: unknown event tag %q (known: subject, required)", f.Name, w)
		}
	}
}

// fieldName is the key that records have a field under, "" for none.
func fieldName(f reflect.StructField) (name string, inlined bool) {
	name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case f.Tag.Get("json") == "-" || !f.IsExported() && !f.Anonymous:
		return "", false
	case name == "" && f.Anonymous && isStruct(f.Type):
		return "", true
	case !f.IsExported():
		return "", false
	case name == "":
		return f.Name, false
	}
	return name, false
}

// hide notes at fields what the plan hides of them.
func hide(fields []Field, hidings []redact.Hiding) {
	for i := range fields {
		f := &fields[i]
		for _, h := range hidings {
			path := strings.Join(h.Path, ".")
			if h.ByName && (f.Type == "boolean" || f.Type == "time") {
				continue // shown: there is no room for a secret
			}
			if f.Name == path || strings.HasPrefix(f.Name, path+".") {
				f.Secret = h.How
			}
		}
	}
}

// inside appends the fields of structs that a type holds.
func inside(fields []Field, t reflect.Type, path string) []Field {
	switch word := describe(t); {
	case t.Kind() == reflect.Pointer:
		return inside(fields, t.Elem(), path)
	case word == "object":
		for _, f := range reflect.VisibleFields(t) {
			if name, inlined := fieldName(f); name != "" && !inlined {
				name = path + "." + name
				fields = inside(append(fields, Field{Name: name, Type: describe(f.Type)}), f.Type, name)
			}
		}
	case strings.HasPrefix(word, "list of "), strings.HasPrefix(word, "map of "):
		return inside(fields, t.Elem(), path+".*")
	}
	return fields
}

// unsupported says why values of a type can not be recorded, or "". above are the types that
// it is in.
func unsupported(t reflect.Type, above []reflect.Type) string {
	switch describe(t) {
	case "text", "integer", "number", "boolean", "time", "duration", "bytes", "value":
		return ""
	}
	if slices.Contains(above, t) {
		return "of a type that contains itself: " + t.String()
	}
	above = append(slices.Clip(above), t)
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return unsupported(t.Elem(), above)
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return "a map whose keys are no texts"
		}
		return unsupported(t.Elem(), above)
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			if name, inlined := fieldName(f); name != "" && !inlined {
				if why := unsupported(f.Type, above); why != "" {
					return why
				}
			}
		}
		return ""
	case reflect.Interface:
		return "of type " + t.String() + ", which may be anything"
	}
	return "of type " + t.String() + ", which can not be recorded"
}

// describe is the word for a type, "" where there is none.
func describe(t reflect.Type) string { return describeTo(t, maxDepth) }

func describeTo(t reflect.Type, depth int) string {
	switch {
	case depth == 0:
		return ""
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t.Kind() != reflect.Interface && t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return "text"
	case t.Kind() != reflect.Interface && (t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[driver.Valuer]())):
		return "value"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return describeTo(t.Elem(), depth-1)
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "boolean"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "integer"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "list of " + describeTo(t.Elem(), depth-1)
	case reflect.Map:
		return "map of " + describeTo(t.Elem(), depth-1)
	case reflect.Struct:
		return "object"
	}
	return ""
}
