package plugin_test

import (
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
)

// A column that somebody else drops is gone from records at once: SQLite takes a name in
// double quotes that means nothing for a text.
func TestColumnDroppedElsewhere(t *testing.T) {
	for name, opts := range map[string][]auditplugin.Option{"native": nil, "portable": {auditplugin.WithPortableImages()}} {
		for first, write := range map[string]func(t *testing.T, db *gorm.DB){
			"create": func(t *testing.T, db *gorm.DB) { must(t, db.Create(&user{Name: "new"})) },
			"update": func(t *testing.T, db *gorm.DB) { must(t, db.Model(&user{ID: 1}).Update("name", "other")) },
			"delete": func(t *testing.T, db *gorm.DB) { must(t, db.Unscoped().Delete(&user{ID: 1})) },
			"upsert": func(t *testing.T, db *gorm.DB) { must(t, db.Save(&user{ID: 1, Name: "saved"})) },
		} {
			t.Run(name+" "+first, func(t *testing.T) {
				source := dsn(t)
				db := openOn(t, sqlite.Open(source))
				exec(t, db, "ALTER TABLE users ADD COLUMN legacy text")
				use(t, db, opts...)
				must(t, db.Create(&user{ID: 1, Name: "kept"}))
				exec(t, openOn(t, sqlite.Open(source)), "ALTER TABLE users DROP COLUMN legacy")
				write(t, db)
				var images []string
				must(t, db.Raw("SELECT coalesce(before, '') || coalesce(after, '') FROM audit_logs ORDER BY seq").Scan(&images))
				if len(images) != 2 || !strings.Contains(images[0], `"legacy":null`) || strings.Contains(images[1], "legacy") {
					t.Errorf("recorded are %q", images)
				}
			})
		}
	}
}
