package plugin_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// Who called generated data access code made the change, not that code.
func TestSourcePassesOverGeneratedCode(t *testing.T) {
	const file = "test/plugin/generated_source_test.go"
	db, _, memory := audited(t)
	dao := userDao{db}
	want := line() + 1
	if err := dao.Create(&user{Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	records := memory.Records()
	if len(records) != 1 || records[0].Source.File != file || records[0].Source.Line != want {
		t.Errorf("the source is %+v, want line %d of this file", sourceOf(records), want)
	}

	// A file of the application whose name is merely like theirs is no generated one.
	if err := dao.plainCreate(&user{Name: "Bob"}); err != nil {
		t.Fatal(err)
	}
	if got := sourceOf(memory.Records()[1:]); got.Line != 90 {
		t.Errorf("the source is %+v, want line 90 of gen.go", got)
	}
}

func sourceOf(records []audit.Record) audit.Source {
	if len(records) == 0 {
		return audit.Source{}
	}
	return records[0].Source
}

type userDao struct{ db *gorm.DB }

// The compiler takes what follows for lines of these files.

//line users.gen.go:10
func (d userDao) Create(u *user) error { return d.insert(u) }

func (d userDao) insert(u *user) error { return d.db.Create(u).Error }

//line gen.go:90
func (d userDao) plainCreate(u *user) error { return d.db.Create(u).Error }
