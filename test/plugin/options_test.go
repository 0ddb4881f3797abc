package plugin_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

type oddlyTagged struct {
	ID   uint
	Note string `audit:"masc"`
}

type hashTagged struct {
	ID    uint
	Email string `audit:"hash"`
}

func TestBadOptions(t *testing.T) {
	long := []byte("0123456789abcdef")
	for name, c := range map[string]struct {
		opts []auditplugin.Option
		want error
	}{
		"nil option":              {[]auditplugin.Option{nil}, auditplugin.ErrInvalidOption},
		"no emitter":              {[]auditplugin.Option{auditplugin.WithEmitter()}, auditplugin.ErrInvalidOption},
		"nil emitter":             {[]auditplugin.Option{auditplugin.WithEmitter(nil)}, auditplugin.ErrInvalidOption},
		"typed nil emitter":       {[]auditplugin.Option{auditplugin.WithEmitter((*emitter.MemoryEmitter)(nil))}, auditplugin.ErrInvalidOption},
		"nil func emitter":        {[]auditplugin.Option{auditplugin.WithEmitter(emitter.Func(nil))}, auditplugin.ErrInvalidOption},
		"nil logger emitter":      {[]auditplugin.Option{auditplugin.WithEmitter(emitter.Slog(nil))}, emitter.ErrNilLogger},
		"nil in Multi":            {[]auditplugin.Option{auditplugin.WithEmitter(emitter.Multi(emitter.Memory(), nil))}, emitter.ErrNilEmitter},
		"table behind Async":      {[]auditplugin.Option{auditplugin.WithEmitter(emitter.Async(emitter.Table()))}, emitter.ErrTransactional},
		"nil after table":         {[]auditplugin.Option{auditplugin.WithEmitter(emitter.Multi(emitter.Table(), nil))}, emitter.ErrNilEmitter},
		"nil logger after table":  {[]auditplugin.Option{auditplugin.WithEmitter(emitter.Table(), emitter.Slog(nil))}, emitter.ErrNilLogger},
		"table name":              {[]auditplugin.Option{auditplugin.WithEmitter(emitter.Table(emitter.Name("")))}, emitter.ErrInvalidOption},
		"table not to be created": {[]auditplugin.Option{auditplugin.WithEmitter(emitter.Table(emitter.NoCreate()))}, emitter.ErrTableMissing},
		"nil actor function":      {[]auditplugin.Option{auditplugin.WithActorFunc(nil)}, auditplugin.ErrInvalidOption},
		"nil trace function":      {[]auditplugin.Option{auditplugin.WithTraceFunc(nil)}, auditplugin.ErrInvalidOption},
		"no key":                  {[]auditplugin.Option{auditplugin.WithHashKey(nil)}, auditplugin.ErrHashKey},
		"short key":               {[]auditplugin.Option{auditplugin.WithHashKey(long[:15])}, auditplugin.ErrInvalidOption},
		"no models":               {[]auditplugin.Option{auditplugin.WithModels()}, auditplugin.ErrInvalidOption},
		"nil model":               {[]auditplugin.Option{auditplugin.WithModels(nil)}, auditplugin.ErrInvalidOption},
		"model that is a number":  {[]auditplugin.Option{auditplugin.WithModels(42)}, auditplugin.ErrInvalidOption},
		"model without a name":    {[]auditplugin.Option{auditplugin.WithModels("")}, auditplugin.ErrInvalidOption},
		"left out: number":        {[]auditplugin.Option{auditplugin.WithoutModels(42)}, auditplugin.ErrInvalidOption},
		"in and out":              {[]auditplugin.Option{auditplugin.WithModels(&user{}), auditplugin.WithoutModels("users")}, auditplugin.ErrInvalidOption},
		"unknown tag":             {[]auditplugin.Option{auditplugin.WithModels(&oddlyTagged{})}, auditplugin.ErrUnknownTag},
		"unknown tag, required":   {[]auditplugin.Option{auditplugin.WithRequiredReason(&oddlyTagged{})}, auditplugin.ErrUnknownTag},
		"hash without a key":      {[]auditplugin.Option{auditplugin.WithModels(hashTagged{})}, auditplugin.ErrHashKey},
		"empty column":            {[]auditplugin.Option{auditplugin.WithoutColumns("phone", "")}, auditplugin.ErrInvalidOption},
		"required actor":          {[]auditplugin.Option{auditplugin.WithRequiredActor(42)}, auditplugin.ErrInvalidOption},
		"required reason":         {[]auditplugin.Option{auditplugin.WithRequiredReason("")}, auditplugin.ErrInvalidOption},
		"failure policy":          {[]auditplugin.Option{auditplugin.WithFailurePolicy(9)}, auditplugin.ErrInvalidOption},
		"failure policy's model":  {[]auditplugin.Option{auditplugin.WithFailurePolicy(auditplugin.KeepWrite, 42)}, auditplugin.ErrInvalidOption},
		"two failure policies":    {[]auditplugin.Option{auditplugin.WithFailurePolicy(auditplugin.KeepWrite, user{}), auditplugin.WithFailurePolicy(auditplugin.FailWrite, "users")}, auditplugin.ErrInvalidOption},
		"nil error handler":       {[]auditplugin.Option{auditplugin.WithErrorHandler(nil)}, auditplugin.ErrInvalidOption},
		"nil logger":              {[]auditplugin.Option{auditplugin.WithLogger(nil)}, auditplugin.ErrInvalidOption},
		"raw policy":              {[]auditplugin.Option{auditplugin.WithRawSQL(9)}, auditplugin.ErrInvalidOption},
		"buffer limit":            {[]auditplugin.Option{auditplugin.WithBufferLimit(0)}, auditplugin.ErrInvalidOption},
		"value limit":             {[]auditplugin.Option{auditplugin.WithMaxValueBytes(-1)}, auditplugin.ErrInvalidOption},
	} {
		t.Run(name, func(t *testing.T) {
			db := openDB(t)
			pool := db.ConnPool
			err := db.Use(auditplugin.New(c.opts...))
			if !errors.Is(err, c.want) {
				t.Errorf("db.Use returned %v, want %v", err, c.want)
			}
			untouched(t, db, pool)
			// The database is as good as before.
			must(t, db.Create(&user{Name: "Ada"}))
		})
	}
}

