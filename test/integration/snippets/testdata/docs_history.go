package snippet

import (
	"context"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

type User struct {
	ID    uint
	Name  string
	Phone string
}

type Visit struct {
	ID   uint
	Note string
}

var (
	ctx    context.Context
	db     *gorm.DB
	user   User
	visit  Visit
	record audit.Record
)

var _ = []any{ctx, db, user, visit, record}
