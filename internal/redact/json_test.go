package redact_test

import (
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/diffpath"
)

type node struct {
	Label    string           `json:"label"`
	Phone    string           `json:"phone" audit:"mask=4"`
	Gone     string           `json:"gone" audit:"-"`
	Hashed   string           `json:"hashed" audit:"hash"`
	Token    string           `json:"token"`
	Shown    string           `json:"api_key" audit:"show"`
	Children []*node          `json:"children"`
	ByName   map[string]*node `json:"by_name"`
	Any      any              `json:"any"`
	mixin
}

type mixin struct {
	Mixed string `json:"mixed" audit:"mask"`
}

type holder struct {
	ID      uint
	Tree    node           `gorm:"serializer:json"`
	List    []node         `gorm:"serializer:json"`
	Untyped map[string]any `gorm:"serializer:json"`
	Open    map[string]any `gorm:"serializer:json" audit:"show"`
	Opaque  node           `gorm:"serializer:gob"`
}

func TestJSON(t *testing.T) {
	p := planFor(t, &holder{})
	hash := func(column string, path ...string) string {
		s, ok := p.Path("holders", column, path, "h").(string)
		if !ok || !strings.HasPrefix(s, "hmac-sha256:") {
			t.Fatalf("%v at %v", s, path)
		}
		return s
	}
	for _, c := range []struct{ name, column, in, want string }{
		{"plain", "tree", `{"label":"x"}`, `{"label":"x"}`},
		{"tags", "tree", `{"phone":"1234567890","gone":"x","token":"x","api_key":"x","mixed":"x"}`, `{"api_key":"x","mixed":"***","phone":"***7890","token":"***"}`},
		{"case", "tree", `{"PHONE":"1234567890","Gone":"x","tOKEN":"x","LABEL":"x"}`, `{"LABEL":"x","PHONE":"***7890","tOKEN":"***"}`},
		{"Kelvin sign", "tree", "{\"to\u212aen\":\"x\"}", "{\"to\u212aen\":\"***\"}"},
		{"recursive", "tree", `{"children":[{"children":[{"phone":"1234567890","gone":1}]}]}`, `{"children":[{"children":[{"phone":"***7890"}]}]}`},
		{"map of structs", "tree", `{"by_name":{"a":{"phone":"1","label":"x"},"secret":{"label":"x"}}}`, `{"by_name":{"a":{"label":"x","phone":"***"},"secret":"***"}}`},
		{"untyped inside", "tree", `{"any":[{"password":"x","deep":{"pin":1234,"ok":1}}]}`, `{"any":[{"deep":{"ok":1,"pin":"***"},"password":"***"}]}`},
		{"unknown key", "tree", `{"old_password":"x","old":"x"}`, `{"old":"x","old_password":"***"}`},
		{"null stays", "tree", `{"phone":null,"token":null}`, `{"phone":null,"token":null}`},
		{"tagged of other type", "tree", `{"phone":{"number":"1234567890"},"mixed":[1]}`, `{"mixed":"***","phone":"***"}`},
		{"not the struct", "tree", `["1234567890"]`, `"***"`},
		{"text", "tree", `{"phone":`, `"***"`},
		{"list", "list", `[{"phone":"1234567890"},{"label":"x"}]`, `[{"phone":"***7890"},{"label":"x"}]`},
		{"not the list", "list", `{"phone":"1234567890"}`, `"***"`},
		{"element not the struct", "list", `[["1234567890"]]`, `["***"]`},
		{"untyped", "untyped", `{"a":{"client_secret":"x","has_password":true},"b":[{"token":"x"}]}`, `{"a":{"client_secret":"***","has_password":true},"b":[{"token":"***"}]}`},
		{"shown", "open", `{"password":"x"}`, `{"password":"x"}`},
		{"hash", "tree", `{"hashed":"h","children":[{"hashed":"h"}]}`, `{"children":[{"hashed":"` + hash("tree", "children", "0", "hashed") + `"}],"hashed":"` + hash("tree", "hashed") + `"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := doc(t, c.in)
			before := text(t, in)
			if got := text(t, p.Column("holders", c.column, in)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if after := text(t, in); after != before {
				t.Errorf("the value was changed to %s", after)
			}
		})
	}
	if got := p.Column("holders", "opaque", []byte("gob with a token inside")); got != "***" {
		t.Errorf("gob shown as %v", got)
	}
	if hash("tree", "hashed") == hash("tree", "children", "0", "hashed") {
		t.Error("two places hash alike")
	}
}

func TestPath(t *testing.T) {
	p := planFor(t, &holder{})
	for _, c := range []struct {
		column, path string
		want         any
	}{
		{"tree", "label", "value-1234"},
		{"tree", "phone", "***1234"},
		{"tree", "phone.number", "***"},
		{"tree", "children.3.phone", "***1234"},
		{"tree", "children.3.label", "value-1234"},
		{"tree", "children.first.label", "***"},
		{"tree", "0.label", "***"},
		{"tree", "by_name.a.mixed", "***"},
		{"tree", "by_name.secret.label", "***"},
		{"tree", "any.0.password", "***"},
		{"tree", "any.0.name", "value-1234"},
		{"tree", "gone", "***"},
		{"list", "0.phone", "***1234"},
		{"untyped", "a.api_key.b", "***"},
		{"open", "a.api_key.b", "value-1234"},
		{"password", "a", "***"},
	} {
		if got := p.Path("holders", c.column, diffpath.Split(c.path), "value-1234"); got != c.want {
			t.Errorf("%s.%s shows %v, want %v", c.column, c.path, got, c.want)
		}
	}
}

func TestChanges(t *testing.T) {
	p := planFor(t, &holder{})
	for _, c := range []struct{ name, column, before, after, want string }{
		{"plain", "tree", `{"label":"a"}`, `{"label":"b"}`, `[label:"a">"b"]`},
		{"masked counts", "tree", `{"mixed":"a"}`, `{"mixed":"b"}`, `[mixed:"***">"***"]`},
		{"masked same", "tree", `{"mixed":"a","label":"a"}`, `{"mixed":"a","label":"b"}`, `[label:"a">"b"]`},
		{"inside of a masked value", "tree", `{"mixed":{"a":1,"b":1}}`, `{"mixed":{"a":2,"b":2}}`, `[mixed:"***">"***"]`},
		{"masked from null", "tree", `{"mixed":null}`, `{"mixed":"b"}`, `[mixed:null>"***"]`},
		{"masked appears", "tree", `{}`, `{"mixed":"b"}`, `[mixed:null>"***"]`},
		{"removed key", "tree", `{"gone":"a"}`, `{"gone":"b"}`, `[]`},
		{"object appears", "tree", `{}`, `{"any":{"password":"x","name":"y"}}`, `[any:null>{"name":"y","password":"***"}]`},
		{"not the struct", "tree", `["1","2"]`, `["1","3"]`, `[:"***">"***"]`},
		{"secret name", "untyped", `{"secrets":{"aws":"a"}}`, `{"secrets":{"gcp":"a"}}`, `[secrets:"***">"***"]`},
		{"number notation", "tree", `{"mixed":1.0}`, `{"mixed":1}`, `[]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes, err := p.Changes("holders", c.column, doc(t, c.before), doc(t, c.after))
			if err != nil {
				t.Fatal(err)
			}
			var parts []string
			for _, ch := range changes {
				parts = append(parts, diffpath.Join(ch.Path)+":"+text(t, ch.From)+">"+text(t, ch.To))
			}
			if got := "[" + strings.Join(parts, " ") + "]"; got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
