package redact_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/values"
)

var config = redact.Config{HashKey: []byte("0123456789abcdef")}

func planFor(t testing.TB, model any) *redact.Plan {
	t.Helper()
	p, err := planOf(model, config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func planOf(model any, c redact.Config) (*redact.Plan, error) {
	s, err := schema.Parse(model, &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		return nil, err
	}
	return redact.ForSchema(s, c)
}

func doc(t testing.TB, s string) any {
	t.Helper()
	return values.Normalise("sqlite", values.Column{DBType: "JSON"}, s)
}

func text(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type contact struct {
	Phone string `audit:"mask=4"`
	Email string
	PIN   string
}

type account struct {
	ID              uint
	Name            string
	Hidden          string  `audit:"-"`
	Masked          string  `audit:"mask"`
	Number          int64   `audit:"mask=2"`
	Hashed          string  `audit:"hash"`
	Other           string  `audit:"hash"`
	Home            contact `gorm:"embedded;embeddedPrefix:home_"`
	Work            contact `gorm:"embedded;embeddedPrefix:work_" audit:"mask"`
	Password        string
	ResetToken      *string
	PublicToken     string `audit:"show"`
	PasswordChanged time.Time
	PinEnabled      bool
	HasSecret       bool
	Shipping        string
}

func TestColumn(t *testing.T) {
	p := planFor(t, &account{})
	changed := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for _, c := range []struct {
		column    string
		in, want  any
		sensitive bool
	}{
		{"name", "Ada", "Ada", false},
		{"shipping", "fast", "fast", false},
		{"masked", "x", "***", true},
		{"masked", "", "***", true},
		{"masked", nil, nil, true},
		{"masked", int64(7), "***", true},
		{"masked", map[string]any{"a": "x"}, "***", true},
		{"MASKED", "x", "***", true},
		{"number", int64(123456), "***56", true},
		{"number", int64(12345), "***", true},
		{"number", 123456.5, "***", true},
		{"number", []byte("123456"), "***", true},
		{"number", []any{"1"}, "***", true},
		{"number", "ÄÖÜäöü", "***öü", true},
		{"number", "123456\xff", "***", true},
		{"home_phone", "+4798765432", "***5432", true},
		{"home_phone", "123456789", "***", true},
		{"home_phone", "1234567890", "***7890", true},
		{"home_email", "a@b", "a@b", false},
		{"home_pin", "1234", "***", true},
		{"work_phone", "+4798765432", "***", true},
		{"work_email", "a@b", "***", true},
		{"password", "x", "***", true},
		{"password", int64(1), "***", true},
		{"reset_token", "x", "***", true},
		{"reset_token", nil, nil, true},
		{"public_token", "x", "x", false},
		{"password_changed", changed, changed, false},
		{"pin_enabled", true, true, false},
		{"has_secret", true, true, true},
		{"has_secret", "hunter2", "***", true},
		{"added_by_a_migration", "x", "x", false},
		{"added_api_key", "x", "***", true},
	} {
		if got := p.Column("accounts", c.column, c.in); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %#v is shown as %#v, want %#v", c.column, c.in, got, c.want)
		}
		if got := p.Sensitive(c.column); got != c.sensitive {
			t.Errorf("%s: Sensitive = %v", c.column, got)
		}
		if p.Ignored(c.column) {
			t.Errorf("%s is ignored", c.column)
		}
	}
	if !p.Ignored("hidden") || !p.Ignored("HIDDEN") {
		t.Error("hidden is not ignored")
	}
	if got := p.Column("accounts", "hidden", "x"); got != "***" {
		t.Errorf("hidden shown as %v", got)
	}
}

func TestHash(t *testing.T) {
	p := planFor(t, &account{})
	first, ok := p.Column("accounts", "hashed", "a").(string)
	if want := "hmac-sha256:" + config.KeyID() + ":"; !ok || !strings.HasPrefix(first, want) || len(first) != len(want)+64 {
		t.Fatalf("hash %q", first)
	}
	if len(config.KeyID()) != 8 {
		t.Errorf("key id %q", config.KeyID())
	}
	if again := p.Column("accounts", "hashed", "a"); again != first {
		t.Errorf("hashed twice: %v, %v", first, again)
	}
	seen := map[any]string{first: "the first"}
	other, err := planOf(&account{}, redact.Config{HashKey: []byte("fedcba9876543210")})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]any{
		"value":          p.Column("accounts", "hashed", "b"),
		"empty":          p.Column("accounts", "hashed", ""),
		"column":         p.Column("accounts", "other", "a"),
		"table":          p.Column("account", "hashed", "a"),
		"shifted":        p.Column("accountsh", "ashed", "a"),
		"key":            other.Column("accounts", "hashed", "a"),
		"shifted inside": p.Column("accounts", "hashed", "ahashed"),
	} {
		if twin, ok := seen[got]; ok && got != "a" {
			t.Errorf("%s hashes like %s", name, twin)
		}
		seen[got] = name
	}
	if got := p.Column("accounts", "hashed", nil); got != nil {
		t.Errorf("nil hashes to %v", got)
	}
	if got := p.Column("accounts", "hashed", true); got != "***" {
		t.Errorf("a boolean hashes to %v", got)
	}
}

func TestTagErrors(t *testing.T) {
	type inner struct {
		Deep string `json:"deep" audit:"maks"`
	}
	for _, c := range []struct {
		name  string
		model any
		want  error
		field string
	}{
		{"unknown", &struct {
			A string `audit:"masked"`
		}{}, redact.ErrUnknownTag, "A"},
		{"mask=0", &struct {
			A string `audit:"mask=0"`
		}{}, redact.ErrUnknownTag, "A"},
		{"in JSON", &struct {
			Doc []inner `gorm:"serializer:json"`
		}{}, redact.ErrUnknownTag, "Deep"},
		{"on an embedding", &struct {
			Home contact `gorm:"embedded" audit:"hsah"`
		}{}, redact.ErrUnknownTag, "Home"},
		{"hash of bool", &struct {
			A *bool `audit:"hash"`
		}{}, redact.ErrHashBool, "A"},
		{"hash of NullBool", &struct {
			A sql.NullBool `audit:"hash"`
		}{}, redact.ErrHashBool, "A"},
		{"hash of bool in JSON", &struct {
			Doc struct {
				A bool `audit:"hash"`
			} `gorm:"serializer:json"`
		}{}, redact.ErrHashBool, "A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := planOf(c.model, config)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if !strings.Contains(err.Error(), c.field) || !strings.HasPrefix(err.Error(), "auditplugin: ") {
				t.Errorf("error %q does not name %s", err, c.field)
			}
		})
	}
	_, err := planOf(&account{}, redact.Config{})
	if !errors.Is(err, redact.ErrHashKey) || !strings.Contains(err.Error(), "account") || !strings.Contains(err.Error(), "Hashed") {
		t.Errorf("without a key: %v", err)
	}
}

