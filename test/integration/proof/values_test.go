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

func plain(v any) value { return value{v, literal(v)} }

// literal writes a value with its type, so that it is the same in a map.
func literal(v any) string {
	switch v.(type) {
	case uint, float64:
		return fmt.Sprintf("%T(%v)", v, v)
	}
	return fmt.Sprintf("%#v", v)
}

func ptr[T any](v T) *T { return &v }

func at(text string) *time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return &t
}

func among(values ...any) gen {
	all := make([]value, len(values))
	for i, v := range values {
		all[i] = plain(v)
	}
	return rapid.SampledFrom(all)
}

func pointers[T any](values ...T) gen {
	all := []value{{(*T)(nil), fmt.Sprintf("(%T)(nil)", (*T)(nil))}}
	for _, v := range values {
		all = append(all, value{ptr(v), "ptr(" + literal(v) + ")"})
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
	all := []value{{(*time.Time)(nil), "(*time.Time)(nil)"}}
	for _, text := range []string{"2024-01-02T03:04:05Z", "2031-12-31T23:59:59.123+02:00"} {
		all = append(all, value{at(text), fmt.Sprintf("at(%q)", text)})
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
		{gorm.DeletedAt{Time: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Valid: true}, `gorm.DeletedAt{Time: *at("2020-01-01T00:00:00Z"), Valid: true}`},
	})
}

// cell is one column of a row with its value.
type cell struct {
	*column
	value
}

type cells []cell

func (r cells) structCode(name string) string {
	var parts []string
	inner := map[string]int{} // embedded struct ► its part
	for _, c := range r {
		outer, field, embedded := strings.Cut(c.field, ".")
		if !embedded {
			parts = append(parts, c.field+": "+c.code)
			continue
		}
		at, ok := inner[outer]
		if !ok {
			at = len(parts)
			inner[outer] = at
			parts = append(parts, outer+": "+outer+"{}")
		}
		body := strings.TrimSuffix(parts[at], "}")
		if !strings.HasSuffix(body, "{") {
			body += ", "
		}
		parts[at] = body + field + ": " + c.code + "}"
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
