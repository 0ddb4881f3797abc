package trigger_test

import (
	"errors"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/trigger"
)

// What can not be made says so, before anything is changed.
func TestRefusals(t *testing.T) {
	with := func(options ...auditplugin.Option) *gorm.DB {
		db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
		check(err)
		check(db.AutoMigrate(&User{}))
		if options != nil {
			check(db.Use(auditplugin.New(options...)))
		}
		return db
	}
	for name, c := range map[string]struct {
		db   *gorm.DB
		opts []trigger.Option
	}{
		"no plugin":      {with(), []trigger.Option{trigger.For(&User{})}},
		"no companion":   {with(auditplugin.WithApplication("x")), []trigger.Option{trigger.For(&User{})}},
		"no models":      {with(auditplugin.WithCompanion()), nil},
		"no table":       {with(auditplugin.WithCompanion()), []trigger.Option{trigger.For("nowhere")}},
		"an empty table": {with(auditplugin.WithCompanion()), []trigger.Option{trigger.For("")}},
		"not audited":    {with(auditplugin.WithCompanion(), auditplugin.WithoutModels(&User{})), []trigger.Option{trigger.For(&User{})}},
		"the trail":      {with(auditplugin.WithCompanion()), []trigger.Option{trigger.For("audit_logs")}},
		"no trail":       {with(auditplugin.WithCompanion(), auditplugin.WithEmitter(emitter.Memory())), []trigger.Option{trigger.For(&User{})}},
		"an empty role":  {with(auditplugin.WithCompanion()), []trigger.Option{trigger.For(&User{}), trigger.Roles("")}},
		"best effort":    {with(auditplugin.WithCompanion()), []trigger.Option{trigger.For(&User{}), trigger.BestEffort()}},
	} {
		if made, err := trigger.Generate(c.db, c.opts...); err == nil || made != nil || !errors.Is(err, trigger.ErrInvalid) && !errors.Is(err, auditplugin.ErrInvalidOption) {
			t.Errorf("%s: %d statements, %v", name, len(made), err)
		}
	}
}

// Of a table without a model options say what is hidden, and what its rows are; what no
// table has is refused.
func TestWithoutModel(t *testing.T) {
	db, other := open()
	check(db.Exec("ALTER TABLE users ADD COLUMN phone TEXT").Error)
	opts := []trigger.Option{trigger.For("users"), trigger.Mask("users.phone"), trigger.RecordType("users", "user")}
	check(trigger.Install(db, opts...))
	if _, err := other.Exec("INSERT INTO users (id, name, phone) VALUES (1, 'Ada', '+49123')"); err != nil {
		t.Fatal(err)
	}
	var kind, after string
	check(other.QueryRow("SELECT record_type, after FROM audit_logs").Scan(&kind, &after))
	if kind != "user" || after != `{"id":1,"name":"Ada","password":null,"phone":"***"}` {
		t.Errorf("a %s: %s", kind, after)
	}
	if drift, err := trigger.Check(t.Context(), db, opts...); err != nil || len(drift) > 0 {
		t.Errorf("%v, %v", drift, err)
	}
	for _, o := range []trigger.Option{
		trigger.Mask("users.nosuch"), trigger.Mask("users.id"), trigger.Mask("orders.phone"), trigger.Mask("phone"), trigger.RecordType("users", ""),
	} {
		if made, err := trigger.Generate(db, trigger.For("users"), o); !errors.Is(err, trigger.ErrInvalid) {
			t.Errorf("%d statements, %v", len(made), err)
		}
	}
}
