package leaks

import (
	"database/sql"

	"gorm.io/datatypes"
	"gorm.io/gorm"
)

// vault has a field of every kind that can hold a secret.
type vault struct {
	Tenant    string `gorm:"primaryKey;size:64" audit:"mask"`
	Code      string `gorm:"primaryKey;size:64" audit:"hash"`
	Label     string `gorm:"size:100"` // holds nothing secret: the positive control
	Shown     []byte // likewise, in the spelling of binary values
	Gone      string `audit:"-"`
	Masked    string `audit:"mask"`
	Tail      string `audit:"mask=4"`
	Hashed    string `audit:"hash"`
	Password  string
	APIKey    *string
	SSN       sql.NullString `audit:"mask"`
	Number    int64          `audit:"mask"`
	CardPin   int64
	Bytes     []byte         `audit:"mask"`
	RawJSON   datatypes.JSON `audit:"mask"`
	Defaulted string         `gorm:"size:64;default:bbbbbbdefaultsecret00000" audit:"mask"`
	Unique    string         `gorm:"size:64;uniqueIndex" audit:"mask"`
	Checked   string         `gorm:"size:64;check:checked_not_x,checked NOT LIKE '%x-refused'" audit:"mask"`
	Inner     inner          `gorm:"embedded;embeddedPrefix:inner_"`
	Document  inner          `gorm:"serializer:json"`
	Pointer   *inner         `gorm:"serializer:json"`
	Sealed    inner          `gorm:"serializer:json" audit:"mask"`
	Dropped   inner          `gorm:"serializer:json" audit:"-"`
	Free      map[string]any `gorm:"serializer:json"`
	List      []string       `gorm:"serializer:json" audit:"mask"`
	Items     []item         `gorm:"foreignKey:VaultTenant,VaultCode;references:Tenant,Code;constraint:OnDelete:CASCADE,OnUpdate:CASCADE"`
}

type inner struct {
	Label  string
	Masked string           `audit:"mask" json:"masked"`
	Gone   string           `audit:"-" json:"gone"`
	Hashed string           `audit:"hash" json:"hashed"`
	Tail   string           `audit:"mask=4" json:"tail"`
	Token  string           `json:"api_token"`
	Deeper []inner          `gorm:"-" json:"deeper,omitempty"`
	ByName map[string]inner `gorm:"-" json:"by_name,omitempty"`
}

// item goes with its vault.
type item struct {
	ID          uint
	VaultTenant string `gorm:"size:64" audit:"mask"`
	VaultCode   string `gorm:"size:64" audit:"mask"`
	Secret      string
}

// ticket is deleted softly.
type ticket struct {
	ID        uint
	Token     string
	DeletedAt gorm.DeletedAt
}

var models = []any{&vault{}, &item{}, &ticket{}}

func (s *secrets) inner(name string, depth int) inner {
	in := inner{
		Label: "label", Masked: s.next(name + ".masked"), Gone: s.next(name + ".gone"), Hashed: s.next(name + ".hashed"),
		Tail: s.next(name+".tail") + "tail", Token: s.special(name + ".token"),
	}
	if depth > 0 {
		in.Deeper = []inner{s.inner(name+".deeper", depth-1)}
		in.ByName = map[string]inner{"one": s.inner(name+".by_name", 0)}
	}
	return in
}

// vault makes a row, the names of whose secrets begin with name.
func (s *secrets) vault(name string) *vault {
	key := s.next(name + " api_key")
	pointer := s.inner(name+" pointer", 0)
	return &vault{
		Tenant: s.next(name + " tenant"), Code: s.next(name + " code"), Label: "label",
		Gone: s.next(name + " gone"), Masked: s.special(name + " masked"), Tail: s.next(name+" tail") + "tail",
		Hashed: s.next(name + " hashed"), Password: s.long(name + " password"), APIKey: &key,
		SSN: sql.NullString{String: s.next(name + " ssn"), Valid: true}, Number: s.number(name + " number"), CardPin: s.number(name + " pin"),
		Bytes: []byte(s.next(name + " bytes")), RawJSON: datatypes.JSON(`{"a":["` + s.next(name+" raw_json") + `"]}`),
		Unique: s.next(name + " unique"), Checked: s.next(name + " checked"),
		Inner: s.inner(name+" inner", 0), Document: s.inner(name+" document", 2), Pointer: &pointer,
		Sealed: s.inner(name+" sealed", 1), Dropped: s.inner(name+" dropped", 1),
		Free: map[string]any{
			"label": "x", "client_secret": s.next(name + " free"), "list": []any{map[string]any{"pin": s.number(name + " free pin")}},
			"password": map[string]any{"old": s.next(name + " free password")},
		},
		List:  []string{s.next(name + " list")},
		Items: []item{{Secret: s.next(name + " item")}},
	}
}
