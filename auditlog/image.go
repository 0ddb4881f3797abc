package auditlog

import (
	"bytes"
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// maxDepth bounds how deep values are followed, so that one which contains itself
// ends.
const maxDepth = 32

const tooDeep = "nested too deeply"

// image is a struct or map by key: as it is, for comparing, and as it may be seen.
type image struct {
	plan  *redact.Plan
	loose bool            // whether it is a map, of which only names tell
	open  map[string]bool // keys of a struct whose type does not say what they hold
	raw   map[string]any
	shown map[string]any
}

// imageOf reads v, which must be a struct or a map with text keys.
func (t *trail) imageOf(table string, v any) (*image, error) {
	rv := deref(reflect.ValueOf(v))
	switch {
	case rv.IsValid() && rv.Kind() == reflect.Struct:
		return t.structImage(table, rv, 0)
	case rv.IsValid() && rv.Kind() == reflect.Map && rv.Type().Key().Kind() == reflect.String:
		im := &image{plan: t.names, loose: true, raw: make(map[string]any, rv.Len()), shown: make(map[string]any, rv.Len())}
		if m, ok := rv.Interface().(map[string]any); ok { // ranging by reflection allocates
			for name, e := range m {
				if err := im.put(t, table, name, reflect.ValueOf(e)); err != nil {
					return nil, err
				}
			}
			return im, nil
		}
		for it := rv.MapRange(); it.Next(); {
			if err := im.put(t, table, it.Key().String(), it.Value()); err != nil {
				return nil, err
			}
		}
		return im, nil
	}
	return nil, fmt.Errorf("%w: %T", ErrImage, v)
}

// put adds a member of a map.
func (im *image) put(t *trail, table, name string, v reflect.Value) error {
	shown, err := t.value(table, v, 1, true)
	if err != nil {
		return err
	}
	raw := shown
	switch shown.(type) {
	case map[string]any, []any: // only these can hide something
		raw, _ = t.value(table, v, 1, false)
	}
	im.raw[name], im.shown[name] = raw, t.names.Column(table, name, shown)
	return nil
}

// structImage reads a struct's fields under their JSON names. Every field counts,
// also an empty one tagged omitempty.
func (t *trail) structImage(table string, rv reflect.Value, depth int) (*image, error) {
	plan, err := t.planOf(rv.Type())
	if err != nil {
		return nil, err
	}
	im := &image{plan: plan, open: map[string]bool{}, raw: map[string]any{}, shown: map[string]any{}}
	for _, f := range reflect.VisibleFields(rv.Type()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Tag.Get("json") == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			if f.Anonymous && isStruct(f.Type) {
				continue // its fields come by themselves
			}
			name = f.Name
		}
		if plan.Ignored(name) {
			continue
		}
		fv, err := rv.FieldByIndexErr(f.Index)
		if err != nil {
			continue // inside an embedded pointer that is nil
		}
		if im.raw[name], err = t.value(table, fv, depth+1, false); err != nil {
			return nil, err
		}
		// What the field's type does not tell, the value's own type does.
		seen := im.raw[name]
		if holdsAny(f.Type, 0) && !plan.Sensitive(name) {
			im.open[name] = true
			if seen, err = t.value(table, fv, depth+1, true); err != nil {
				return nil, err
			}
		}
		im.shown[name] = plan.Column(table, name, seen)
	}
	return im, nil
}

// planOf returns the redaction of a struct type, made once.
func (t *trail) planOf(typ reflect.Type) (*redact.Plan, error) {
	if p, ok := t.plans.Load(typ); ok {
		return p.(*redact.Plan), nil
	}
	p, err := redact.ForType(typ, t.redaction)
	if err != nil {
		return nil, err
	}
	t.plans.Store(typ, p)
	return p, nil
}

// value returns v as a canonical value; with hide, as much of it as may be seen
// when only v itself can tell, through the tags of structs and names in it.
func (t *trail) value(table string, v reflect.Value, depth int, hide bool) (any, error) {
	v = deref(v)
	if !v.IsValid() {
		return nil, nil
	}
	if depth > maxDepth {
		return tooDeep, nil
	}
	encodes := v.CanInterface() && encodesItself(v.Interface())
	switch {
	case !v.CanInterface():
		return nil, nil
	case isScalar(v) || encodes:
		return canonical(v.Interface()), nil
	case v.Kind() == reflect.Struct:
		im, err := t.structImage(table, v, depth)
		if err != nil {
			return nil, err
		}
		if hide {
			return im.shown, nil
		}
		return im.raw, nil
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		out := make(map[string]any, v.Len())
		for it := v.MapRange(); it.Next(); {
			name := it.Key().String()
			e, err := t.value(table, it.Value(), depth+1, hide)
			if err != nil {
				return nil, err
			}
			if hide {
				e = t.names.Column(table, name, e)
			}
			out[name] = e
		}
		return out, nil
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return nil, nil
		}
		out := make([]any, v.Len())
		for i := range out {
			e, err := t.value(table, v.Index(i), depth+1, hide)
			if err != nil {
				return nil, err
			}
			out[i] = e
		}
		return out, nil
	}
	return canonical(v.Interface()), nil
}

func deref(v reflect.Value) reflect.Value {
	for range maxDepth {
		if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
			return v
		}
		if v.Kind() == reflect.Pointer && v.CanInterface() && !v.IsNil() && encodesItself(v.Interface()) && !encodesItself(v.Elem().Interface()) {
			return v
		}
		v = v.Elem()
	}
	return reflect.Value{}
}

func isStruct(t reflect.Type) bool {
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}

func isScalar(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		return v.Type().Elem().Kind() == reflect.Uint8
	case reflect.Struct:
		return v.Type() == reflect.TypeFor[time.Time]()
	case reflect.Map, reflect.Pointer:
		return false
	}
	return true
}

// encodesItself reports whether v decides how it is stored or encoded.
func encodesItself(v any) bool {
	switch v.(type) {
	case driver.Valuer, json.Marshaler, encoding.TextMarshaler:
		return true
	}
	return false
}

// holdsAny reports whether a value of type t can hold values of types that t does
// not name.
func holdsAny(t reflect.Type, depth int) bool {
	if depth > 4 {
		return true
	}
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsAny(t.Elem(), depth+1)
	}
	return false
}

// canonical returns a scalar, or a value that encodes itself, in canonical form.
// One that can not be encoded becomes a text that says so.
func canonical(v any) (out any) {
	defer func() {
		if recover() != nil {
			out = fmt.Sprintf("%T panicked while it was encoded", v)
		}
	}()
	switch v.(type) {
	case driver.Valuer, time.Time:
		return values.Normalise("", values.Column{}, v)
	case json.Marshaler, encoding.TextMarshaler:
		data, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprintf("%T can not be encoded", v)
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if d.Decode(&out) != nil {
			return fmt.Sprintf("%T can not be decoded", v)
		}
		return out
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return fmt.Sprintf("%T can not be encoded", v)
	}
	return values.Normalise("", values.Column{}, v)
}
