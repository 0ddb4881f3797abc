package auditplugin

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// register hooks the plugin into GORM. Each callback names both neighbours:
// After alone would put it behind gorm:commit_or_rollback_transaction.
func (p *Plugin) register(db *gorm.DB) error {
	cb := db.Callback()
	return errors.Join(
		cb.Create().Before("gorm:before_create").Register("auditplugin:adopt", p.adopt),
		cb.Create().After("gorm:save_before_associations").Before("gorm:create").Register("auditplugin:arm", p.armFor(opCreate)),
		cb.Create().After("gorm:create").Before("gorm:save_after_associations").Register("auditplugin:disarm", disarm),

		cb.Update().Before("gorm:setup_reflect_value").Register("auditplugin:adopt", p.adopt),
		cb.Update().After("gorm:save_before_associations").Before("gorm:update").Register("auditplugin:arm", p.armFor(opUpdate)),
		cb.Update().After("gorm:update").Before("gorm:save_after_associations").Register("auditplugin:disarm", disarm),

		cb.Delete().Before("gorm:before_delete").Register("auditplugin:adopt", p.adopt),
		cb.Delete().After("gorm:delete_before_associations").Before("gorm:delete").Register("auditplugin:arm", p.armFor(opDelete)),
		cb.Delete().After("gorm:delete").Before("gorm:after_delete").Register("auditplugin:disarm", disarm),

		cb.Raw().Before("gorm:raw").Register("auditplugin:arm", p.armRaw),
		cb.Raw().After("gorm:raw").Register("auditplugin:disarm", p.disarmRaw),
		cb.Row().Before("gorm:row").Register("auditplugin:arm", p.armRow),
		cb.Row().After("gorm:row").Register("auditplugin:disarm", disarm),
		cb.Query().Before("gorm:query").Register("auditplugin:arm", p.armRaw),
		cb.Query().After("gorm:query").Before("gorm:preload").Register("auditplugin:disarm", disarm),
	)
}

// adopt wraps the transaction that gorm:begin_transaction started when it did not
// come from our pool: under dbresolver, db.Connection, or an unwrapped pool.
func (p *Plugin) adopt(db *gorm.DB) {
	if db.Error != nil {
		return
	}
	if _, ours := asTransaction(db.Statement.ConnPool); ours {
		return
	}
	if _, started := db.InstanceGet("gorm:started_transaction"); !started {
		return
	}
	db.Statement.ConnPool = p.wrapTransaction(db.Statement.Context, db.Statement.ConnPool)
}

// armFor returns the callback that puts the capturing connection in place for the
// one statement that comes next. Only there are the statement's clauses final.
func (p *Plugin) armFor(op operation) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if db.Error != nil || db.DryRun {
			return
		}
		ref, ok := tableRef(db.Statement)
		if !ok {
			if db.Statement.TableExpr != nil {
				arm(db, &armed{orig: db.Statement.ConnPool, p: p, db: db, op: op})
			}
			return // GORM itself will report that there is no table
		}
		known := db.Statement.Schema
		if known == nil { // Table("x"): what the model says of secrets still holds
			known = p.schemaOf(nil, ref.name)
		}
		m := p.modelFor(known, ref.name)
		if !m.audited {
			return
		}
		if err := p.admit(db, m, op); err != nil {
			_ = db.AddError(err)
			return
		}
		if isShardingPool(db.Statement.ConnPool) && !p.cfg.unwrapped {
			_ = db.AddError(errShardingPool)
			return
		}
		arm(db, &armed{orig: db.Statement.ConnPool, p: p, db: db, op: op, model: m, ref: ref})
	}
}

// armRaw does the same for raw SQL. Statements that GORM has yet to build are
// reads, which pay nothing.
func (p *Plugin) armRaw(db *gorm.DB) {
	if db.Error != nil || db.DryRun || db.Statement.SQL.Len() == 0 || p.cfg.raw == RawAllow {
		return
	}
	writes := p.rawWrites(db.Statement.SQL.String())
	if len(writes) == 0 {
		return
	}
	if err := p.admitRaw(db, writes); err != nil {
		_ = db.AddError(err)
		return
	}
	arm(db, &armed{orig: db.Statement.ConnPool, p: p, db: db, op: opRaw, model: writes[0], raw: writes})
}

// armRow is armRaw for Row and Rows. Row returns no error beside the *sql.Row, and
// GORM would hand out a nil one: a refusal has to be inside it.
func (p *Plugin) armRow(db *gorm.DB) {
	if db.Error != nil {
		return
	}
	p.armRaw(db)
	if many, ok := db.Get("rows"); db.Error == nil || ok && many == true {
		return
	}
	db.Statement.Dest = p.player.Row(context.WithoutCancel(db.Statement.Context), nil, db.Error)
}

func arm(db *gorm.DB, a *armed) {
	if _, ok := a.orig.(gorm.TxCommitter); ok {
		db.Statement.ConnPool = &armedTx{a}
		return
	}
	db.Statement.ConnPool = a
}

// disarmRaw also forgets what the catalog said when definitions have changed, by
// AutoMigrate for one.
func (p *Plugin) disarmRaw(db *gorm.DB) {
	disarm(db)
	if sqltext.First(p.server.Dialect, db.Statement.SQL.String()) == sqltext.DDL {
		p.catalog.Clear()
	}
}

func disarm(db *gorm.DB) {
	if a, ok := db.Statement.ConnPool.(armedConn); ok {
		db.Statement.ConnPool = a.original()
	}
}
