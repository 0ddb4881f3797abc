package ecsspec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// object is a JSON object that remembers its keys' order.
type object struct {
	keys    []string
	members map[string]any
}

// parseLine reads one line strictly: valid UTF-8, no raw control characters, one
// object, no key twice in any object.
func parseLine(line []byte) (*object, error) {
	body, ok := bytes.CutSuffix(line, []byte{'\n'})
	if !ok {
		return nil, errors.New("does not end in a line feed")
	}
	if !utf8.Valid(body) {
		return nil, errors.New("is not valid UTF-8")
	}
	for _, b := range body {
		if b < 0x20 {
			return nil, fmt.Errorf("holds the control character %#x", b)
		}
	}
	if !json.Valid(body) {
		return nil, errors.New("is not valid JSON")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := parseValue(d)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*object)
	if !ok {
		return nil, errors.New("is not an object")
	}
	return o, nil
}

func parseValue(d *json.Decoder) (any, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		o := &object{members: map[string]any{}}
		for d.More() {
			tok, err := d.Token()
			if err != nil {
				return nil, err
			}
			key, _ := tok.(string)
			if _, twice := o.members[key]; twice {
				return nil, fmt.Errorf("has the key %q twice", key)
			}
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			o.keys = append(o.keys, key)
			o.members[key] = v
		}
		_, err := d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	return tok, nil
}

// lookup finds a field under its dotted name at the top or by its path.
func (o *object) lookup(name string) (v any, dotted, nested bool) {
	d, dotted := o.members[name]
	if !strings.Contains(name, ".") {
		return d, dotted, false
	}
	var at any = o
	nested = true
	for part := range strings.SplitSeq(name, ".") {
		inner, ok := at.(*object)
		if !ok {
			nested = false
			break
		}
		if at, ok = inner.members[part]; !ok {
			nested = false
			break
		}
	}
	if nested {
		return at, dotted, true
	}
	return d, dotted, false
}
