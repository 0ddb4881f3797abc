package companion

import (
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"github.com/gorm-audit/auditplugin/trigger"
)

// Letter is deleted softly.
type Letter struct {
	ID        uint
	Title     string `gorm:"size:40"`
	DeletedAt gorm.DeletedAt
}

// limited is a shop whose plugin records some actions only.
func limited(t *testing.T, g testdb.Target, actions ...audit.Action) *testdb.DB {
	t.Helper()
	db := g.Open(t, testdb.WithPlugin(auditplugin.WithCompanion(), auditplugin.WithActions(actions)),
		testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(&Letter{}, &Order{}, &Item{}) }))
	install(t, db, &Letter{}, &Order{}, &Item{})
	return db
}

// Triggers leave out what the plugin leaves out, and there is no second record of anything.
func TestActionsOfTriggers(t *testing.T) {
	const soft = "UPDATE letters SET deleted_at = '2026-01-02 03:04:05' WHERE id = 1"
	byOthers := []string{
		"INSERT INTO letters (id, title) VALUES (1, 'a'), (2, 'b')", "UPDATE letters SET title = 'c' WHERE id = 1", soft,
		"UPDATE letters SET deleted_at = NULL WHERE id = 1", "DELETE FROM letters WHERE id = 2",
	}
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for only, want := range map[audit.Action][]string{
			audit.Create:     {"trigger: create letters 1", "trigger: create letters 2"},
			audit.Update:     {"trigger: update letters 1"},
			audit.SoftDelete: {"trigger: soft_delete letters 1"},
			audit.Restore:    {"trigger: restore letters 1"},
			audit.Delete:     {"trigger: delete letters 2"},
		} {
			t.Run(string(only), func(t *testing.T) {
				db := limited(t, g, only)
				exec(t, db.Raw, byOthers...)
				expect(t, db, want...)
				forget(t, db)
				// The plugin's own: one record of what is recorded, none of the rest.
				ok(t, db.Create(&Letter{ID: 3, Title: "x"}))
				ok(t, db.Model(&Letter{ID: 3}).Update("title", "y"))
				ok(t, db.Delete(&Letter{ID: 3}))
				ok(t, db.Unscoped().Model(&Letter{}).Where("id = 3").Update("deleted_at", nil))
				ok(t, db.Unscoped().Delete(&Letter{ID: 3}))
				expect(t, db, "plugin: "+string(only)+" letters 3")
				if drift, err := trigger.Check(t.Context(), db.DB, trigger.For(&Letter{}, &Order{}, &Item{})); err != nil || len(drift) > 0 {
					t.Errorf("drift %v, %v", drift, err)
				}
			})
		}
	})
}

// Raw SQL whose own record is left out still says who it was to the triggers of other tables,
// and what they record has no cause that is not there.
func TestActionsOfRawSQLBesideTriggers(t *testing.T) {
	for _, dialect := range []string{testdb.SQLite, testdb.Postgres} { // MariaDB's cascades fire no trigger
		testdb.Only(t, dialect, func(t *testing.T, g testdb.Target) {
			db := g.Open(t, testdb.WithPlugin(auditplugin.WithCompanion(), auditplugin.WithActions([]audit.Action{audit.Create}, &Order{})),
				testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(&Order{}, &Item{}) }))
			install(t, db, &Order{}, &Item{})
			exec(t, db.Raw, "INSERT INTO orders (id, name) VALUES (1, 'a')", "INSERT INTO items (id, order_id, name) VALUES (1, 1, 'i')")
			forget(t, db)
			ctx := audit.WithActor(t.Context(), audit.Actor{ID: "7"})
			ok(t, db.WithContext(ctx).Exec("DELETE FROM orders WHERE id = 1"))
			expect(t, db, "trigger: delete items 1")
			var actor, cause string
			if err := db.Raw.QueryRow("SELECT actor_id, cause FROM audit_logs ORDER BY seq DESC").Scan(&actor, &cause); err != nil || actor != "7" || cause != "" {
				t.Errorf("actor %q, cause %q, %v", actor, cause, err)
			}
		})
	}
}

// Triggers of another list are out of date.
func TestActionsThatChanged(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := limited(t, g, audit.Create, audit.Delete)
		less := g.Open(t, testdb.In(db.DSN), testdb.WithPlugin(auditplugin.WithCompanion(), auditplugin.WithActions([]audit.Action{audit.Create})))
		drift, err := trigger.Check(t.Context(), less.DB, trigger.For(&Letter{}))
		if err != nil || len(drift) == 0 || drift[0].Kind != trigger.Outdated {
			t.Errorf("drift %v, %v", drift, err)
		}
		install(t, less, &Letter{})
		if drift, err := trigger.Check(t.Context(), less.DB, trigger.For(&Letter{})); err != nil || len(drift) > 0 {
			t.Errorf("made anew: drift %v, %v", drift, err)
		}
	})
}