// All mistakes are reported at once.
func TestBadOptionsTogether(t *testing.T) {
	db := openDB(t)
	err := db.Use(auditplugin.New(auditplugin.WithBufferLimit(0), auditplugin.WithHashKey([]byte("short"))))
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) != 2 {
		t.Errorf("got %v, want two errors", err)
	}
}

// A model that no option names is checked when it is first written.
func TestTagsAtFirstWrite(t *testing.T) {
	for name, c := range map[string]struct {
		model any
		want  error
	}{
		"unknown tag":        {&oddlyTagged{Note: "n-4711"}, auditplugin.ErrUnknownTag},
		"hash without a key": {&hashTagged{Email: "e-4711"}, auditplugin.ErrHashKey},
	} {
		t.Run(name, func(t *testing.T) {
			db := openDB(t, c.model)
			use(t, db)
			if err := db.Create(c.model).Error; !errors.Is(err, c.want) {
				t.Errorf("the write returned %v, want %v", err, c.want)
			}
			if rows, records := count(t, db, c.model), len(trail(t, db)); rows != 0 || records != 0 {
				t.Errorf("%d rows, %d records, want none", rows, records)
			}
		})
	}
}

// The shapes of a model that options accept mean the same table.
func TestWithModels(t *testing.T) {
	for name, model := range map[string]any{
		"struct": user{}, "pointer": &user{}, "name": "users", "qualified": "main.users",
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("with", func(t *testing.T) {
				db, _, memory := audited(t, auditplugin.WithModels(model))
				must(t, db.Create(&user{Name: "Ada", Pets: []pet{{Name: "Rex"}}}))
				wantTrail(t, db, memory, "create user 1")
			})
			t.Run("without", func(t *testing.T) {
				db, _, memory := audited(t, auditplugin.WithoutModels(model))
				must(t, db.Create(&user{Name: "Ada", Pets: []pet{{Name: "Rex"}}}))
				wantTrail(t, db, memory, "create pet 1")
			})
		})
	}
}

func columns(m map[string]any) string { return strings.Join(slices.Sorted(maps.Keys(m)), " ") }

func TestWithoutColumns(t *testing.T) {
	db, _, memory := audited(t, auditplugin.WithoutColumns("phone", "pets.name", "users.created_at"))
	u := user{Name: "Ada", Phone: "+12345678901", Pets: []pet{{Name: "Rex"}}}
	must(t, db.Create(&u))
	must(t, db.Model(&u).UpdateColumn("phone", "+19876543210")) // nothing to say
	must(t, db.Model(&u).UpdateColumns(map[string]any{"phone": "1", "name": "Grace"}))
	must(t, db.Model(&u.Pets[0]).UpdateColumn("name", "Rover"))
	must(t, db.Unscoped().Delete(&u))
	wantTrail(t, db, memory, "create user 1", "create pet 1", "update user 1", "delete user 1")
	records := memory.Records()
	for i, want := range []string{"age deleted_at id name updated_at", "id user_id", "name", ""} {
		if got := columns(records[i].After); got != want {
			t.Errorf("record %d: after has %q, want %q", i, got, want)
		}
	}
	if got := columns(records[3].Before); got != "age deleted_at id name updated_at" {
		t.Errorf("the delete's before has %q", got)
	}
	if got := records[2]; len(got.Changed) != 1 || len(got.Changes) != 1 || got.Before["name"] != "Ada" {
		t.Errorf("the update is %+v", got)
	}
}

