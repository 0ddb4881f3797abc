package relay

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// What commits late, and what rolls back, among many writers: exactly what is in the
// table in the end has been followed, each record once.
func TestFollowSkipsNothing(t *testing.T) {
	servers(t, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 8)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		seen := make(chan string, 10_000)
		ready := make(chan struct{})
		f, err := relay.Follow(ctx, db.DB, relay.FollowNow, relay.PollEvery(5*time.Millisecond), relay.SettleAfter(100*time.Millisecond))
		must(t, err)
		go func() {
			defer close(seen)
			for r, err := range f.Records(ctx) {
				if err != nil && ctx.Err() == nil {
					t.Errorf("following: %v", err)
				}
				if r.ID != "" {
					seen <- r.ID
				}
				select {
				case <-ready:
				default:
					close(ready)
				}
			}
		}()
		write(t, db.DB, 1, "begin")
		<-ready
		var writers sync.WaitGroup
		for w := range 8 {
			writers.Go(func() {
				for i := range 30 {
					tx := db.Begin()
					write(t, tx, uint(w+1), fmt.Sprint("phone ", w, i))
					time.Sleep(time.Duration((w*7+i*3)%11) * time.Millisecond)
					if (w+i)%4 == 0 {
						tx.Rollback()
						continue
					}
					if err := tx.Commit().Error; err != nil {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
		var want []string
		must(t, db.DB.Raw("SELECT id FROM audit_logs WHERE seq > 8").Scan(&want).Error)
		var got []string
		deadline := time.After(20 * time.Second)
		for len(got) < len(want) {
			select {
			case id := <-seen:
				got = append(got, id)
			case <-deadline:
				t.Fatalf("%d of %d records after 20 s", len(got), len(want))
			}
		}
		cancel()
		for id := range seen {
			got = append(got, id)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%d records followed, %d are there", len(got), len(want))
		}
	})
}
