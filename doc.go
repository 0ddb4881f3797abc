// Package auditplugin is a GORM plugin that records who changed which row, from
// what, to what, when and why.
package auditplugin

import (
	_ "github.com/google/uuid"
	_ "github.com/r3labs/diff/v3"
	_ "gorm.io/driver/sqlite"
	_ "gorm.io/gorm"
)
