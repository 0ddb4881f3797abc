package plugin_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// warningsOf are what was said of missing actors when do had written.
func warningsOf(t *testing.T, do func(db *gorm.DB), opts ...auditplugin.Option) []string {
	t.Helper()
	db, log := openDB(t), &lines{}
	use(t, db, append([]auditplugin.Option{auditplugin.WithEmitter(emitter.Memory()), auditplugin.WithLogger(textLogger(log))}, opts...)...)
	do(db)
	var said []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "without an actor") {
			said = append(said, line)
		}
	}
	return said
}

func TestMissingActorIsSaidOncePerModelAndAction(t *testing.T) {
	said := warningsOf(t, func(db *gorm.DB) {
		for range 3 {
			must(t, db.Create(&user{Name: "a"}))
			must(t, db.Create(&user{Name: "b"}))
			must(t, db.Model(&user{ID: 1}).Update("name", "c"))
			must(t, db.Create(&pet{Name: "Rex"}))
		}
	})
	if len(said) != 3 {
		t.Errorf("%d: %q", len(said), said)
	}
	for _, line := range said {
		if !strings.Contains(line, "audit.WithActor") || !strings.Contains(line, "WithoutActor") || !strings.Contains(line, "file=test/plugin/no_actor_test.go") {
			t.Errorf("not what to do, or where: %s", line)
		}
	}
}

func TestNoActorByDesign(t *testing.T) {
	create := func(db *gorm.DB) {
		must(t, db.Create(&user{Name: "a"}))
		must(t, db.Create(&pet{Name: "Rex"}))
	}
	for name, c := range map[string]struct {
		do   func(db *gorm.DB)
		opts []auditplugin.Option
		want int
	}{
		"of all models": {create, []auditplugin.Option{auditplugin.WithoutActor()}, 0},
		"of one":        {create, []auditplugin.Option{auditplugin.WithoutActor(&user{})}, 1},
		"of a context": {func(db *gorm.DB) {
			create(db.WithContext(audit.WithoutActor(audit.WithActor(context.Background(), audit.Actor{ID: "7"}))))
		}, nil, 0},
		"migrations": {migrateUsers, nil, 0},
		"otherwise":  {func(db *gorm.DB) { migrateUsers(db); create(db) }, nil, 2},
	} {
		if said := warningsOf(t, c.do, c.opts...); len(said) != c.want {
			t.Errorf("%s: %d warnings: %q", name, len(said), said)
		}
	}
}

func migrateUsers(db *gorm.DB) {
	db.Exec("UPDATE users SET name = 'x'")
	db.Create(&user{Name: "first"})
}

// Nobody is meant by WithoutActor, so that nobody is looked for.
func TestWithoutActorAsksNobody(t *testing.T) {
	asked := auditplugin.WithActorFunc(func(context.Context) audit.Actor { return audit.Actor{ID: "7"} })
	db, _, memory := audited(t, asked)
	ctx := audit.WithoutActor(context.Background())
	must(t, db.WithContext(ctx).Create(&user{Name: "a"}))
	must(t, db.WithContext(audit.WithActor(ctx, audit.Actor{ID: "8"})).Create(&user{Name: "b"}))
	if r := memory.Records(); !r[0].Actor.IsZero() || r[1].Actor.ID != "8" {
		t.Errorf("%+v, %+v", r[0].Actor, r[1].Actor)
	}
	db, _, _ = audited(t, auditplugin.WithRequiredActor())
	if err := db.WithContext(ctx).Create(&user{}).Error; !errors.Is(err, auditplugin.ErrActorRequired) {
		t.Errorf("where an actor is required: %v", err)
	}
	both := auditplugin.New(auditplugin.WithRequiredActor(&user{}), auditplugin.WithoutActor(&user{}))
	if err := openDB(t).Use(both); !errors.Is(err, auditplugin.ErrInvalidOption) {
		t.Errorf("both of one model: %v", err)
	}
}
