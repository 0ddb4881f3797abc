package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gorm.io/gorm"

	auditplugin "github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/trigger"
)

// runCompanion changes one row in three ways, through GORM, by raw SQL, and as another
// program does, and shows one trail of all of them.
func runCompanion(ctx context.Context, out io.Writer, dsn string) (err error) {
	db, closeDB, err := openDatabase(dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDB()) }()
	plugin := auditplugin.New(auditplugin.WithCompanion(), auditplugin.WithApplication("accounts"))
	if err := db.Use(plugin); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plugin.Close(ctx)) }()
	if err := trigger.Install(db, trigger.For(&Account{})); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, trigger.Remove(db, trigger.For(&Account{}))) }()
	before, err := lastSeq(db)
	if err != nil {
		return err
	}
	ada := Account{Name: "Ada", Email: "ada@example.com", MFAPhone: "+12345678900", RecoveryCode: "amber-meadow-77"}
	if err := threeWays(ctx, db, &ada); err != nil {
		return err
	}
	records, err := history.Of(db, &ada).Find(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "== One row, changed in three ways ==")
	for _, r := range records {
		if r.Seq <= before {
			continue // of an earlier tour
		}
		who := r.Actor.Name
		if who == "" {
			who = "another program"
		}
		fmt.Fprintf(out, "\n%s by %s: %s\n", r.Action, who, r.Reason)
		for _, c := range r.Changes {
			fmt.Fprintf(out, "     %s: %v → %v\n", c.Path, c.From, c.To)
		}
	}
	drift, err := trigger.Check(ctx, db, trigger.For(&Account{}))
	fmt.Fprintf(out, "\ntriggers out of date: %d\n", len(drift))
	return err
}

func threeWays(ctx context.Context, db *gorm.DB, ada *Account) error {
	ctx = audit.WithActor(ctx, audit.Actor{ID: "7", Type: "user", Name: "Grace"})
	because := func(reason string) *gorm.DB { return db.WithContext(audit.WithReason(ctx, reason)) }
	if err := because("hired").Create(ada).Error; err != nil {
		return err
	}
	if err := because("ticket 1234").Model(ada).Update("mfa_phone", "+19876543210").Error; err != nil {
		return err
	}
	if err := because("ticket 1235").Exec("UPDATE tour_accounts SET name = UPPER(name)").Error; err != nil {
		return err
	}
	other, err := db.DB() // as psql would: no GORM, no plugin
	if err != nil {
		return err
	}
	_, err = other.ExecContext(ctx, "UPDATE tour_accounts SET mfa_phone = '+1666', recovery_code = 'stolen-sheep-12'")
	return err
}
