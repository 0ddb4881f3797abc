package policies

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Raw SQL is recorded where it may do what is recorded.
func TestActionsOfRawSQL(t *testing.T) {
	statements := []struct {
		query   string
		may     []audit.Action // nil for all
		sqlOnly string
	}{
		{"UPDATE notes SET text = 'raw' WHERE id = 1", []audit.Action{audit.Update, audit.SoftDelete, audit.Restore}, ""},
		{"DELETE FROM notes WHERE id = 2", []audit.Action{audit.Delete}, ""},
		{"INSERT INTO notes (id, account_id, text) VALUES (7, 1, 'raw')", []audit.Action{audit.Create}, ""},
		{"REPLACE INTO notes (id, account_id, text) VALUES (7, 1, 'again')", nil, testdb.SQLite},
		{"INSERT INTO notes (id, account_id, text) VALUES (7, 1, 'conflict') ON CONFLICT (id) DO UPDATE SET text = 'x'", nil, testdb.Postgres},
		{"WITH gone AS (DELETE FROM notes WHERE id = 1 RETURNING id) UPDATE notes SET text = 'both' WHERE id = 7", nil, testdb.Postgres},
		{"TRUNCATE TABLE notes", []audit.Action{audit.Delete}, testdb.Postgres},
	}
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		base := open(t, g)
		for _, only := range []audit.Action{audit.Create, audit.Update, audit.Delete, audit.Restore} {
			d := again(t, base, auditplugin.WithActions([]audit.Action{only}, &note{}))
			reset(t, d)
			var want []string
			for _, s := range statements {
				if s.sqlOnly != "" && s.sqlOnly != g.Dialect {
					continue
				}
				must(t, d.Exec(s.query))
				recorded := s.may == nil
				for _, a := range s.may {
					recorded = recorded || a == only
				}
				if recorded {
					want = append(want, "raw note")
				}
			}
			wantRecords(t, d, want...)
		}
	})
}

// What is demanded of a write does not depend on whether it is recorded; a skipped one
// leaves its event, and nothing else is written.
func TestActionsBesideOtherRules(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		only := auditplugin.WithActions([]audit.Action{audit.Delete}, &account{})
		d := open(t, g, only, auditplugin.WithRequiredActor(&account{}), auditplugin.WithRawSQL(auditplugin.RawRefuse))
		reset(t, d)
		if err := d.Model(&account{ID: 1}).Update("name", "x").Error; !errors.Is(err, auditplugin.ErrActorRequired) {
			t.Errorf("an update without an actor: %v", err)
		}
		if err := d.Exec("UPDATE accounts SET name = 'x'").Error; !errors.Is(err, auditplugin.ErrRawRefused) {
			t.Errorf("raw SQL: %v", err)
		}
		wantRecords(t, d, "event account", "event account")
		reset(t, d)
		db := d.WithContext(audit.WithActor(context.Background(), audit.Actor{ID: "7"}))
		must(t, db.Model(&account{ID: 1}).Update("name", "x"))
		must(t, db.Create(&account{Name: "new"}))
		must(t, db.Create(&note{ID: 9, Text: "all of it"}))
		must(t, db.Model(&note{ID: 9}).Update("text", "changed"))
		must(t, db.WithContext(audit.Skip(db.Statement.Context, "import")).Model(&account{ID: 2}).Update("name", "y"))
		must(t, db.Delete(&account{ID: 1}))
		wantRecords(t, d, "create note 9", "update note 9", "event account", "delete account 1")
	})
}

func TestActionsAreCheckedWhenInstalled(t *testing.T) {
	type secondAccount struct{ ID uint }
	deletions := []audit.Action{audit.Delete}
	g := testdb.Target{Dialect: testdb.SQLite}
	plain := g.Open(t, testdb.Before(migrate), testdb.WithoutPlugin())
	for name, c := range map[string]struct {
		options []auditplugin.Option
		says    string
	}{
		"unknown action":  {[]auditplugin.Option{auditplugin.WithActions([]audit.Action{"deleted"})}, `unknown action "deleted" (known: create, update, delete, soft_delete, restore)`},
		"raw":             {[]auditplugin.Option{auditplugin.WithActions([]audit.Action{audit.Raw}, "notes")}, "WithRawSQL"},
		"events":          {[]auditplugin.Option{auditplugin.WithActions([]audit.Action{audit.Event})}, "events are always recorded"},
		"none":            {[]auditplugin.Option{auditplugin.WithActions(nil, "notes")}, "needs an action"},
		"no model":        {[]auditplugin.Option{auditplugin.WithActions(deletions, 5)}, "model int"},
		"no table":        {[]auditplugin.Option{auditplugin.WithActions(deletions, "")}, "empty table name"},
		"two lists":       {[]auditplugin.Option{auditplugin.WithActions(deletions, &note{}), auditplugin.WithActions([]audit.Action{audit.Create}, "notes")}, `"notes" is given two lists`},
		"two for all":     {[]auditplugin.Option{auditplugin.WithActions(deletions), auditplugin.WithActions([]audit.Action{audit.Create})}, "twice for all"},
		"not with models": {[]auditplugin.Option{auditplugin.WithActions(deletions, &note{}), auditplugin.WithModels(&account{})}, "not audited"},
		"left out":        {[]auditplugin.Option{auditplugin.WithActions(deletions, &note{}), auditplugin.WithoutModels("notes")}, "not audited"},
	} {
		db := plain.Plain(t)
		err := db.Use(auditplugin.New(c.options...))
		if !errors.Is(err, auditplugin.ErrInvalidOption) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	db := plain.Plain(t, testdb.WithGORM(func(c *gorm.Config) { c.SkipDefaultTransaction = true }))
	if err := db.Use(auditplugin.New(auditplugin.WithActions(deletions, &note{}), auditplugin.WithActions(deletions, "notes"), auditplugin.WithActions(deletions, &secondAccount{}))); err != nil {
		t.Errorf("the same list twice: %v", err)
	}
}
