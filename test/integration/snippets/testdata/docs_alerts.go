package snippet

import (
	"context"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
)

type User struct {
	ID       uint
	MFAPhone string
}

var (
	ctx   context.Context
	db    *gorm.DB
	rules []alert.Rule
)

var _ = []any{ctx, db, rules}
