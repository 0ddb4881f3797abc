package snippet

import (
	"context"
	"net/http"
	"testing"

	"gorm.io/gorm"
)

type User struct {
	ID    uint
	Name  string
	Phone string
}

var (
	ctx     context.Context
	db      *gorm.DB
	handler http.Handler
	t       *testing.T
	user    User
	dsn     string
)

var _ = []any{ctx, db, handler, t, user, dsn}
