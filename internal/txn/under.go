package txn

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

// PoolUnder finds the pool under db, in which nobody follows transactions yet, and refuses
// those that can not be served. unwrapped says that it will be left as it is.
func PoolUnder(db *gorm.DB, unwrapped bool) (gorm.ConnPool, error) {
	pool := neighbour.Pool(db.ConnPool)
	if pool == nil {
		return nil, fmt.Errorf("%w: db has no connection pool", fault.ErrUnsupportedPool)
	}
	if inTransaction(pool) || db.Statement != nil && inTransaction(db.Statement.ConnPool) {
		return nil, fmt.Errorf("%w: db is a transaction; install the plugin on the database itself", fault.ErrUnsupportedPool)
	}
	if _, wrapped := pool.(*Pool); wrapped {
		return nil, fmt.Errorf("%w: another auditplugin wraps this database already", fault.ErrUnsupportedPool)
	}
	if !unwrapped && neighbour.IsSharding(db, pool) {
		return nil, fmt.Errorf("%w: gorm's sharding plugin does not work with a wrapped pool; use WithUnwrappedPool", fault.ErrUnsupportedPool)
	}
	return pool, nil
}

func inTransaction(cp gorm.ConnPool) bool {
	_, ok := cp.(gorm.TxCommitter)
	return ok
}
