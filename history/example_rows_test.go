package history_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

type Account struct {
	ID     uint
	Owner  string
	Limit  int
	Closed bool
}

// bank returns a database in which Ada opened two accounts, and Grace raised the
// first one's limit, gave it to Eve and deleted the second one, each in a
// transaction of its own. opened is the time when both were open.
func bank() (db *gorm.DB, opened time.Time) {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	check(err)
	pool, err := db.DB()
	check(err)
	pool.SetMaxOpenConns(1) // a database in memory is its connection's own
	check(db.AutoMigrate(&Account{}))
	check(db.Use(auditplugin.New(auditplugin.WithLogger(slog.New(slog.DiscardHandler)))))
	ada := audit.WithActor(context.Background(), audit.Actor{ID: "1", Name: "Ada"})
	grace := audit.WithActor(context.Background(), audit.Actor{ID: "7", Name: "Grace"})
	check(db.WithContext(ada).Create(&[]Account{{Owner: "Bob", Limit: 100}, {Owner: "Kim", Limit: 50}}).Error)
	time.Sleep(time.Millisecond)
	opened = time.Now()
	time.Sleep(time.Millisecond)
	check(db.WithContext(audit.WithReason(grace, "ticket 8")).Model(&Account{ID: 1}).Update("limit", 900).Error)
	check(db.WithContext(audit.WithReason(grace, "ticket 9")).Model(&Account{ID: 1}).Updates(Account{Owner: "Eve", Limit: 950}).Error)
	check(db.WithContext(grace).Delete(&Account{ID: 2}).Error)
	return db, opened
}

func ExampleAsOf() {
	db, opened := bank()
	account := Account{ID: 1}
	check(history.AsOf(context.Background(), db, &account, opened))
	fmt.Printf("%+v\n", account)
	err := history.AsOf(context.Background(), db, &account, opened.Add(-time.Hour))
	fmt.Println(errors.Is(err, history.ErrNotFound))
	// Output:
	// {ID:1 Owner:Bob Limit:100 Closed:false}
	// true
}

func ExampleBefore() {
	db, _ := bank()
	ctx := context.Background()
	record, err := history.Search(db).Reason("ticket 9").First(ctx)
	check(err)
	account := Account{ID: 1}
	check(history.AsOf(ctx, db, &account, history.Before(record)))
	fmt.Println("before:", account.Owner, account.Limit)
	check(history.AsOf(ctx, db, &account, history.After(record)))
	fmt.Println("after: ", account.Owner, account.Limit)
	// Output:
	// before: Bob 900
	// after:  Eve 950
}

func ExampleAsOfAll() {
	db, opened := bank()
	for account, err := range history.AsOfAll[Account](context.Background(), db, opened) {
		check(err)
		fmt.Println(account.ID, account.Owner, account.Limit)
	}
	// Output:
	// 1 Bob 100
	// 2 Kim 50
}

func ExampleVersions() {
	db, _ := bank()
	for v, err := range history.Versions(context.Background(), db, &Account{ID: 1}) {
		check(err)
		fmt.Println(v.Record.Action, "by", v.Record.Actor.Name, "→", v.Row.Owner, v.Row.Limit)
	}
	// Output:
	// create by Ada → Bob 100
	// update by Grace → Bob 900
	// update by Grace → Eve 950
}

func ExampleDiff() {
	db, opened := bank()
	changes, err := history.Diff(context.Background(), db, &Account{ID: 1}, opened, time.Now())
	check(err)
	for _, c := range changes {
		fmt.Println(c.Path, c.From, "→", c.To)
	}
	// Output:
	// limit 100 → 950
	// owner Bob → Eve
}

func ExampleBlame() {
	db, _ := bank()
	lines, err := history.Blame(context.Background(), db, &Account{ID: 1})
	check(err)
	for _, l := range lines {
		fmt.Println(strings.TrimSpace(fmt.Sprint(l.Column, " = ", l.Value, " by ", l.Record.Actor.Name, " ", l.Record.Reason)))
	}
	// Output:
	// id = 1 by Ada
	// owner = Eve by Grace ticket 9
	// limit = 950 by Grace ticket 9
	// closed = false by Ada
}

