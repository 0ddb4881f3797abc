package proof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// Hooks gives a model every hook of GORM. Each notes that it was called, and with
// what; the context of a call may plan that one of them acts.
type Hooks struct{}

// planned is the key under which a context holds a plan.
type planned struct{}

// plan is what a hook is to do.
type plan struct {
	hook, act string
	cancel    context.CancelFunc
	player    *player
}

var (
	hooks = []string{
		"BeforeSave", "BeforeCreate", "AfterCreate", "AfterSave", "BeforeUpdate", "AfterUpdate", "BeforeDelete", "AfterDelete", "AfterFind",
	}
	acts = []string{"fail", "fail", "cancel", "write", "set", "panic"}
)

var errHook = errors.New("a hook fails on purpose")

func called(db *gorm.DB, hook string) error {
	p, ok := db.Statement.Context.Value(planned{}).(plan)
	if !ok {
		return nil
	}
	rows := db.Statement.ReflectValue.Interface()
	if hook == "AfterDelete" || hook == "AfterUpdate" || hook == "AfterSave" {
		rows = sorted(rows) // RETURNING promises no order, and PostgreSQL's heap keeps none
	}
	text, err := json.Marshal(rows)
	if err != nil {
		text = []byte(err.Error())
	}
	p.player.hooks = append(p.player.hooks, fmt.Sprintf("%s of %s, %d rows: %s", hook, db.Statement.Table, db.RowsAffected, text))
	if hook != p.hook {
		return nil
	}
	switch p.act {
	case "fail":
		return errHook
	case "panic":
		panic(errHook)
	case "cancel":
		p.cancel()
	case "write":
		return db.Session(&gorm.Session{NewDB: true}).Create(&Bag{Name: hook, N: 1}).Error
	case "set":
		db.Statement.SetColumn("Name", "hooked")
	}
	return nil
}

func (*Hooks) BeforeSave(db *gorm.DB) error   { return called(db, "BeforeSave") }
func (*Hooks) BeforeCreate(db *gorm.DB) error { return called(db, "BeforeCreate") }
func (*Hooks) AfterCreate(db *gorm.DB) error  { return called(db, "AfterCreate") }
func (*Hooks) AfterSave(db *gorm.DB) error    { return called(db, "AfterSave") }
func (*Hooks) BeforeUpdate(db *gorm.DB) error { return called(db, "BeforeUpdate") }
func (*Hooks) AfterUpdate(db *gorm.DB) error  { return called(db, "AfterUpdate") }
func (*Hooks) BeforeDelete(db *gorm.DB) error { return called(db, "BeforeDelete") }
func (*Hooks) AfterDelete(db *gorm.DB) error  { return called(db, "AfterDelete") }
func (*Hooks) AfterFind(db *gorm.DB) error    { return called(db, "AfterFind") }
