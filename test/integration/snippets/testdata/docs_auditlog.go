package snippet

import (
	"context"

	"gorm.io/gorm"
)

type person struct{ ID string }

var (
	ctx           context.Context
	db            *gorm.DB
	before, after person
)

var _ = []any{ctx, db, before, after}
