package history_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// person has a column of each kind that From and To compare.
type person struct {
	ID       uint
	Name     string `gorm:"size:191"`
	Age      int64
	Wide     uint64
	Score    float64
	Price    string `gorm:"type:decimal(12,4)"`
	Active   bool
	Photo    []byte
	Nickname *string        `gorm:"size:191"`
	Address  address        `gorm:"serializer:json;type:json"`
	Extra    map[string]any `gorm:"serializer:json;type:json"`
	Email    string         `gorm:"size:191" audit:"hash"`
	IBAN     string         `gorm:"size:191" audit:"mask=4"`
	Password string         `gorm:"size:191"`
	Tags     []language     `gorm:"many2many:person_languages"`
	Odd      string         `gorm:"column:odd name;size:191"`
}

type address struct {
	City   string   `json:"city"`
	Lines  []string `json:"lines"`
	Second *address `json:"second,omitempty"`
}

type language struct {
	ID   uint
	Code string `gorm:"size:191"`
}

// placed has a composite key, the parts of which the database may order otherwise.
type placed struct {
	Region string `gorm:"primaryKey;size:64"`
	Number int    `gorm:"primaryKey;autoIncrement:false"`
	Note   string `gorm:"size:191"`
}

// sealed has a key that nobody may see, hashedKey one that can be compared.
type sealed struct {
	Secret string `gorm:"primaryKey;size:64" audit:"mask"`
	Note   string `gorm:"size:191"`
}

type hashedKey struct {
	Email string `gorm:"primaryKey;size:64" audit:"hash"`
	Note  string `gorm:"size:191"`
}

var hashKey = []byte("sixteen bytes at least")

// scene is a database with the tables of this file.
type scene struct {
	*testing.T
	*testdb.DB
	ctx context.Context
}

func open(t *testing.T, g testdb.Target, options ...testdb.Option) scene {
	t.Helper()
	db := g.Open(t, append(options, testdb.WithPlugin(auditplugin.WithHashKey(hashKey)))...)
	s := scene{t, db, t.Context()}
	s.ok(db.AutoMigrate(&person{}, &language{}, &placed{}, &sealed{}, &hashedKey{}))
	return s
}

func (s scene) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// write runs f, the writes of which s expects to succeed.
func (s scene) write(ctx context.Context, f func(db *gorm.DB) *gorm.DB) {
	s.Helper()
	s.ok(f(s.DB.DB.WithContext(ctx)).Error)
}

// matches checks which records a question finds, by the messages they carry.
func (s scene) matches(name string, q history.Query, want ...string) {
	s.Helper()
	records, err := q.Find(s.ctx)
	if err != nil {
		s.Errorf("%s: %v", name, err)
		return
	}
	if got := messages(records); !slices.Equal(got, want) {
		s.Errorf("%s: found %q, want %q", name, got, want)
	}
	n, err := q.Count(s.ctx)
	if err != nil || n != int64(len(want)) {
		s.Errorf("%s: counted %d, %v; want %d", name, n, err, len(want))
	}
}

func messages(records []audit.Record) []string {
	var got []string
	for _, r := range records {
		got = append(got, r.Message)
	}
	return got
}

func said(ctx context.Context, message string) context.Context {
	return audit.WithMessage(ctx, message)
}

func pointer[T any](v T) *T { return &v }

// numbered writes n updates of one row, with the messages m1 to mn.
func (s scene) numbered(n int) placed {
	s.Helper()
	row := placed{Region: "north", Number: 7}
	s.write(said(s.ctx, "m0"), func(db *gorm.DB) *gorm.DB { return db.Create(&row) })
	for i := 1; i <= n; i++ {
		s.write(said(s.ctx, fmt.Sprint("m", i)), func(db *gorm.DB) *gorm.DB {
			return db.Model(&row).Update("note", strings.Repeat("x", i))
		})
	}
	return row
}
