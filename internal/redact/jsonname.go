package redact

import (
	"reflect"
	"strings"
	"unicode"
)

// jsonName returns the key under which encoding/json stores a field, or inlined
// for embedded structs whose fields are promoted.
func jsonName(f reflect.StructField) (name string, inlined, ok bool) {
	tag := f.Tag.Get("json")
	if tag == "-" {
		return "", false, false
	}
	name, _, _ = strings.Cut(tag, ",")
	isStruct := f.Anonymous && indirect(f.Type).Kind() == reflect.Struct
	if isStruct && name == "" {
		return "", true, true
	}
	if !f.IsExported() {
		return "", false, false
	}
	if name == "" {
		name = f.Name
	}
	return name, false, true
}

// fold maps names that encoding/json takes for the same field to one text.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next // the smallest of the orbit
			}
			r = next
		}
	}, name)
}
