package auditplugin_test

import (
	"context"
	"errors"
	"testing"

	"gorm.io/gorm"

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

// untouched checks that nothing of a plugin is on db.
func untouched(t *testing.T, db *gorm.DB, pool gorm.ConnPool) {
	t.Helper()
	if db.ConnPool != pool || db.Statement.ConnPool != pool {
		t.Errorf("the pool was replaced by %T, %T", db.ConnPool, db.Statement.ConnPool)
	}
	if db.Migrator().HasTable("audit_logs") {
		t.Error("the audit table was created")
	}
	cb := db.Callback()
	for name, get := range map[string]func(string) func(*gorm.DB){
		"create": cb.Create().Get, "update": cb.Update().Get, "delete": cb.Delete().Get,
		"query": cb.Query().Get, "row": cb.Row().Get, "raw": cb.Raw().Get,
	} {
		if get("auditplugin:arm") != nil || get("auditplugin:disarm") != nil || get("auditplugin:adopt") != nil {
			t.Errorf("a %s callback was registered", name)
		}
	}
	if _, ok := db.Plugins["auditplugin"]; ok {
		t.Error("the plugin counts as installed")
	}
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

// An emitter that was bound is closed again when another one can not be.
func TestFailedInitializeClosesEmitters(t *testing.T) {
	db := openDB(t)
	closing := &closingEmitter{}
	err := db.Use(auditplugin.New(auditplugin.WithEmitter(closing, emitter.Slog(nil))))
	if !errors.Is(err, emitter.ErrNilLogger) {
		t.Errorf("db.Use returned %v", err)
	}
	if closing.closed != 1 {
		t.Errorf("closed %d times, want once", closing.closed)
	}
}

type closingEmitter struct{ closed int }

func (c *closingEmitter) Emit(context.Context, []audit.Record) error { return nil }

func (c *closingEmitter) Close(context.Context) error { c.closed++; return nil }

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
			var n int64
			must(t, db.Model(c.model).Count(&n))
			if n != 0 || len(trail(t, db)) != 0 {
				t.Errorf("%d rows, %d records, want none", n, len(trail(t, db)))
			}
		})
	}
}