func TestWithoutTimestampOnly(t *testing.T) {
	for _, without := range []bool{false, true} {
		t.Run(fmt.Sprint(without), func(t *testing.T) {
			var opts []auditplugin.Option
			want := []string{"create user 1", "update user 1", "update user 1"}
			if without {
				opts = append(opts, auditplugin.WithoutTimestampOnly())
				want = want[:2]
			}
			db, _, memory := audited(t, opts...)
			u := user{Name: "Ada"}
			must(t, db.Create(&u))
			must(t, db.Model(&u).Update("name", "Grace"))
			must(t, db.Model(&u).Update("name", "Grace")) // moves updated_at only
			wantTrail(t, db, memory, want...)
			if got := memory.Records()[1].Changed; !slices.Equal(got, []string{"name", "updated_at"}) {
				t.Errorf("changed are %v", got)
			}
		})
	}
}

func TestWithMaxValueBytes(t *testing.T) {
	db, _, memory := audited(t, auditplugin.WithMaxValueBytes(10))
	fits, long := "0123456789", "0123456789a"
	u := user{Name: fits, Phone: long}
	must(t, db.Create(&u))
	must(t, db.Model(&u).UpdateColumns(map[string]any{"name": long, "phone": fits}))
	note := noteOf(long)
	for where, records := range map[string][]audit.Record{"table": trail(t, db), "announced": memory.Records()} {
		for i, c := range []struct{ what, got, want any }{
			{"created name", records[0].After["name"], fits},
			{"created phone", records[0].After["phone"], note},
			{"name before", records[1].Before["name"], fits},
			{"name after", records[1].After["name"], note},
			{"phone before", records[1].Before["phone"], note},
			{"phone after", records[1].After["phone"], fits},
			{"change from", records[1].Changes[0].From, fits},
			{"change to", records[1].Changes[0].To, note},
		} {
			if fmt.Sprint(c.got) != fmt.Sprint(c.want) {
				t.Errorf("%s, %d: %s is %v, want %v", where, i, c.what, c.got, c.want)
			}
		}
	}
	// The row itself is whole.
	if got := firstName(t, db); got != long {
		t.Errorf("the row has %q", got)
	}
}

// noteOf stands in a record for a text that is too long.
func noteOf(text string) map[string]any {
	sum := sha256.Sum256([]byte(text))
	return map[string]any{"truncated": true, "bytes": len(text), "sha256": hex.EncodeToString(sum[:])}
}

// preferences has a document, whose changes are told by path.
type preferences struct {
	ID      uint
	Options map[string]any `gorm:"serializer:json"`
}

func TestWithMaxValueBytesInDocuments(t *testing.T) {
	db, memory := openDB(t, &preferences{}), emitter.Memory()
	use(t, db, auditplugin.WithEmitter(emitter.Table(), memory), auditplugin.WithMaxValueBytes(10))
	fits, long := "0123456789", "0123456789a"
	p := preferences{Options: map[string]any{"grows": fits, "shrinks": long}}
	must(t, db.Create(&p))
	p.Options = map[string]any{"grows": long, "shrinks": fits}
	must(t, db.Save(&p))
	want := []audit.Change{
		{Path: "options.grows", From: fits, To: noteOf(long)},
		{Path: "options.shrinks", From: noteOf(long), To: fits},
	}
	for where, records := range map[string][]audit.Record{"table": trail(t, db), "announced": memory.Records()} {
		if got := records[1]; fmt.Sprint(got.Changes) != fmt.Sprint(want) {
			t.Errorf("%s: changes are %v, want %v", where, got.Changes, want)
		}
		for _, v := range []any{records[0].After["options"], records[1].Before["options"], records[1].After["options"]} {
			if note, ok := v.(map[string]any); !ok || note["truncated"] != true {
				t.Errorf("%s: the document is %v", where, v)
			}
		}
	}
}

// Skip leaves one event per statement, whatever the statement's size.
func TestSkip(t *testing.T) {
	db, _, memory := audited(t)
	users := []user{{Name: "Ada"}, {Name: "Bob"}, {Name: "Eve"}}
	skipping := db.WithContext(audit.Skip(t.Context(), "import 7"))
	must(t, skipping.Create(&users))
	must(t, skipping.Model(&user{}).Where("id < 3").Update("age", 36))
	must(t, skipping.Model(&user{}).Where("id > 99").Update("age", 36)) // no rows, no event
	must(t, skipping.Unscoped().Delete(&users[2]))
	must(t, db.Model(&users[0]).UpdateColumn("age", 37))
	wantTrail(t, db, memory, "event user ", "event user ", "event user ", "update user 1")
	for i, want := range []struct {
		action string
		rows   int
	}{{"create", 3}, {"update", 2}, {"delete", 1}} {
		r := memory.Records()[i]
		if r.Reason != "import 7" || r.Metadata["skipped_action"] != want.action || fmt.Sprint(r.Metadata["rows"]) != fmt.Sprint(want.rows) {
			t.Errorf("event %d: reason %q, metadata %v, want %+v", i, r.Reason, r.Metadata, want)
		}
		if len(r.Before)+len(r.After)+len(r.Changes) != 0 {
			t.Errorf("event %d has images: %+v", i, r)
		}
	}
}
