// A program of somebody who has read the README's first minute.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

type Account struct {
	ID    uint
	Phone string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	folder, err := os.MkdirTemp("", "outsider")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	db, err := gorm.Open(sqlite.Open(filepath.Join(folder, "db")), &gorm.Config{})
	if err != nil {
		return err
	}
	plugin := auditplugin.New()
	if err := errors.Join(db.AutoMigrate(&Account{}), db.Use(plugin)); err != nil {
		return err
	}
	ctx := audit.WithReason(audit.WithActor(context.Background(), audit.Actor{ID: "7", Type: "user", Name: "Grace"}), "ticket 1234")
	account := Account{Phone: "+12345678900"}
	if err := db.WithContext(ctx).Create(&account).Error; err != nil {
		return err
	}
	if err := gorm.G[Account](db).Exec(ctx, "UPDATE accounts SET phone = ? WHERE id = ?", "+1", account.ID); err != nil {
		return err
	}
	if _, err := gorm.G[Account](db).Where("id = ?", account.ID).Update(ctx, "phone", "+19876543210"); err != nil {
		return err
	}
	if err := db.WithContext(ctx).Delete(&account).Error; err != nil {
		return err
	}
	records, err := history.Of(db, &account).Find(ctx)
	if err != nil {
		return err
	}
	if err := history.Text(os.Stdout, records, history.Now(time.Now())); err != nil {
		return err
	}
	if len(records) != 3 || records[len(records)-1].Actor.Name != "Grace" || records[1].Before["phone"] != "+1" {
		return fmt.Errorf("3 records of a row were expected, by Grace: %+v", records)
	}
	return plugin.Close(ctx)
}
