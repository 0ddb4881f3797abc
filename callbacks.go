package auditplugin

import (
	"errors"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/intercept"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/txn"
)

// hooks are the plugin's callbacks. What they put in place of a statement's connection
// is there for one step of GORM's only.
type hooks struct {
	interceptor *intercept.Interceptor
	follower    *txn.Follower
}

// register hooks the plugin into GORM. Each callback names both neighbours:
// After alone would put it behind gorm:commit_or_rollback_transaction.
func (h hooks) register(db *gorm.DB) error {
	cb := db.Callback()
	return errors.Join(
		cb.Create().Before("gorm:begin_transaction").Register("auditplugin:ready", unlessFailed(h.ready)),
		cb.Create().Before("gorm:before_create").Register("auditplugin:adopt", h.adopt(cb.Create(), "gorm:create")),
		cb.Create().After("gorm:save_before_associations").Before("gorm:create").Register("auditplugin:arm", h.before(statement.Create)),
		cb.Create().After("gorm:create").Before("gorm:save_after_associations").Register("auditplugin:disarm", intercept.After),

		cb.Update().Before("gorm:begin_transaction").Register("auditplugin:ready", unlessFailed(h.ready)),
		cb.Update().Before("gorm:setup_reflect_value").Register("auditplugin:adopt", h.adopt(cb.Update(), "gorm:update")),
		cb.Update().After("gorm:save_before_associations").Before("gorm:update").Register("auditplugin:arm", h.before(statement.Update)),
		cb.Update().After("gorm:update").Before("gorm:save_after_associations").Register("auditplugin:disarm", intercept.After),

		cb.Delete().Before("gorm:begin_transaction").Register("auditplugin:ready", unlessFailed(h.ready)),
		cb.Delete().Before("gorm:before_delete").Register("auditplugin:adopt", h.adopt(cb.Delete(), "gorm:delete")),
		cb.Delete().After("gorm:delete_before_associations").Before("gorm:delete").Register("auditplugin:arm", h.before(statement.Delete)),
		cb.Delete().After("gorm:delete").Before("gorm:after_delete").Register("auditplugin:disarm", intercept.After),

		cb.Raw().Before("gorm:raw").Register("auditplugin:arm", unlessFailed(h.interceptor.BeforeRaw)),
		cb.Raw().After("gorm:raw").Register("auditplugin:disarm", h.afterRaw),
		cb.Row().Before("gorm:row").Register("auditplugin:arm", unlessFailed(h.interceptor.BeforeRow)),
		cb.Row().After("gorm:row").Register("auditplugin:disarm", intercept.After),
		cb.Query().Before("gorm:query").Register("auditplugin:arm", unlessFailed(h.interceptor.BeforeRaw)),
		cb.Query().After("gorm:query").Before("gorm:preload").Register("auditplugin:disarm", intercept.After),
	)
}

// ready comes before the statement's transaction begins.
func (h hooks) ready(db *gorm.DB) { h.follower.Ready(db.Statement.Context, db.Statement.ConnPool) }

// adopt wraps the transaction that gorm:begin_transaction started when it did not
// come from our pool: under dbresolver, db.Connection, or an unwrapped pool. It refuses
// writes whose step of GORM's was removed after the plugin was installed.
func (h hooks) adopt(chain neighbour.Chain, step string) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if db.Error != nil {
			return
		}
		if err := neighbour.CheckStep(chain, step); err != nil {
			_ = db.AddError(err)
			return
		}
		if _, ours := h.follower.Seen(db.Statement.ConnPool); !ours && neighbour.StartedTransaction(db) {
			db.Statement.ConnPool = h.follower.Adopt(db.Statement.Context, db.Statement.ConnPool)
		}
	}
}

func (h hooks) before(op statement.Operation) func(*gorm.DB) {
	return unlessFailed(func(db *gorm.DB) { h.interceptor.Before(db, op) })
}

func (h hooks) afterRaw(db *gorm.DB) {
	intercept.After(db)
	h.interceptor.ForgetDefinitions(db.Statement.SQL.String())
}

// unlessFailed leaves out statements that will not run.
func unlessFailed(f func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if db.Error == nil && !db.DryRun {
			f(db)
		}
	}
}
