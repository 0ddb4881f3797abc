package companion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Who is told of the trail is told of both kinds of records, in one order.
func TestRelayDeliversBoth(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := shop(t, g)
		ok(t, db.Create(&Order{ID: 1, Name: "a"}))
		exec(t, db.Raw, "UPDATE orders SET n = 2 WHERE id = 1")
		ok(t, db.Model(&Order{ID: 1}).Update("n", 3))
		r, err := relay.New(db.DB)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		var told []string
		err = r.Subscribe("test", emitter.Func(func(_ context.Context, records []audit.Record) error {
			for _, record := range records {
				told = append(told, fmt.Sprint(record.Action, " ", record.Actor.Type, " ", record.After["n"]))
			}
			if len(told) >= 3 {
				stop()
			}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if want := []string{"create  0", "update db 2", "update  3"}; !slices.Equal(told, want) {
			t.Errorf("told is %q", told)
		}
	})
}
