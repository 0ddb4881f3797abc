package history_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

// contact is what became of a table that once had the columns fon, then telephone,
// and a number where there is a text now.
type contact struct {
	ID      uint
	Phone   string
	Level   string
	Address map[string]any `gorm:"serializer:json"`
}

func TestAlias(t *testing.T) {
	db := open(t, []any{&contact{}})
	ctx := context.Background()
	must(t, db.Exec("ALTER TABLE contacts RENAME COLUMN phone TO fon").Error)
	must(t, db.Exec("ALTER TABLE contacts ADD COLUMN fax text").Error)
	write := func(message string, values map[string]any) {
		t.Helper()
		db := db.WithContext(audit.WithMessage(ctx, message))
		must(t, db.Table("contacts").Where("id = 1").Updates(values).Error)
	}
	must(t, db.WithContext(audit.WithMessage(ctx, "create")).Table("contacts").Create(map[string]any{"id": 1, "fon": "1", "level": 3, "fax": "9"}).Error)
	write("fon", map[string]any{"fon": "2"})
	write("fax", map[string]any{"fax": "8"})
	must(t, db.Exec("ALTER TABLE contacts DROP COLUMN fax").Error)
	must(t, db.Exec("ALTER TABLE contacts RENAME COLUMN fon TO telephone").Error)
	write("telephone", map[string]any{"telephone": "3"})
	must(t, db.Exec("ALTER TABLE contacts RENAME COLUMN telephone TO phone").Error)
	write("phone", map[string]any{"phone": "4"})
	write("level", map[string]any{"level": "high"})

	q := history.Of(db, &contact{ID: 1}).Alias("telephone", "phone").Alias("fon", "phone")
	check := func(name string, q history.Query, want string) {
		t.Helper()
		records, err := q.Find(ctx)
		must(t, err)
		got := ""
		for _, r := range records {
			got += fmt.Sprintf("%s %v %v→%v; ", r.Message, r.Changed, r.Before["phone"], r.After["phone"])
		}
		if got != want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
	}
	check("renamed twice", q.Column("phone"), "fon [phone] 1→2; telephone [phone] 2→3; phone [phone] 3→4; ")
	check("value", q.To("phone", "3"), "telephone [phone] 2→3; ")
	check("path", q.Path("phone").Newest().Limit(1), "phone [phone] 3→4; ")
	check("created under the old name", q.Action(audit.Create).To("phone", "1"), "create [] <nil>→1; ")
	check("without the alias", history.Of(db, &contact{ID: 1}).Column("phone"), "phone [phone] 3→4; ")
	r, err := q.Column("fax").First(ctx)
	must(t, err)
	if r.Before["fax"] != "9" || r.After["fax"] != "8" {
		t.Errorf("dropped column: %v → %v", r.Before, r.After)
	}
	if r, err = q.Column("level").First(ctx); err != nil || r.After["level"] != "high" {
		t.Errorf("retyped column: %v, %v", r.After, err)
	}
	if r, err = q.Column("phone").First(ctx); err != nil || r.Changes[0].Path != "phone" {
		t.Errorf("path: %v, %v", r.Changes, err)
	}
	for _, names := range [][2]string{{"", "phone"}, {"fon", ""}, {"phone", "phone"}} {
		if _, err := q.Alias(names[0], names[1]).Find(ctx); !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("Alias(%q): %v", names, err)
		}
	}
}

// A table that was renamed keeps its trail, for those who know its old names.
func TestFormerly(t *testing.T) {
	db := open(t, []any{&contact{}})
	ctx := context.Background()
	say := func(message string) *gorm.DB { return db.WithContext(audit.WithMessage(ctx, message)) }
	must(t, db.Exec("ALTER TABLE contacts RENAME TO people").Error)
	must(t, say("people").Table("people").Create(map[string]any{"id": 1, "phone": "1"}).Error)
	must(t, say("another").Table("people").Create(map[string]any{"id": 2, "phone": "1"}).Error)
	must(t, db.Exec("ALTER TABLE people RENAME TO contacts").Error)
	must(t, say("contacts").Model(&contact{ID: 1}).Update("phone", "2").Error)
	for name, c := range map[string]struct {
		q    history.Query
		want int64
	}{
		"now":         {history.Of(db, &contact{ID: 1}), 1},
		"row":         {history.Of(db, &contact{ID: 1}).Formerly("people").Formerly("main.guests"), 2},
		"row, values": {history.Of(db, &contact{ID: 1}).Formerly("people").To("phone", "1"), 1},
		"by table":    {history.OfTable(db, "contacts", 1).Formerly("people"), 2},
		"model":       {history.Search(db).Model(&contact{}).Formerly("people"), 3},
	} {
		if n, err := c.q.Count(ctx); err != nil || n != c.want {
			t.Errorf("%s: %d, %v; want %d", name, n, err, c.want)
		}
	}
	if _, err := history.Search(db).Formerly("").Find(ctx); !errors.Is(err, history.ErrInvalidQuery) {
		t.Errorf("no table: %v", err)
	}
}

// Records of other schema versions are read, and say so.
func TestSchemaVersions(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	ada := user{Name: "Ada"}
	must(t, db.Create(&ada).Error)
	for version := range 4 {
		must(t, db.Exec("UPDATE audit_logs SET schema_version = ?", version).Error)
		r, err := history.Of(db, &ada).First(ctx)
		must(t, err)
		if r.SchemaVersion != version || r.After["name"] != "Ada" {
			t.Errorf("version %d: %+v", version, r)
		}
		e := history.Timeline([]audit.Record{r})[0]
		if e.Newer != (version > audit.SchemaVersion) {
			t.Errorf("version %d: newer is %v", version, e.Newer)
		}
	}
}

func TestMistakes(t *testing.T) {
	db := open(t, []any{&user{}})
	var none *user
	q := history.Search(db)
	for name, wrong := range map[string]history.Query{
		"no database":       history.Search(nil),
		"empty database":    history.Search(&gorm.DB{}),
		"In nothing":        q.In(nil),
		"AuditTable":        q.AuditTable(""),
		"Limit":             q.Limit(-1),
		"nil model":         history.Of(db, nil),
		"nil pointer":       history.Of(db, none),
		"slice":             history.Of(db, []user{{ID: 1}}),
		"number":            history.Of(db, 5),
		"Model":             q.Model("users"),
		"no table":          history.OfTable(db, "", 1),
		"Column":            q.Column(),
		"Column name":       q.Column(""),
		"Path":              q.Path(""),
		"From":              q.From("", 1),
		"To":                q.To("name", func() {}),
		"Reason":            q.Reason(""),
		"Actor":             q.Actor(),
		"Action":            q.Action(),
		"first one is kept": q.Limit(-1).Column(),
	} {
		ctx := context.Background()
		if _, err := wrong.Find(ctx); !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("%s: Find: %v", name, err)
		}
		if _, err := wrong.Count(ctx); !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("%s: Count: %v", name, err)
		}
		_ = wrong.Cursor(audit.Record{Seq: 1}) // which has no error to return
		if tx := wrong.DB(ctx); !errors.Is(tx.Error, history.ErrInvalidQuery) {
			t.Errorf("%s: DB: %v", name, tx.Error)
		}
	}
	// A Query is not changed by what is made of it.
	base := q.Action(audit.Create)
	_, _ = base.Actor("1"), base.Actor("2").Limit(-1)
	if n, err := base.Count(context.Background()); err != nil || n != 0 {
		t.Errorf("the base of other queries: %d, %v", n, err)
	}
}
