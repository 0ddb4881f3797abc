package snippet

import (
	"context"

	"gorm.io/gorm"
)

type User struct {
	ID      uint
	Name    string
	Phone   string
	Address map[string]any `gorm:"serializer:json"`
}

var (
	ctx  context.Context
	db   *gorm.DB
	user User
)

var _ = []any{ctx, db, user}
