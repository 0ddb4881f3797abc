package alert_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

var errBack = errors.New("back")

// A rule tells of each matching change once, and of none that was rolled back, also
// when the relay delivers everything again.
func TestOncePerChange(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db, box := open(t, g), &inbox{}
		users(t, db, 3)
		plain := db.Plain(t)
		r := newRelay(t, plain)
		stop := start(t, func(ctx context.Context) error {
			return alert.Run(ctx, r, newEngine(t, plain, []alert.Rule{mfaRule()}, map[string]alert.Channel{"inbox": box}, alert.WithModels(&User{})))
		})
		for i := range 3 {
			user := &User{ID: uint(i + 1)}
			must(t, as(db, "42").Model(user).Update("mfa_phone", "+491"))
			must(t, as(db, "42").Model(user).Update("name", "other"))
			err := as(db, "42").Transaction(func(tx *gorm.DB) error {
				if err := tx.Model(user).Update("mfa_phone", "+492").Error; err != nil {
					return err
				}
				return errBack
			})
			if !errors.Is(err, errBack) {
				t.Fatal(err)
			}
		}
		eventually(t, "three messages", func() bool { return len(box.all()) >= 3 })
		time.Sleep(100 * time.Millisecond)
		stop()
		for i, m := range box.all() {
			if want := fmt.Sprintf("Actor 42 (user 42) changed the MFA phone of user %d: *** → ***; reason: ticket 42; ", i+1); !strings.HasPrefix(m.Text, want) {
				t.Errorf("%q, want %q", m.Text, want)
			}
		}
		// All of it once more.
		if err := r.Subscriber(alert.SubscriberName).Rewind(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		r = newRelay(t, plain)
		stop = start(t, func(ctx context.Context) error {
			return alert.Run(ctx, r, newEngine(t, plain, []alert.Rule{mfaRule()}, map[string]alert.Channel{"inbox": box}))
		})
		must(t, as(db, "43").Model(&User{ID: 1}).Update("mfa_phone", "+493"))
		eventually(t, "a fourth message", func() bool { return len(box.all()) >= 4 })
		time.Sleep(50 * time.Millisecond)
		stop()
		if n := len(box.all()); n != 4 {
			t.Errorf("%d messages, want 4", n)
		}
	})
}

// A channel that hangs holds up neither writes nor the relay nor another channel.
func TestDeadChannel(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db, box := open(t, g), &inbox{}
		users(t, db, 1)
		hang := make(chan struct{})
		t.Cleanup(func() { close(hang) })
		begun := make(chan struct{}, 100)
		channels := map[string]alert.Channel{"inbox": box, "dead": alert.Func(func(context.Context, alert.Message) error {
			begun <- struct{}{}
			<-hang
			return nil
		})}
		plain := db.Plain(t)
		e := newEngine(t, plain, []alert.Rule{mfaRule().To("dead")}, channels, alert.WithSendTimeout(time.Minute), alert.WithStopTimeout(0))
		start(t, func(ctx context.Context) error { return alert.Run(ctx, newRelay(t, plain), e) })
		must(t, as(db, "1").Model(&User{ID: 1}).Update("mfa_phone", "+490"))
		<-begun // from here on, the dead channel hangs
		for i := range 20 {
			must(t, as(db, "1").Model(&User{ID: 1}).Update("mfa_phone", fmt.Sprint("+48", i)))
		}
		eventually(t, "21 messages beside the dead channel", func() bool { return len(box.all()) == 21 })
		// The outbox notes a message as sent after the channel has it.
		eventually(t, "stats that tell it", func() bool {
			stats, err := e.Stats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return len(stats) == 2 && stats[0].Channel == "dead" && stats[0].Waiting == 21 && stats[0].Sent == 0 && stats[1].Sent == 21
		})
	})
}

// Two processes with relay and engine send every message once between them.
func TestTwoProcesses(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db, box := open(t, g), &inbox{}
		users(t, db, 1)
		for range 2 {
			plain := db.Plain(t)
			e := newEngine(t, plain, []alert.Rule{mfaRule()}, map[string]alert.Channel{"inbox": box}, alert.WithSendTimeout(10*time.Second))
			start(t, func(ctx context.Context) error { return alert.Run(ctx, newRelay(t, plain), e) })
		}
		for i := range 40 {
			must(t, as(db, "1").Model(&User{ID: 1}).Update("mfa_phone", fmt.Sprint("+48", i)))
		}
		eventually(t, "40 messages", func() bool { return len(box.all()) >= 40 })
		time.Sleep(100 * time.Millisecond)
		var ids []string
		for _, m := range box.all() {
			ids = append(ids, m.ID)
		}
		slices.Sort(ids)
		if n := len(slices.Compact(slices.Clone(ids))); len(ids) != 40 || n != 40 {
			t.Errorf("%d messages, %d different", len(ids), n)
		}
	})
}
