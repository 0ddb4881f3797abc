package auditplugin

import (
	"context"
	"database/sql"
	"runtime"
	"sync"
	"weak"

	"gorm.io/gorm"
)

// bareTransactions gives transactions that the application began out of our sight
// one id each. Their end can not be seen, so their records are written and
// announced with each statement.
type bareTransactions struct {
	states sync.Map // weak.Pointer[sql.Tx] → *state
}

// bareTx finds a transaction that is not ours in what a statement runs on.
func bareTx(cp gorm.ConnPool) (gorm.Tx, bool) {
	switch c := cp.(type) {
	case *gorm.PreparedStmtTX:
		return c.Tx, c.Tx != nil
	case armedConn:
		return bareTx(c.original())
	case gorm.Tx:
		return c, true
	}
	return nil, false
}

func (b *bareTransactions) state(ctx context.Context, p *Plugin, tx gorm.Tx) *state {
	sqlTx, ok := tx.(*sql.Tx)
	if !ok {
		s := newState(ctx, p, tx)
		s.bare = true
		return s
	}
	key := weak.Make(sqlTx)
	if s, ok := b.states.Load(key); ok {
		// The statement's own connection, so that the state does not keep it alive.
		known := s.(*state)
		fresh := newState(ctx, p, tx)
		fresh.bare, fresh.id = true, known.id
		return fresh
	}
	s := newState(ctx, p, tx)
	s.bare = true
	b.states.Store(key, &state{id: s.id})
	runtime.AddCleanup(sqlTx, func(k weak.Pointer[sql.Tx]) { b.states.Delete(k) }, key)
	return s
}
