package trigger_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/trigger"
)

// User is what the examples change.
type User struct {
	ID       uint
	Name     string
	Password string // masked because of its name
}

// open opens a database in memory with the plugin, and a table.
func open() (*gorm.DB, *sql.DB) {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	check(err)
	pool, err := db.DB()
	check(err)
	pool.SetMaxOpenConns(1) // each connection would be a database of its own
	check(db.AutoMigrate(&User{}))
	check(db.Use(auditplugin.New(auditplugin.WithCompanion())))
	return db, pool
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// One trail: what GORM changed is recorded by the plugin, what another program changed by
// the triggers, and the rows of raw SQL by them with who and why.
func Example() {
	db, otherProgram := open()
	check(trigger.Install(db, trigger.For(&User{})))

	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "7", Type: "user", Name: "Grace"})
	user := User{ID: 1, Name: "Ada", Password: "old"}
	check(db.WithContext(ctx).Create(&user).Error)
	_, err := otherProgram.Exec("UPDATE users SET password = 'new' WHERE id = 1")
	check(err)
	ctx = audit.WithReason(ctx, "ticket 1234")
	check(db.WithContext(ctx).Exec("UPDATE users SET name = upper(name)").Error)

	records, err := history.Of(db, &user).Find(context.Background())
	check(err)
	for _, r := range records {
		by := r.Actor.Name
		if r.Actor.Type == "db" {
			by = "another program"
		}
		fmt.Printf("%s by %s %q: %v → %v\n", r.Action, by, r.Reason, r.Before, r.After)
	}
	// Output:
	// create by Grace "": map[] → map[id:1 name:Ada password:***]
	// update by another program "": map[password:***] → map[password:***]
	// update by Grace "ticket 1234": map[name:Ada] → map[name:ADA]
}

// The statements can be read, and run by a migration tool.
func ExampleGenerate() {
	db, _ := open()
	statements, err := trigger.Generate(db, trigger.For(&User{}))
	check(err)
	for _, s := range statements {
		line, _, _ := strings.Cut(s, "\n")
		line, _, _ = strings.Cut(line, " (")
		fmt.Println(line)
	}
	// Output:
	// CREATE TABLE IF NOT EXISTS auditplugin_quiet
	// CREATE TABLE IF NOT EXISTS auditplugin_context
	// DROP TRIGGER IF EXISTS `auditplugin_users_insert`
	// DROP TRIGGER IF EXISTS `auditplugin_users_update`
	// DROP TRIGGER IF EXISTS `auditplugin_users_delete`
	// CREATE TRIGGER `auditplugin_users_insert` AFTER INSERT ON `users`
	// CREATE TRIGGER `auditplugin_users_update` AFTER UPDATE ON `users`
	// CREATE TRIGGER `auditplugin_users_delete` AFTER DELETE ON `users`
}

// A health check, or a test behind the migrations, notices what was forgotten.
func ExampleCheck() {
	db, _ := open()
	check(trigger.Install(db, trigger.For(&User{})))
	check(db.Exec("ALTER TABLE users ADD COLUMN phone TEXT").Error)
	found, err := trigger.Check(context.Background(), db, trigger.For(&User{}))
	check(err)
	for _, drift := range found {
		fmt.Fprintln(os.Stdout, drift)
	}
	// Output:
	// users: outdated auditplugin_users_insert
	// users: outdated auditplugin_users_update
	// users: outdated auditplugin_users_delete
}

// Triggers go away by the statements that Drop returns.
func ExampleDrop() {
	db, _ := open()
	check(trigger.Install(db, trigger.For(&User{})))
	statements, err := trigger.Drop(db, trigger.For(&User{}))
	check(err)
	for _, s := range statements {
		check(db.Exec(s).Error)
	}
	found, err := trigger.Check(context.Background(), db, trigger.For(&User{}))
	check(err)
	fmt.Println(len(found), found[0].Kind)
	// Output:
	// 3 missing
}
