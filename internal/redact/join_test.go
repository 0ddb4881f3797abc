package redact_test

import (
	"testing"

	"github.com/gorm-audit/auditplugin/internal/redact"
)

type joinInner struct {
	City  string
	Diary string `audit:"-"`
	Phone string `audit:"mask=2"`
	Token string
	Next  []joinInner
}

type joinFull struct {
	ID    uint
	Name  string
	IBAN  string `audit:"mask"`
	Phone string `audit:"mask=4"`
	Token string `audit:"show"`
	Gone  string `audit:"-"`
	Hash  string
	Doc   joinInner            `gorm:"serializer:json"`
	List  []joinInner          `gorm:"serializer:json"`
	Map   map[string]joinInner `gorm:"serializer:json"`
	Free  joinInner            `gorm:"serializer:json"`
	Shape []string             `gorm:"serializer:json"`
	Quiet []string             `gorm:"serializer:json"`
}

type joinSlim struct {
	ID    uint
	Name  string
	IBAN  string `audit:"show"`
	Phone string `audit:"mask=2"`
	Token string
	Gone  string
	Hash  string `audit:"hash"`
	Doc   struct {
		City  string
		Diary string
		Phone string `audit:"show"`
		Token string `audit:"show"`
	} `gorm:"serializer:json"`
	List  string
	Map   struct{ Home struct{ City string } } `gorm:"serializer:json"`
	Free  map[string]any                       `gorm:"serializer:json" audit:"show"`
	Shape joinInner                            `gorm:"serializer:json"`
	Quiet struct{ A string }                   `gorm:"serializer:json"`
}

func TestJoin(t *testing.T) {
	full, slim := planFor(t, &joinFull{}), planFor(t, &joinSlim{})
	inner := `{"City":"Rome","Diary":"dear","Phone":"0123456789","Token":"t0k","Next":[{"City":"Oslo","Diary":"dear","Phone":"0123456789"}]}`
	within := `"City":"Rome","Next":[{"City":"Oslo","Phone":"***89"}],"Phone":"***89"`
	for order, p := range map[string]*redact.Plan{"full first": redact.Join(full, slim), "slim first": redact.Join(slim, full), "again": redact.Join(full, slim, full, slim)} {
		for _, c := range []struct {
			column string
			value  any
			want   string
		}{
			{"name", "Ada", `"Ada"`},
			{"iban", "DE89", `"***"`},
			{"IBAN", "DE89", `"***"`},
			{"phone", "0123456789", `"***89"`},
			{"token", "t0k", `"t0k"`}, // a tag says more than a name
			{"password", "x", `"***"`},
			{"doc", doc(t, inner), `{` + within + `,"Token":"t0k"}`},
			{"list", doc(t, `[`+inner+`]`), `[{` + within + `,"Token":"***"}]`},
			{"list", "no document", `"***"`},
			{"map", doc(t, `{"Home":`+inner+`,"Work":`+inner+`}`), `{"Home":{` + within + `,"Token":"***"},"Work":{` + within + `,"Token":"***"}}`},
			{"free", doc(t, inner), `{` + within + `,"Token":"t0k"}`}, // shown as a whole, but for what is tagged
			{"shape", doc(t, inner), `"***"`},
			{"shape", doc(t, `["a"]`), `"***"`},
			{"quiet", doc(t, `["a"]`), `["a"]`},
		} {
			if got := text(t, p.Column("members", c.column, c.value)); got != c.want {
				t.Errorf("%s: %s is %s, want %s", order, c.column, got, c.want)
			}
		}
		if !p.Ignored("gone") || p.Ignored("name") || p.Open("doc") || p.Open("iban") || !p.Open("name") || !p.Sensitive("hash") {
			t.Errorf("%s: gone, name, doc, iban, hash are not what they are", order)
		}
		if !p.Drops("doc") || !p.Drops("list") || !p.Drops("map") || p.Drops("name") {
			t.Errorf("%s: what documents lack is not told", order)
		}
		if got := text(t, p.Path("members", "shape", []string{"City"}, "Rome")); got != `"***"` {
			t.Errorf("%s: a path into what is disputed shows %s", order, got)
		}
	}
	// The plans that were joined are what they were.
	if full.Sensitive("hash") || !slim.Open("gone") {
		t.Error("joining changed a plan")
	}
}