func ExampleRevert() {
	db, _ := bank()
	ctx := audit.WithReason(audit.WithActor(context.Background(), audit.Actor{ID: "1", Name: "Ada"}), "mistaken")
	record, err := history.Search(db).Reason("ticket 9").First(ctx)
	check(err)

	planned, err := history.Revert(ctx, db, record, history.DryRun())
	check(err)
	for _, c := range planned.Steps[0].Changes {
		fmt.Println("would set", c.Path, "from", c.From, "to", c.To)
	}
	_, err = history.Revert(ctx, db, record)
	check(err)
	undone, err := history.Search(db).Newest().First(ctx)
	check(err)
	fmt.Println(undone.Action, undone.Changed, undone.Reason, undone.Cause == record.ID)

	// The limit was raised by another record, and set again since.
	raised, err := history.Search(db).Reason("ticket 8").First(ctx)
	check(err)
	check(db.Model(&Account{ID: 1}).Update("limit", 0).Error)
	_, err = history.Revert(ctx, db, raised)
	fmt.Println(errors.Is(err, history.ErrConflict), err)
	// Output:
	// would set owner from Eve to Bob
	// would set limit from 950 to 900
	// update [limit owner] mistaken true
	// true auditplugin: row has moved on: row "1" of table "accounts" (changed since: limit)
}

func ExampleRevertTransaction() {
	db, _ := bank()
	ctx := context.Background()
	deleted, err := history.OfTable(db, "accounts", 2).Newest().First(ctx)
	check(err)
	done, err := history.RevertTransaction(ctx, db, deleted.TransactionID)
	check(err)
	for _, step := range done.Steps {
		fmt.Println(step.Action, step.Table, step.RecordID)
	}
	var account Account
	check(db.First(&account, 2).Error)
	fmt.Printf("%+v\n", account)
	// Output:
	// create accounts 2
	// {ID:2 Owner:Kim Limit:50 Closed:false}
}

func ExampleRevertTo() {
	db, opened := bank()
	done, err := history.RevertTo(context.Background(), db, &Account{ID: 1}, opened)
	check(err)
	for _, c := range done.Steps[0].Changes {
		fmt.Println(c.Path, c.From, "→", c.To)
	}
	// Output:
	// owner Eve → Bob
	// limit 950 → 100
}

func ExamplePrune() {
	db, opened := bank()
	ctx := audit.WithReason(context.Background(), "kept for two years")
	done, err := history.Prune(ctx, db, history.PruneOptions{OlderThan: opened, Types: []string{"account"}})
	check(err)
	fmt.Println(done.Deleted, "records deleted")
	pruned, err := history.Search(db).Type("audit_prune").Newest().First(ctx)
	check(err)
	fmt.Println(pruned.Action, pruned.Outcome, pruned.Reason)
	err = history.AsOf(ctx, db, &Account{ID: 1}, opened.Add(-time.Hour))
	fmt.Println(errors.Is(err, history.ErrPruned))
	// Output:
	// 2 records deleted
	// event success kept for two years
	// true
}

func ExamplePartitionSchema() {
	ddl, err := history.PartitionSchema("mysql", "audit_logs", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), 2)
	check(err)
	_, partitions, _ := strings.Cut(ddl, "COLLATE=utf8mb4_bin\n")
	fmt.Print(partitions)
	// Output:
	// PARTITION BY RANGE COLUMNS(`occurred_at`) (
	//   PARTITION p202611 VALUES LESS THAN ('2026-12-01'),
	//   PARTITION p202612 VALUES LESS THAN ('2027-01-01'),
	//   PARTITION pmax VALUES LESS THAN (MAXVALUE)
	// );
}

func ExamplePrune_keepLast() {
	db, _ := bank()
	ctx := context.Background()
	o := history.PruneOptions{KeepLast: 1, Types: []string{"account"}, DryRun: true}
	planned, err := history.Prune(ctx, db, o)
	check(err)
	fmt.Println(planned.Deleted, "would be deleted")
	o.DryRun = false
	_, err = history.Prune(ctx, db, o)
	check(err)
	records, err := history.OfTable(db, "accounts", 1).Find(ctx)
	check(err)
	for _, r := range records {
		fmt.Println(r.Action, "limit", r.After["limit"])
	}
	// Output:
	// 1 would be deleted
	// create limit 100
	// update limit 950
}

func ExampleColumns() {
	db, opened := bank()
	done, err := history.RevertTo(context.Background(), db, &Account{ID: 1}, opened, history.Columns("Limit"))
	check(err)
	for _, c := range done.Steps[0].Changes {
		fmt.Println(c.Path, c.From, "→", c.To)
	}
	// Output:
	// limit 950 → 100
}
