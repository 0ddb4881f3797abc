package history_test

import (
	"errors"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// Of what was changed, only some columns are set back; what else has become of the row
// is no obstacle.
func TestRevertColumns(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := scene{t, g.Open(t, migrated(&clerk{})), t.Context()}
		v := clerk{ID: 1, Owner: "ada", Street: "Elm", Code: "hidden-1"}
		s.do("create", func(db *gorm.DB) error { return db.Create(&v).Error })
		created, err := history.Search(s.DB.DB).Newest().First(s.ctx)
		s.ok(err)
		s.do("all", func(db *gorm.DB) error {
			return db.Model(&v).Updates(clerk{Owner: "eve", Street: "Oak", Code: "hidden-2"}).Error
		})
		all, err := history.Search(s.DB.DB).Newest().First(s.ctx)
		s.ok(err)
		s.do("street again", func(db *gorm.DB) error { return db.Model(&v).Update("street", "Fir").Error })
		is := func(owner, street, code string) {
			t.Helper()
			var got clerk
			s.ok(s.DB.DB.First(&got, 1).Error)
			if got.Owner != owner || got.Street != street || got.Code != code {
				t.Errorf("got %+v, want %s %s %s", got, owner, street, code)
			}
		}
		if _, err := history.Revert(s.ctx, s.DB.DB, all); !errors.Is(err, history.ErrConflict) {
			t.Errorf("all columns: %v", err)
		}
		if _, err := history.Revert(s.ctx, s.DB.DB, all, history.Columns("street")); !errors.Is(err, history.ErrConflict) {
			t.Errorf("a column that was changed again: %v", err)
		}
		if _, err := history.Revert(s.ctx, s.DB.DB, all, history.Columns("code")); !errors.Is(err, history.ErrRedacted) {
			t.Errorf("a secret: %v", err)
		}
		done, err := history.Revert(s.ctx, s.DB.DB, all, history.Columns("Owner"))
		s.ok(err)
		is("ada", "Fir", "hidden-2")
		if len(done.Steps) != 1 || len(done.Steps[0].Changes) != 1 || done.Steps[0].Changes[0].Path != "owner" {
			t.Errorf("%+v", done)
		}
		_, err = history.RevertTo(s.ctx, s.DB.DB, &v, history.After(created), history.Columns("clerks.street", "others.owner"))
		if !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("a table that has no part in it: %v", err)
		}
		_, err = history.RevertTo(s.ctx, s.DB.DB, &v, history.After(created), history.Columns("clerks.street"))
		s.ok(err)
		is("ada", "Elm", "hidden-2")
		for _, names := range [][]string{{"nothing"}, {"street", "nothing"}, {""}} {
			if _, err := history.RevertTo(s.ctx, s.DB.DB, &v, history.After(all), history.Columns(names...)); !errors.Is(err, history.ErrInvalidQuery) {
				t.Errorf("%q: %v", names, err)
			}
		}
		is("ada", "Elm", "hidden-2")
		// Rows as a whole are not a matter of columns.
		if _, err := history.Revert(s.ctx, s.DB.DB, created, history.Columns("owner"), history.Force()); err != nil {
			t.Errorf("left alone: %v", err)
		}
		is("ada", "Elm", "hidden-2")
		s.do("delete", func(db *gorm.DB) error { return db.Delete(&v).Error })
		for name, opts := range map[string][]history.Option{"not asked": {history.Columns("owner")}, "none": {history.Columns()}} {
			if _, err := history.RevertTo(s.ctx, s.DB.DB, &v, history.After(created), opts...); !errors.Is(err, history.ErrNotRevertible) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

type clerk struct {
	ID     uint
	Owner  string `gorm:"size:40"`
	Street string `gorm:"size:40"`
	Code   string `gorm:"size:40" audit:"mask"`
}
