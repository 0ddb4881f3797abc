package history_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
)

// backdate moves all records so far that many days back.
func backdate(t testing.TB, db *gorm.DB, days int) {
	t.Helper()
	must(t, db.Exec("UPDATE audit_logs SET occurred_at = strftime('%Y-%m-%d %H:%M:%f', occurred_at, ?) || '000+00:00'", fmt.Sprintf("-%d days", days)).Error)
}

func TestPrune(t *testing.T) {
	db := open(t, []any{&user{}, &region{}})
	ctx := audit.WithReason(by("keeper"), "retention")
	none, err := history.Prune(ctx, db, history.PruneOptions{OlderThan: time.Now()})
	must(t, err)
	if n, _ := history.Search(db).Count(ctx); none.Deleted != 0 || n != 0 {
		t.Errorf("nothing to prune: %+v, %d records", none, n)
	}
	u := user{Name: "0"}
	must(t, db.Create(&u).Error)
	for i := range 24 {
		must(t, db.Model(&u).Update("name", fmt.Sprint(i+1)).Error)
	}
	must(t, db.Create(&region{"no", "Norway"}).Error)
	backdate(t, db, 40)
	must(t, db.Model(&u).Update("name", "new").Error)
	latest := newest(t, db)

	var told []int64
	done, err := history.Prune(ctx, db, history.PruneOptions{
		OlderThan: time.Now().AddDate(0, 0, -30), Types: []string{"user"}, Batch: 10,
		Progress: func(p history.PruneProgress) { told = append(told, p.Deleted) },
	})
	must(t, err)
	if done.Deleted != 25 || fmt.Sprint(told) != "[10 20 25]" {
		t.Errorf("%+v, told %v", done, told)
	}
	records, err := history.Search(db).Find(ctx)
	must(t, err)
	if got := actions(records); got != "create update event event" || records[0].RecordType != "region" || records[1].ID != latest.ID {
		t.Errorf("left: %s", got)
	}
	begin, end := records[2], records[3]
	if begin.Actor.ID != "keeper" || end.Reason != "retention" || end.Cause != begin.ID || end.RecordType != "audit_prune" || !strings.Contains(end.Message, "pruned 25 records") {
		t.Errorf("recorded as\n%+v\n%+v", begin, end)
	}
	// What is newer than the horizon is known, what is older is refused.
	got := user{ID: u.ID}
	must(t, history.AsOf(ctx, db, &got, history.Before(latest)))
	if got.Name != "24" {
		t.Errorf("before the latest: %+v", got)
	}
	must(t, history.AsOf(ctx, db, &got, time.Now().AddDate(0, 0, -29)))
	for name, err := range map[string]error{
		"as of":     history.AsOf(ctx, db, &got, time.Now().AddDate(0, 0, -35)),
		"by seq":    history.AsOf(ctx, db, &got, history.AtSeq(3)),
		"diff":      second(history.Diff(ctx, db, &u, time.Now().AddDate(0, 0, -35), time.Now())),
		"revert to": second(history.RevertTo(ctx, db, &u, history.AtSeq(3))),
	} {
		if !errors.Is(err, history.ErrPruned) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := history.AsOf(ctx, db, &region{Code: "no"}, time.Now().AddDate(0, 0, -35)); err != nil {
		t.Errorf("another type: %v", err)
	}
	for row, err := range history.AsOfAll[region](ctx, db, time.Now().AddDate(0, 0, -35)) {
		if err != nil || row.Code != "no" {
			t.Errorf("all of another type: %+v, %v", row, err)
		}
	}
	for _, err := range history.AsOfAll[user](ctx, db, time.Now().AddDate(0, 0, -35)) {
		if !errors.Is(err, history.ErrPruned) {
			t.Errorf("all: %v", err)
		}
	}
	lines, err := history.Blame(ctx, db, &u)
	must(t, err)
	if lines[0].Record != nil || lines[1].Record == nil || lines[1].Record.ID != latest.ID {
		t.Errorf("%+v", lines)
	}
	// All types now; the horizons of both prunings hold.
	_, err = history.Prune(ctx, db, history.PruneOptions{OlderThan: time.Now().AddDate(0, 0, -35)})
	must(t, err)
	if err := history.AsOf(ctx, db, &region{Code: "no"}, time.Now().AddDate(0, 0, -36)); !errors.Is(err, history.ErrPruned) {
		t.Errorf("every type: %v", err)
	}
	if err := history.AsOf(ctx, db, &got, time.Now().AddDate(0, 0, -31)); !errors.Is(err, history.ErrPruned) {
		t.Errorf("the first pruning: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestPruneStops(t *testing.T) {
	db := open(t, []any{&user{}}, auditplugin.WithEmitter(emitter.Table(emitter.Name("trail"))))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for range 10 {
		must(t, db.Create(&user{}).Error)
	}
	time.Sleep(2 * time.Millisecond)
	o := history.PruneOptions{OlderThan: time.Now(), Batch: 3, Pause: time.Hour, Progress: func(history.PruneProgress) { cancel() }}
	done, err := history.Prune(ctx, db, o)
	if !errors.Is(err, context.Canceled) || done.Deleted != 3 {
		t.Fatalf("%+v, %v", done, err)
	}
	ctx = context.Background()
	last := newest(t, db)
	if last.Outcome != audit.Failure || !strings.Contains(last.Message, "stopped after 3") {
		t.Errorf("recorded as %+v", last)
	}
	o.Pause, o.Progress = time.Nanosecond, nil
	done, err = history.Prune(ctx, db, o) // goes on
	if err != nil || done.Deleted != 7 {
		t.Errorf("%+v, %v", done, err)
	}
	if n, err := history.Search(db).Count(ctx); n != 4 || err != nil {
		t.Errorf("%d records left, %v", n, err)
	}
}

func TestPruneMistakes(t *testing.T) {
	db := open(t, []any{&user{}})
	ctx := context.Background()
	past := time.Now().Add(-time.Second)
	tx := db.Begin()
	defer tx.Rollback()
	for name, err := range map[string]error{
		"no time":       second(history.Prune(ctx, db, history.PruneOptions{})),
		"future":        second(history.Prune(ctx, db, history.PruneOptions{OlderThan: time.Now().Add(time.Hour)})),
		"batch":         second(history.Prune(ctx, db, history.PruneOptions{OlderThan: past, Batch: -1})),
		"own records":   second(history.Prune(ctx, db, history.PruneOptions{OlderThan: past, Types: []string{"audit_prune"}})),
		"transaction":   second(history.Prune(ctx, tx, history.PruneOptions{OlderThan: past})),
		"no db":         second(history.Prune(ctx, nil, history.PruneOptions{OlderThan: past})),
		"no months":     second(history.PartitionSchema("postgres", "audit_logs", past, 0)),
		"ahead":         second(history.EnsurePartitions(ctx, db, -1)),
		"ensure inside": second(history.EnsurePartitions(ctx, tx, 1)),
	} {
		if !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := history.EnsurePartitions(ctx, db, 1); !errors.Is(err, history.ErrNotPartitioned) {
		t.Errorf("a plain table: %v", err)
	}
	if _, err := history.PartitionSchema("sqlite", "audit_logs", past, 1); !errors.Is(err, emitter.ErrUnknownDialect) {
		t.Errorf("SQLite: %v", err)
	}
}

// Whatever the audit table's schema becomes, keys contain the partitioning column.
func TestPartitionSchema(t *testing.T) {
	from := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for dialect, want := range map[string][]string{
		"postgres": {
			`"seq" bigint GENERATED ALWAYS AS IDENTITY,`, `PRIMARY KEY ("seq", "occurred_at")`, `PARTITION BY RANGE ("occurred_at");`,
			`ON "app"."trail" ("id", "occurred_at");`, `"app"."trail_p202612" PARTITION OF "app"."trail" FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');`,
			`"app"."trail_default" PARTITION OF "app"."trail" DEFAULT;`,
		},
		"mysql": {
			"`seq` BIGINT NOT NULL AUTO_INCREMENT,", "PRIMARY KEY (`seq`, `occurred_at`)", "(`id`, `occurred_at`)",
			"PARTITION BY RANGE COLUMNS(`occurred_at`)", "PARTITION p202611 VALUES LESS THAN ('2026-12-01')", "PARTITION pmax VALUES LESS THAN (MAXVALUE)",
		},
	} {
		ddl, err := history.PartitionSchema(dialect, "app.trail", from, 2)
		must(t, err)
		for _, part := range want {
			if !strings.Contains(ddl, part) {
				t.Errorf("%s: no %s in\n%s", dialect, part, ddl)
			}
		}
	}
}
