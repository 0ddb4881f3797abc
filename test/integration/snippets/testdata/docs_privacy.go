package snippet

import (
	"context"

	"gorm.io/gorm"
)

type User struct {
	ID        uint
	Email     string
	Phone     string
	Addresses []Address
}

type Address struct{ ID, UserID uint }

var (
	ctx  context.Context
	db   *gorm.DB
	user User
)

var _ = []any{ctx, db, user}
