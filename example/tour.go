package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gorm.io/gorm"

	auditplugin "github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
)

// errChangedMind is what makes the tour's one transaction roll back.
var errChangedMind = errors.New("changed my mind")

// tour makes the service's changes, one kind after the other.
func tour(ctx context.Context, out io.Writer, db *gorm.DB) error {
	system := audit.WithActor(ctx, audit.Actor{ID: "import", Type: "service", Name: "nightly import"})
	grace := audit.WithActor(ctx, audit.Actor{ID: "7", Type: "user", Name: "Grace"})
	var ada Account
	steps := []struct {
		title string
		do    func() error
	}{
		{"create three roles and three accounts", func() error {
			db := db.WithContext(audit.WithReason(system, "first import"))
			return createAccounts(db, &ada)
		}},
		{"change the MFA phone", func() error {
			ctx := audit.WithReason(grace, "ticket 1234")
			ctx = audit.WithMessage(ctx, "Edit made to MFA information")
			return db.WithContext(ctx).Model(&ada).Update("mfa_phone", "+19876543210").Error
		}},
		{"change a masked field and one that is masked by its name", func() error {
			ctx := audit.WithReason(grace, "ticket 1235")
			return db.WithContext(ctx).Model(&ada).
				Updates(Account{RecoveryCode: "violet-harbour-19", PasswordHash: "argon2id$new"}).Error
		}},
		{"deactivate every account of example.org, one statement", func() error {
			ctx := audit.WithReason(system, "contract ended")
			return db.WithContext(ctx).Model(&Account{}).
				Where("email LIKE ?", "%@example.org").Update("active", false).Error
		}},
		{"soft-delete an account", func() error {
			return db.WithContext(audit.WithReason(grace, "ticket 1236")).Delete(&ada).Error
		}},
		{"restore it", func() error {
			return db.WithContext(audit.WithReason(grace, "ticket 1236: wrong account")).
				Unscoped().Model(&ada).Update("deleted_at", nil).Error
		}},
		{"replace its roles (many2many)", func() error {
			var editor Role
			ctx := audit.WithReason(grace, "ticket 1237")
			if err := db.First(&editor, "name = ?", "editor").Error; err != nil {
				return err
			}
			return db.WithContext(ctx).Model(&ada).Association("Roles").Replace(&editor)
		}},
		{"roll a transaction back: no line, no row", func() error {
			ctx := audit.WithReason(grace, "ticket 1238")
			err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
				if err := tx.Model(&ada).Update("name", "Countess of Lovelace").Error; err != nil {
					return err
				}
				return errChangedMind
			})
			return expect(out, err, errChangedMind)
		}},
		{"forget the reason: the write is refused, and that is recorded", func() error {
			err := db.WithContext(grace).Model(&ada).Update("name", "A. L.").Error
			return expect(out, err, auditplugin.ErrReasonRequired)
		}},
	}
	for _, s := range steps {
		fmt.Fprintf(out, "\n-- %s\n", s.title)
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
	}
	return nil
}

// createAccounts fills the tables and leaves the first account in ada.
func createAccounts(db *gorm.DB, ada *Account) error {
	roles := []Role{{Name: "reader"}, {Name: "editor"}, {Name: "owner"}}
	if err := db.Create(&roles).Error; err != nil {
		return err
	}
	accounts := []Account{
		{
			Name: "Ada", Email: "ada@example.com", Active: true, MFAPhone: "+12345678900",
			PasswordHash: "argon2id$old", RecoveryCode: "amber-meadow-77", Roles: roles[:1],
		},
		{Name: "Brook", Email: "brook@example.org", Active: true},
		{Name: "Casey", Email: "casey@example.org", Active: true},
	}
	if err := db.Create(&accounts).Error; err != nil {
		return err
	}
	*ada = accounts[0]
	return nil
}

// expect shows an error that the tour set out to get; any other outcome is an
// error of the tour itself.
func expect(out io.Writer, got, want error) error {
	if got == nil {
		return fmt.Errorf("no error, but it should have been: %w", want)
	}
	if !errors.Is(got, want) {
		return fmt.Errorf("%w, but it should have been: %w", got, want)
	}
	fmt.Fprintf(out, "   as expected: %v\n", got)
	return nil
}
