package auditlog

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/gorm-audit/auditplugin/audit"
)

// ErrDefinition is wrapped by what is wrong with a definition of [Define] or with a
// [Catalogue].
var ErrDefinition = errors.New("auditplugin: event definition")

// Event is a kind of event whose values are fields of T. It is made by [Define], and safe
// for concurrent use.
type Event[T any] struct{ def *definition }

// definition is what is known of an event without its type.
type definition struct {
	Definition
	values   reflect.Type
	attrs    []slog.Attr // of every occurrence
	required []place
	omitted  []place // left out when they are empty
	subject  string  // the field that names what the event is about, or ""
	through  atomic.Pointer[trail]
}

// place is a field, by its JSON name and by its index.
type place struct {
	name  string
	index []int
}

// Define makes a kind of event of the fields of T, which is a struct: what an event of this
// kind has to say is then checked by the compiler. The name is the application's, in lower
// case with at least one dot: "user.sign_in". attrs are what all of them have in common:
// [Message], [Category], [Subject], [Outcome], and attributes of your own.
//
//	type SignIn struct {
//		User   string `json:"user_id" event:"subject,required"`
//		Method string `json:"method" event:"required"`
//		Code   string `json:"code,omitempty" audit:"mask"`
//	}
//
//	var SignedIn = auditlog.Define[SignIn]("user.sign_in",
//		auditlog.Message("Signed in"), auditlog.Category("authentication"))
//
//	err := log.Audit.Event(ctx, SignedIn.Of(SignIn{User: "7", Method: "totp"}))
//
// Fields are recorded under their JSON names. The event tag says more: subject is the key of
// what the event is about (one field at most), required makes an empty one an error. audit
// tags, and names that say password, token and the like, hide what they hide elsewhere. A
// field is a text, a number, a boolean, a time, something that encodes itself, or a struct,
// list or map of these.
//
// Define is for package variables. It panics when the definition is wrong, with an error
// that wraps [ErrDefinition] and has all mistakes: at the start of every program and test
// that has it.
func Define[T any](name string, attrs ...slog.Attr) *Event[T] {
	def, err := define(reflect.TypeFor[T](), name, attrs)
	if err != nil {
		panic(err)
	}
	return &Event[T]{def}
}

// Of is one event of this kind. attrs belong to this one: an [Outcome], "event.reason".
func (e *Event[T]) Of(values T, attrs ...slog.Attr) Occurrence {
	return Occurrence{def: e.defined(), values: values, attrs: attrs}
}

// Definition is what [Define] was told.
func (e *Event[T]) Definition() Definition {
	if d := e.defined(); d != nil {
		return d.clone()
	}
	return Definition{}
}

func (e *Event[T]) defined() *definition {
	if e == nil {
		return nil
	}
	return e.def
}

// Message is the line for people that an event has: "Signed in". Without it, that is the
// event's name.
func Message(text string) slog.Attr { return slog.String("message", text) }

// Subject names the kind of thing that an event is about, as the record type of the model
// has it. Without it, that is the last word but one of the event's name: "user" of
// "user.sign_in".
func Subject(recordType string) slog.Attr { return slog.String("changes.record_type", recordType) }

func define(t reflect.Type, name string, attrs []slog.Attr) (*definition, error) {
	def := &definition{Definition: Definition{Name: name, Message: name}, values: t}
	var wrong []error
	mistake := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%w %q: %s", ErrDefinition, name, fmt.Sprintf(format, args...)))
	}
	if !goodName(name) {
		mistake("the name has to be words of a-z, 0-9 and _ joined by dots, at least two, such as user.sign_in")
	}
	words := strings.Split(name, ".")
	def.RecordType = words[max(len(words)-2, 0)]
	for _, a := range attrs {
		switch a.Key {
		case "message":
			def.Message = a.Value.String()
		case "changes.record_type":
			def.RecordType = a.Value.String()
		case "event.action", "changes.record_id", "changes":
			mistake("%s is not for the definition to say", a.Key)
		default:
			if a.Key == "event.category" {
				def.Categories, _ = a.Value.Any().([]string)
			}
			def.attrs = append(def.attrs, a)
		}
	}
	if def.Message == "" || def.RecordType == "" {
		mistake("Message and Subject need a text")
	}
	def.attrs = append([]slog.Attr{Subject(def.RecordType)}, def.attrs...)
	def.read(t, mistake)
	for _, f := range def.Fields {
		if slices.ContainsFunc(attrs, func(a slog.Attr) bool { return a.Key == f.Name }) {
			mistake("%s is a field and an attribute", f.Name)
		}
	}
	return def, errors.Join(wrong...)
}

const maxName = 100

func goodName(name string) bool {
	words := strings.Split(name, ".")
	return len(words) > 1 && len(name) <= maxName && !slices.ContainsFunc(words, func(w string) bool {
		return w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || w[0] < 'a'
	})
}

// outcome is what the attributes say last.
func outcome(attrs []slog.Attr) audit.Outcome {
	o := audit.Unknown
	for _, a := range attrs {
		if a.Key == "event.outcome" {
			o = audit.Outcome(a.Value.String())
		}
	}
	return o
}
