package proof

import (
	"database/sql/driver"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"gorm.io/datatypes"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

type Item struct {
	Hooks     `gorm:"-" json:"-"`
	ID        uint
	Name      string // LONGTEXT on MySQL and MariaDB
	Qty       int
	Price     float64
	Active    bool
	Note      *string `gorm:"size:40"`
	Bin       []byte
	CreatedAt time.Time `gorm:"<-:create"` // Save would send MySQL a zero date
	UpdatedAt time.Time
}

type Soft struct {
	Hooks     `gorm:"-" json:"-"`
	ID        uint
	Code      string `gorm:"size:20;uniqueIndex"`
	Name      string `gorm:"size:40"`
	DeletedAt gorm.DeletedAt
}

type Pair struct {
	A   string `gorm:"primaryKey;size:20"`
	B   int    `gorm:"primaryKey;autoIncrement:false"`
	Val string `gorm:"size:40"`
}

type Label struct {
	Hooks `gorm:"-" json:"-"`
	Name  string `gorm:"primaryKey;size:40"`
	Text  string `gorm:"size:40"`
	Place *int   `gorm:"uniqueIndex"`
}

type Thing struct {
	ID    uuid.UUID `gorm:"primaryKey;type:char(36)"`
	Title string    `gorm:"size:40"`
}

type Meta struct {
	City string `gorm:"size:40"`
	Zip  int
}

// Payload is a JSON column whose nil is NULL, not the JSON null.
type Payload map[string]any

// Value implements driver.Valuer.
func (p Payload) Value() (driver.Value, error) {
	if p == nil {
		return nil, nil
	}
	text, err := json.Marshal(p)
	return string(text), err
}

// Scan implements sql.Scanner.
func (p *Payload) Scan(v any) error {
	*p = nil
	switch v := v.(type) {
	case string:
		return json.Unmarshal([]byte(v), p)
	case []byte:
		return json.Unmarshal(v, p)
	}
	return nil
}

// GormDBDataType implements the interface that GORM's migrator asks.
func (Payload) GormDBDataType(db *gorm.DB, f *schema.Field) string {
	return datatypes.JSONMap{}.GormDBDataType(db, f)
}

type Doc struct {
	Hooks `gorm:"-" json:"-"`
	ID    uint
	Data  Payload
	Tags  []string `gorm:"serializer:json;type:text"`
	Meta  Meta     `gorm:"embedded;embeddedPrefix:meta_"`
	Due   *time.Time
}

type Company struct {
	Hooks  `gorm:"-" json:"-"`
	ID     uint
	Name   string  `gorm:"size:40"`
	Staffs []Staff `gorm:"constraint:OnDelete:CASCADE"`
	Memos  []Memo  `gorm:"polymorphic:Owner"`
}

type Staff struct {
	Hooks     `gorm:"-" json:"-"`
	ID        uint
	CompanyID *uint
	Company   *Company
	Name      string  `gorm:"size:40"`
	Skills    []Skill `gorm:"many2many:staff_skills"`
	Memos     []Memo  `gorm:"polymorphic:Owner"`
}

type Skill struct {
	ID   uint
	Name string `gorm:"size:40;uniqueIndex"`
}

type Memo struct {
	Hooks     `gorm:"-" json:"-"`
	ID        uint
	OwnerID   uint
	OwnerType string `gorm:"size:20"`
	Text      string `gorm:"size:40"`
}

type Node struct {
	Hooks    `gorm:"-" json:"-"`
	ID       uint
	ParentID *uint
	Name     string `gorm:"size:40"`
	Children []Node `gorm:"foreignKey:ParentID;constraint:OnDelete:CASCADE"`
}

type Region struct {
	Hooks  `gorm:"-" json:"-"`
	Code   string `gorm:"primaryKey;size:20"`
	Name   string `gorm:"size:40"`
	Cities []City `gorm:"foreignKey:RegionCode;references:Code;constraint:OnUpdate:CASCADE,OnDelete:SET NULL"`
}

type City struct {
	Hooks      `gorm:"-" json:"-"`
	ID         uint
	RegionCode *string `gorm:"size:20"`
	Name       string  `gorm:"size:40"`
}

type Def struct {
	Hooks `gorm:"-" json:"-"`
	ID    uint
	Kind  string `gorm:"size:20;default:std"`
	N     int    `gorm:"default:7"`
	Flag  *bool  `gorm:"default:true"`
}

type Gen struct {
	ID   uint
	W    int
	H    int
	Area int `gorm:"->;type:int GENERATED ALWAYS AS (w * h) STORED"`
}

type Uniq struct {
	Hooks  `gorm:"-" json:"-"`
	ID     uint
	Email  string  `gorm:"size:40;uniqueIndex"`
	Handle *string `gorm:"size:40;uniqueIndex"`
	PX     int     `gorm:"uniqueIndex:xy"`
	PY     int     `gorm:"uniqueIndex:xy"`
	N      int
}

// Vault has secrets.
type Vault struct {
	ID       uint
	Mail     string  `gorm:"size:40;uniqueIndex" audit:"hash"`
	Pin      *string `gorm:"size:40" audit:"mask"`
	Card     string  `gorm:"size:40" audit:"mask=2"`
	Password string  `gorm:"size:40"`
	Note     string  `gorm:"size:40" audit:"-"`
	N        int
}

// Bag has no key at all.
type Bag struct {
	Name string `gorm:"size:40"`
	N    int
}

// Slot has no key, but a value that is unique where it is set.
type Slot struct {
	Place *int   `gorm:"uniqueIndex"`
	Text  string `gorm:"size:40"`
	N     int
}

func models() []any {
	return []any{
		&Item{}, &Soft{}, &Pair{}, &Label{}, &Thing{}, &Doc{}, &Skill{}, &Company{}, &Staff{}, &Memo{}, &Node{},
		&Region{}, &City{}, &Def{}, &Gen{}, &Uniq{}, &Vault{}, &Bag{}, &Slot{},
	}
}

// GormDataType implements the interface that GORM's schema asks.
func (Payload) GormDataType() string { return "jsonmap" }
