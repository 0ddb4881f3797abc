package alert_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Everything that the outbox holds, on every database: digests, throttling, counts,
// what is told once, dead messages; and a dry run that finds the same.
func TestOutbox(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db, box := open(t, g), &inbox{}
		users(t, db, 8)
		rules := []alert.Rule{
			mfaRule().Named("digest").Digest(3 * time.Second),
			mfaRule().Named("some").Throttle(2, 4*time.Second),
			mfaRule().Named("once").Dedupe(time.Hour),
			alert.When(alert.Action(audit.Delete), alert.Table("users"), alert.MoreThan(3).In(time.Minute).By(alert.ByActor)).Named("mass").To("inbox"),
			alert.When(alert.Value("role", alert.Becomes("admin")), alert.Value("balance", alert.Above(5)), alert.MoreThan(1).In(time.Minute)).Named("admins").To("inbox"),
		}
		plain := db.Plain(t)
		e := newEngine(t, plain, rules, map[string]alert.Channel{"inbox": box})
		begin := time.Now()
		for i := 1; i <= 4; i++ {
			must(t, as(db, "1").Model(&User{ID: uint(i)}).Update("mfa_phone", "+491"))
			must(t, as(db, "1").Model(&User{ID: uint(i)}).Update("mfa_phone", "+492"))
			must(t, as(db, "1").Model(&User{ID: uint(i)}).Updates(User{Role: "admin", Balance: i * 3}))
		}
		for i := 1; i <= 8; i++ {
			must(t, as(db, fmt.Sprint(i%3)).Delete(&User{}, i))
		}
		must(t, as(db, "2").Create(&User{ID: 20}))
		must(t, as(db, "2").Delete(&User{}, 20))
		changed := time.Now()
		stop := start(t, func(ctx context.Context) error { return alert.Run(ctx, newRelay(t, plain), e) })
		// 1 digest, 2 and the rest, 4 phones, one actor with four deletions, one pair
		// of admins.
		want := map[string]int{"digest": 1, "some": 3, "once": 4, "mass": 1, "admins": 1}
		eventually(t, "the messages", func() bool { return len(box.all()) >= 10 })
		time.Sleep(100 * time.Millisecond)
		stop()
		got := map[string]int{}
		for _, m := range box.all() {
			got[m.Rule]++
			switch {
			case m.Rule == "digest" && len(m.Records) != 8,
				m.Rule == "some" && len(m.Records) != 1 && (len(m.Records) != 6 || !strings.Contains(m.Subject, "and 6 more")),
				m.Rule == "mass" && !strings.HasPrefix(m.Text, "4 changes within a minute by Actor 2 (user 2)"):
				t.Errorf("%+v", m)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}

		// Dry runs do not know how long the relay took, so rules about delivery time
		// are left out.
		report, err := alert.DryRun(t.Context(), plain, rules[2:], begin.Add(-time.Second), changed.Add(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		var planned, sent []string
		for _, m := range report.Messages {
			planned = append(planned, m.Rule+" "+m.Records[0])
		}
		for _, m := range box.all() {
			if want := []string{"once", "mass", "admins"}; slices.Contains(want, m.Rule) {
				sent = append(sent, m.Rule+" "+m.Records[0])
			}
		}
		slices.Sort(planned)
		slices.Sort(sent)
		// In the backlog, a count may be told of at an earlier record of the same
		// group than when each came alone.
		if len(planned) != len(sent) || !slices.Equal(planned[len(planned)-4:], sent[len(sent)-4:]) {
			t.Errorf("planned %q\nsent %q", planned, sent)
		}
	})
}

func TestDeadAndReplayed(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db, box := open(t, g), &inbox{}
		users(t, db, 3)
		box.setFail(errors.New("https://hooks.example.com/S3CR3T: no"))
		plain := db.Plain(t)
		e := newEngine(t, plain, []alert.Rule{mfaRule().Digest(2 * time.Second)}, map[string]alert.Channel{"inbox": box})
		start(t, func(ctx context.Context) error { return alert.Run(ctx, newRelay(t, plain), e) })
		for i := range 3 {
			must(t, as(db, "1").Model(&User{ID: uint(i + 1)}).Update("mfa_phone", "+491"))
		}
		var dead []alert.DeadMessage
		eventually(t, "a dead message", func() bool {
			var err error
			if dead, err = e.Dead(t.Context(), 10); err != nil {
				t.Fatal(err)
			}
			return len(dead) > 0
		})
		if len(dead) != 1 || dead[0].Attempt != 3 || strings.Contains(dead[0].Error, "S3CR3T") || len(dead[0].Records) != 3 {
			t.Errorf("%+v", dead)
		}
		box.setFail(nil)
		if n, err := e.Replay(t.Context(), dead[0].ID); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		eventually(t, "the message", func() bool { return len(box.all()) == 1 })
		if m := box.all()[0]; m.ID != dead[0].ID || len(m.Records) != 3 {
			t.Errorf("%+v", m)
		}
		eventually(t, "three sent rows", func() bool {
			stats, err := e.Stats(t.Context())
			return err == nil && stats[0].Sent == 3 && stats[0].Waiting+stats[0].Dead == 0
		})
		if n, err := e.Discard(t.Context()); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := e.Prune(t.Context(), 0); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		// Errors name the step, and not what the database says, which quotes.
		must(t, plain.Exec("ALTER TABLE audit_alerts DROP COLUMN body"))
		r := audit.Record{ID: "r", Action: audit.Update, RecordType: "user", Time: time.Now(), Changes: []audit.Change{{Path: "mfa_phone", To: "S3CR3T"}}}
		err := e.Emit(t.Context(), []audit.Record{r})
		if err == nil || !strings.HasPrefix(err.Error(), "auditplugin: alerts: writing to the outbox failed") || strings.Contains(err.Error(), "body") || errors.Unwrap(err) == nil {
			t.Error(err)
		}
	})
}

// Processes that start at once make one table between them, and the DDL for
// migration tools makes the same one.
func TestInstall(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := open(t, g)
		var wg sync.WaitGroup
		for range 6 {
			plain := db.Plain(t)
			wg.Go(func() {
				if _, err := alert.New(plain, nil, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		must(t, db.Exec("DROP TABLE audit_alerts"))
		plain := db.Plain(t)
		if _, err := alert.New(plain, nil, nil, alert.NoCreate()); !errors.Is(err, alert.ErrTableMissing) {
			t.Error(err)
		}
		schema, err := alert.Schema(g.Dialect)
		if err != nil {
			t.Fatal(err)
		}
		for statement := range strings.SplitSeq(schema, ";\n") {
			if statement != "" {
				must(t, plain.Exec(statement))
			}
		}
		if _, err := alert.New(plain, nil, nil, alert.NoCreate()); err != nil {
			t.Error(err)
		}
		must(t, plain.Exec("ALTER TABLE audit_alerts DROP COLUMN link"))
		if _, err := alert.New(plain, nil, nil); !errors.Is(err, alert.ErrTableMismatch) {
			t.Error(err)
		}
		err = plain.Transaction(func(tx *gorm.DB) error {
			_, err := alert.New(tx, nil, nil)
			return err
		})
		if !errors.Is(err, alert.ErrInTransaction) {
			t.Error(err)
		}
	})
}
