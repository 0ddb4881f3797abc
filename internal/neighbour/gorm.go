// Package neighbour holds what we lean on although nobody promised it: how GORM names its
// steps and wraps its pools, what database/sql does with a finished transaction, fields
// and error texts of drivers that we do not import. Each neighbour has one file here,
// and a test that fails when the neighbour changes.
package neighbour

import (
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/fault"
)

// steps are GORM's own callbacks that ours stand beside. One that is missing or renamed
// would leave ours at the end of the chain, where nothing is captured.
var steps = map[string][]string{
	"create": {"gorm:before_create", "gorm:save_before_associations", "gorm:create", "gorm:save_after_associations"},
	"update": {"gorm:setup_reflect_value", "gorm:save_before_associations", "gorm:update", "gorm:save_after_associations"},
	"delete": {"gorm:before_delete", "gorm:delete_before_associations", "gorm:delete", "gorm:after_delete"},
	"query":  {"gorm:query", "gorm:preload"},
	"row":    {"gorm:row"},
	"raw":    {"gorm:raw"},
}

// CheckSteps reports GORM's own callbacks that are missing from db.
func CheckSteps(db *gorm.DB) error {
	cb := db.Callback()
	chains := map[string]interface{ Get(string) func(*gorm.DB) }{
		"create": cb.Create(), "update": cb.Update(), "delete": cb.Delete(), "query": cb.Query(), "row": cb.Row(), "raw": cb.Raw(),
	}
	var missing []string
	for _, chain := range [...]string{"create", "update", "delete", "query", "row", "raw"} {
		for _, step := range steps[chain] {
			if chains[chain].Get(step) == nil {
				missing = append(missing, chain+" has no "+step)
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: GORM's callbacks are not complete (%s): writes would go unrecorded; install the plugin before they are removed or replace them under the same name",
			fault.ErrInvalidOption, strings.Join(missing, ", "))
	}
	return nil
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
			return c.Tx
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

// Pool is the pool behind GORM's prepared statements.
func Pool(cp gorm.ConnPool) gorm.ConnPool {
	if ps, ok := cp.(*gorm.PreparedStmtDB); ok {
		return ps.ConnPool
	}
	return cp
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
		ps.ConnPool = by(ps.ConnPool)
		return
	}
	wrapped := by(db.ConnPool)
	db.ConnPool = wrapped
	db.Statement.ConnPool = wrapped
}
