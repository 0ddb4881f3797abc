package plugin_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
)

// store is a repository layer: every write goes through it.
type store struct{ db *gorm.DB }

func (s *store) save(u *user) error { return s.db.Create(u).Error }

const here = "github.com/gorm-audit/auditplugin/test/plugin_test"

func TestSourceSkip(t *testing.T) {
	for name, c := range map[string]struct {
		skip     []string
		function string
	}{
		"the layer's type":     {[]string{here + ".(*store)"}, here + ".TestSourceSkip.func1"},
		"nothing":              {nil, here + ".(*store).save"},
		"another of that name": {[]string{here + ".(*sto", "plugin_test"}, here + ".(*store).save"},
		"who else called":      {[]string{here}, "testing.tRunner"},
		"all":                  {[]string{here, "testing"}, here + ".(*store).save"},
	} {
		t.Run(name, func(t *testing.T) {
			db, _, memory := audited(t, auditplugin.WithSourceSkip(c.skip...))
			if err := (&store{db}).save(&user{Name: "Ada"}); err != nil {
				t.Fatal(err)
			}
			if got := memory.Records()[0].Source; got.Function != c.function {
				t.Errorf("%+v, want %s", got, c.function)
			}
		})
	}
	db := openDB(t)
	for _, wrong := range []string{"", "a/", ".a", " a"} {
		if err := db.Use(auditplugin.New(auditplugin.WithSourceSkip(wrong))); !errors.Is(err, auditplugin.ErrInvalidOption) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
