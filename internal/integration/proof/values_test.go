package proof

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"pgregory.net/rapid"
)

// value is what an operation puts in a column, and how a program would write it.
type value struct {
	v    any
	code string
}

type gen = *rapid.Generator[value]

func plain(v any) value { return value{v, fmt.Sprintf("%#v", v)} }

func among(values ...any) gen {
	all := make([]value, len(values))
	for i, v := range values {
		all[i] = plain(v)
	}
	return rapid.SampledFrom(all)
}

func pointers[T any](values ...T) gen {
	all := []value{{(*T)(nil), "nil"}}
	for _, v := range values {
		all = append(all, value{&v, fmt.Sprintf("ptr(%#v)", v)})
	}
	return rapid.SampledFrom(all)
}

func texts() gen { return among("", "a", "b", "c", "it's", "ünï 😀", "x,(y)~", "nul\\l", "  ") }

func ids() gen { return among(uint(1), uint(2), uint(3), uint(4), uint(9)) }

func numbers() gen { return among(0, 1, 2, 3, -5, 100000) }

func floats() gen { return among(0.0, 1.0, 0.1, -2.5, 1e10, 3.3333333333) }

func documents() gen {
	return rapid.SampledFrom([]value{
		{Payload(nil), "Payload(nil)"},
		{Payload{}, "Payload{}"},
		{Payload{"a": 1, "b": "x"}, `Payload{"a": 1, "b": "x"}`},
		{Payload{"a": 2.5, "c": []any{1, "z", nil}}, `Payload{"a": 2.5, "c": []any{1, "z", nil}}`},
	})
}

func lists() gen {
	return among([]string(nil), []string{}, []string{"a"}, []string{"a", "b"}, []string{"ü", `"`})
}

func moments() gen {
	all := []value{{(*time.Time)(nil), "nil"}}
	for _, at := range []time.Time{
		time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2031, 12, 31, 23, 59, 59, 123000000, time.FixedZone("", 7200)),
	} {
		all = append(all, value{&at, fmt.Sprintf("at(%q)", at.Format(time.RFC3339Nano))})
	}
	return rapid.SampledFrom(all)
}

func uuids() gen {
	all := []value{}
	for i := range 3 {
		id := uuid.UUID{15: byte(i + 1), 3: 0xab}
		all = append(all, value{id, fmt.Sprintf("uuid.MustParse(%q)", id)})
	}
	return rapid.SampledFrom(all)
}

func blobs() gen { return among([]byte(nil), []byte{}, []byte("abc"), []byte{0, 0xff, 0x80, '\n'}) }

func deletions() gen {
	return rapid.SampledFrom([]value{
		{gorm.DeletedAt{}, "gorm.DeletedAt{}"},
		{gorm.DeletedAt{Time: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Valid: true}, "gorm.DeletedAt{Time: 2020, Valid: true}"},
	})
}

// cell is one column of a row with its value.
type cell struct {
	*column
	value
}

type cells []cell

func (r cells) structCode(name string) string {
	parts := make([]string, len(r))
	for i, c := range r {
		parts[i] = c.field + ": " + c.code
	}
	return name + "{" + strings.Join(parts, ", ") + "}"
}

func (r cells) mapCode() string {
	parts := make([]string, len(r))
	for i, c := range r {
		parts[i] = fmt.Sprintf("%q: %s", c.name, c.code)
	}
	return "map[string]any{" + strings.Join(parts, ", ") + "}"
}

func (r cells) toMap() map[string]any {
	m := make(map[string]any, len(r))
	for _, c := range r {
		m[c.name] = c.v
	}
	return m
}