func TestSecretName(t *testing.T) {
	for _, name := range []string{
		"password", "Password", "user_password", "passwordHash", "encrypted_password", "userpassword", "passwd", "pwd",
		"passphrase", "secret", "client_secret", "clientSecret", "clientsecret", "token", "accessToken", "access_tokens",
		"accesstoken", "JWT", "pin", "PIN", "pinCode", "mfaPIN", "cvv", "CVV2", "cvc", "private_key", "privateKey",
		"PrivateKeys", "api_key", "APIKey", "apikey", "X-Api-Key", "credentials", "ssn", "otp", "recovery_codes",
		"secret_id", "signing key", "card_number",
	} {
		if !redact.SecretName(name) {
			t.Errorf("%s is not a secret", name)
		}
	}
	for _, name := range []string{
		"", "_", "id", "name", "shipping", "pinned", "spin", "opinion", "secretary", "passenger", "compass", "tokenizer",
		"token_count", "tokenType", "token_id", "password_changed_at", "passwordExpiresAt", "api_key_id", "credential_id",
		"public_key", "key", "keyboard", "bypass", "description", "monkey", "cardinal",
	} {
		if redact.SecretName(name) {
			t.Errorf("%s is a secret", name)
		}
	}
}

func TestForType(t *testing.T) {
	type event struct {
		Name  string `json:"name"`
		Phone string `json:"phone_number" db:"phone_col" audit:"mask"`
		Left  string `json:"-" db:"left_col" audit:"mask"`
		Drop  string `audit:"-"`
		PIN   string
		mixin
	}
	p, err := redact.ForType(reflect.TypeFor[*event](), config)
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]any{
		"name": "x", "phone_number": "***", "Phone": "***", "phone_col": "***", "left_col": "***", "PIN": "***", "mixed": "***", "other": "x",
	} {
		if got := p.Column("t", column, "x"); got != want {
			t.Errorf("%s shown as %v", column, got)
		}
	}
	if !p.Ignored("Drop") {
		t.Error("Drop is not ignored")
	}
	type bad struct {
		A string `audit:"x"`
	}
	if _, err := redact.ForType(reflect.TypeFor[bad](), config); !errors.Is(err, redact.ErrUnknownTag) {
		t.Errorf("error %v", err)
	}
	if p, err := redact.ForType(reflect.TypeFor[map[string]any](), config); err != nil || p.Column("t", "password", "x") != "***" {
		t.Errorf("map: %v", err)
	}
}

func TestForNames(t *testing.T) {
	p := redact.ForNames("", config)
	if got := p.Column("t", "api_key", "x"); got != "***" {
		t.Errorf("api_key shown as %v", got)
	}
	if got := text(t, p.Column("t", "data", doc(t, `{"pin":"1","a":1}`))); got != `{"a":1,"pin":"***"}` {
		t.Errorf("data shown as %s", got)
	}
	if p.Ignored("x") || p.Sensitive("x") {
		t.Error("x is ignored or sensitive")
	}
}

// selfish hands itself out, which must not send the plan into a loop.
type selfish struct{ inner string }

func (s selfish) Data() selfish { return selfish{s.inner} }

type box[T any] struct{ data T }

func (b box[T]) Data() T { return b.data }

func TestWrappers(t *testing.T) {
	type outer struct {
		Loop selfish   `json:"loop"`
		Box  box[node] `json:"box"`
	}
	p, err := redact.ForType(reflect.TypeFor[outer](), config)
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, p.Column("t", "box", doc(t, `{"phone":"1234567890"}`))); got != `{"phone":"***7890"}` {
		t.Errorf("box shown as %s", got)
	}
}
