package history_test

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// countQueries returns a handle and the number of statements that went through it.
func countQueries(db *gorm.DB) (*gorm.DB, *int) {
	c := &counter{Interface: logger.Discard, n: new(int)}
	return db.Session(&gorm.Session{Logger: c}), c.n
}

type counter struct {
	logger.Interface
	n *int
}

func (c *counter) LogMode(logger.LogLevel) logger.Interface { return c }

func (c *counter) Trace(_ context.Context, _ time.Time, _ func() (string, int64), _ error) { *c.n++ }
