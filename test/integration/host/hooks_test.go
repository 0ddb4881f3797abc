package host

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

type hooksKey struct{}

// withHooks returns a context in which the calls of hooks are noted.
func withHooks(ctx context.Context, into *[]string) context.Context {
	return context.WithValue(ctx, hooksKey{}, into)
}

var errHook = errors.New("the hook refuses")

func (p *Person) called(tx *gorm.DB, name string) error {
	if into, ok := tx.Statement.Context.Value(hooksKey{}).(*[]string); ok {
		*into = append(*into, fmt.Sprint(name, " ", p.ID, " ", p.Name, " ", tx.RowsAffected, " ", name == "BeforeUpdate" && tx.Statement.Changed("Name")))
	}
	if p.Name == "refused by "+name {
		return errHook
	}
	return nil
}

func (p *Person) BeforeSave(tx *gorm.DB) error   { return p.called(tx, "BeforeSave") }
func (p *Person) AfterSave(tx *gorm.DB) error    { return p.called(tx, "AfterSave") }
func (p *Person) BeforeCreate(tx *gorm.DB) error { return p.called(tx, "BeforeCreate") }
func (p *Person) AfterCreate(tx *gorm.DB) error  { return p.called(tx, "AfterCreate") }
func (p *Person) BeforeUpdate(tx *gorm.DB) error { return p.called(tx, "BeforeUpdate") }
func (p *Person) AfterUpdate(tx *gorm.DB) error  { return p.called(tx, "AfterUpdate") }
func (p *Person) BeforeDelete(tx *gorm.DB) error { return p.called(tx, "BeforeDelete") }
func (p *Person) AfterDelete(tx *gorm.DB) error  { return p.called(tx, "AfterDelete") }
func (p *Person) AfterFind(tx *gorm.DB) error    { return p.called(tx, "AfterFind") }
