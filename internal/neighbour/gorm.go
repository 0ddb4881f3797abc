// Package neighbour holds what we lean on although nobody promised it: how GORM names its
// steps and wraps its pools, what database/sql does with a finished transaction, fields
// and error texts of drivers that we do not import. Each neighbour has one file here,
// and a test that fails when the neighbour changes.
package neighbour

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/fault"
)

// Chain is one of GORM's chains of callbacks, as far as it is asked.
type Chain interface {
	Get(name string) func(*gorm.DB)
}

// CheckSteps reports steps of GORM's own that are missing from db: those that run SQL, which
// ours stand beside. GORM puts a callback whose neighbour is missing at the end of the
// chain, where nothing is left to capture.
func CheckSteps(db *gorm.DB) error {
	cb := db.Callback()
	return errors.Join(
		CheckStep(cb.Create(), "gorm:create"),
		CheckStep(cb.Update(), "gorm:update"),
		CheckStep(cb.Delete(), "gorm:delete"),
		CheckStep(cb.Query(), "gorm:query"),
		CheckStep(cb.Row(), "gorm:row"),
		CheckStep(cb.Raw(), "gorm:raw"),
	)
}

// CheckStep reports a step that is missing from a chain.
func CheckStep(c Chain, name string) error {
	if c.Get(name) != nil {
		return nil
	}
	return fmt.Errorf("%w: this database has no callback %s, beside which writes are captured: they would go unrecorded. A callback that stands in for it must have its name (Replace)",
		fault.ErrInvalidOption, name)
}

// StartedTransaction reports whether GORM began a transaction for the statement at hand.
func StartedTransaction(db *gorm.DB) bool {
	_, started := db.InstanceGet("gorm:started_transaction")
	return started
}

// WantsMany reports whether a Row callback is for Rows rather than for Row.
func WantsMany(db *gorm.DB) bool {
	many, ok := db.Get("rows")
	return ok && many == true
}

// StandIn is a connection of ours in the place of another.
type StandIn interface {
	gorm.ConnPool
	Original() gorm.ConnPool
}

// Transaction is the transaction in what a statement runs on, behind GORM's prepared
// statements and stand-ins of ours; nil where there is none.
func Transaction(cp gorm.ConnPool) gorm.Tx {
	for {
		switch c := cp.(type) {
		case *gorm.PreparedStmtTX:
			if c.Tx == nil {
				return nil
			}
			cp = c.Tx // perhaps another of these: sessions prepare, too
		case StandIn:
			cp = c.Original()
		case gorm.Tx:
			return c
		default:
			return nil
		}
	}
}

// WithTransaction is cp with another transaction in the place of its own.
func WithTransaction(cp gorm.ConnPool, tx gorm.Tx) gorm.ConnPool {
	if c, ok := cp.(*gorm.PreparedStmtTX); ok {
		return &gorm.PreparedStmtTX{Tx: tx, PreparedStmtDB: c.PreparedStmtDB}
	}
	return tx
}

// Pool is the pool behind GORM's prepared statements. A session that prepares, of a
// database that does, has them twice.
func Pool(cp gorm.ConnPool) gorm.ConnPool {
	for {
		ps, ok := cp.(*gorm.PreparedStmtDB)
		if !ok {
			return cp
		}
		cp = ps.ConnPool
	}
}

// DB is the *sql.DB under a pool or a transaction, as GORM finds it; nil where there is none.
func DB(cp gorm.ConnPool) *sql.DB {
	if tx := Transaction(cp); tx != nil {
		cp = tx
	}
	pool, err := (&gorm.DB{Config: &gorm.Config{ConnPool: Pool(cp)}}).DB()
	if err != nil {
		return nil
	}
	return pool
}

// ResolvesSources reports whether dbresolver is installed, which may lead statements to
// other databases.
func ResolvesSources(db *gorm.DB) bool {
	_, ok := db.Plugins["gorm:db_resolver"]
	return ok
}

// SharePlugins reports whether two databases share one configuration's plugins.
func SharePlugins(a, b *gorm.DB) bool {
	return a.Plugins != nil && reflect.ValueOf(a.Plugins).Pointer() == reflect.ValueOf(b.Plugins).Pointer()
}

// Begun is what GORM would run statements on after it began tx on the pool cp.
func Begun(cp gorm.ConnPool, tx gorm.Tx) gorm.ConnPool {
	if ps, ok := cp.(*gorm.PreparedStmtDB); ok {
		return &gorm.PreparedStmtTX{Tx: tx, PreparedStmtDB: ps}
	}
	return tx
}

// ReplacePool puts another pool in the place of the one that db uses.
func ReplacePool(db *gorm.DB, by func(gorm.ConnPool) gorm.ConnPool) {
	if ps, ok := db.ConnPool.(*gorm.PreparedStmtDB); ok {
		for {
			inner, nested := ps.ConnPool.(*gorm.PreparedStmtDB)
			if !nested {
				break
			}
			ps = inner
		}
		ps.ConnPool = by(ps.ConnPool)
		return
	}
	wrapped := by(db.ConnPool)
	db.ConnPool = wrapped
	db.Statement.ConnPool = wrapped
}
