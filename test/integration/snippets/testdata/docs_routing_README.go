package snippet

import (
	"io"

	"gorm.io/gorm"
)

var (
	db    *gorm.DB
	trail io.Writer
)

var _ = []any{db, trail}
