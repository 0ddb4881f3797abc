package driverconn

import (
	"database/sql"
	"database/sql/driver"
	"sync"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// Shared is what the transactions of one pool share.
type Shared struct {
	repeats  bool      // statements that come again stay prepared for their transaction
	sessions *sessions // nil where there is nothing to gain
	buffers  sync.Pool // of *buffers
}

// NewShared is for the transactions of a pool; dialector is GORM's.
func NewShared(d *dialect.Dialect, dialector gorm.Dialector, pool gorm.ConnPool) *Shared {
	s := &Shared{repeats: d.PrepareRepeats, buffers: sync.Pool{New: newBuffers}}
	if db, ok := pool.(*sql.DB); ok && d.PrepareLasts && !neighbour.MySQLInterpolates(dialector) {
		s.sessions = &sessions{db: db, known: map[driver.Conn]*session{}}
	}
	return s
}

// buffers are used again by each statement.
type buffers struct {
	args  []driver.NamedValue
	check driver.NamedValue
	dest  []driver.Value
	row   []any
}

func newBuffers() any {
	return &buffers{args: make([]driver.NamedValue, 0, 32), dest: make([]driver.Value, 0, 16), row: make([]any, 0, 16)}
}

// dropped forgets what buffers of usual size hold; larger ones are not worth keeping.
func (b *buffers) dropped() bool {
	if cap(b.args) > 1024 || cap(b.dest) > 1024 {
		return false
	}
	clear(b.args[:cap(b.args)])
	clear(b.dest[:cap(b.dest)])
	clear(b.row[:cap(b.row)])
	b.check = driver.NamedValue{}
	return true
}
