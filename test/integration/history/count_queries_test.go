package history_test

import (
	"sync/atomic"

	"gorm.io/gorm"
)

// countQueries returns a handle and the number of statements that went through it.
func countQueries(db *gorm.DB) (*gorm.DB, *atomic.Int64) {
	n := &atomic.Int64{}
	return db.Session(&gorm.Session{Logger: counter{n}}), n
}
