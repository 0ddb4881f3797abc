package relay

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

func TestHealth(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	r, s := newRelay(t, db, MostBehind(20*time.Millisecond)), &sink{}
	subscribe(t, r, "warehouse", s, Retry(1, time.Millisecond, 2*time.Millisecond))
	if err := r.Health(ctx); err != nil {
		t.Fatal(err)
	}
	createAccounts(t, db, 1)
	eventually(t, "is behind", func() bool { return errors.Is(r.Health(ctx), ErrBehind) })
	if err := r.Health(ctx); !strings.Contains(err.Error(), `"warehouse" by `) || errors.Is(err, ErrDeadLetters) {
		t.Errorf("Health returned %v", err)
	}
	s.setRefuse(func(_ []audit.Record) error { return Permanent(errors.New("secret-4711")) })
	run(t, r)
	eventually(t, "has a dead letter", func() bool { return errors.Is(r.Health(ctx), ErrDeadLetters) })
	if err := r.Health(ctx); !strings.Contains(err.Error(), `"warehouse" has 1`) || errors.Is(err, ErrBehind) || strings.Contains(err.Error(), "secret-4711") {
		t.Errorf("Health returned %v", err)
	}
	if _, err := r.Subscriber("warehouse").Discard(ctx, deadLetters(t, r, "warehouse")[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Health(ctx); err != nil {
		t.Error(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec("ALTER TABLE audit_relay_positions RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	if err := r.Health(ctx); err == nil || strings.Contains(err.Error(), "no such table") {
		t.Errorf("Health returned %v", err)
	}
}
