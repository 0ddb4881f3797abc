package proof

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"gorm.io/gorm"
)

// noted is an outcome and what led to it.
type noted struct {
	code string
	how
	outcome
}

// how is what is special about a call.
type how struct {
	cancelled bool // its context was cancelled before
	hook, act string
	oracle.Call
	maps     bool // a Create of several maps
	anyOrder bool // GORM itself goes through a Go map
}

// The ways in which a call may be made.
var (
	cancelled   = func(h *how) { h.cancelled = true }
	raw         = func(h *how) { h.Raw = true }
	twice       = func(h *how) { h.Twice = true }
	anyOrder    = func(h *how) { h.anyOrder = true }
	severalMaps = func(h *how) { h.maps = true }
)

// in makes a hook fail, cancel the context, write another row, or change a column.
func in(hook, act string) func(h *how) {
	return func(h *how) { h.hook, h.act = hook, act }
}

// player runs a history on one handle and notes what the application sees.
type player struct {
	world  *world // nil on plain GORM
	log    []noted
	hooks  []string
	calls  int
	open   int         // how many transactions are open
	tx     int         // which transaction, from 1
	made   map[int]int // call ► transaction; 0 outside of one
	narrow bool        // there is one connection
}

func newPlayer(w *world, narrow bool) *player {
	return &player{world: w, narrow: narrow, made: map[int]int{}}
}

// note logs an outcome and returns its error.
func (p *player) note(code string, h how, o outcome) error {
	p.log = append(p.log, noted{code, h, o})
	if o.err != "" {
		return errors.New(o.err)
	}
	return nil
}

// do makes one call.
func (p *player) do(db *gorm.DB, f func(db *gorm.DB) outcome, ways ...func(*how)) error {
	var h how
	for _, way := range ways {
		way(&h)
	}
	p.calls++
	h.Number = p.calls
	ctx, cancel := context.WithCancel(audit.WithMetadata(db.Statement.Context, map[string]any{oracle.CallKey: h.Number}))
	defer cancel()
	if h.cancelled {
		cancel()
	}
	p.hooks = nil
	ctx = context.WithValue(ctx, planned{}, plan{hook: h.hook, act: h.act, cancel: cancel, player: p})
	out := func() (out outcome) {
		defer func() {
			if r := recover(); r != nil {
				out = outcome{err: fmt.Sprint("panic: ", r)}
			}
		}()
		return f(db.WithContext(ctx))
	}()
	if (h.act == "cancel" || h.cancelled) && out.err != "" {
		out.err = context.Canceled.Error() // who notices first is a matter of chance
	}
	if h.anyOrder {
		slices.Sort(p.hooks)
		if out.err != "" {
			p.hooks = nil // which were reached is a matter of chance
		}
	}
	out.hooks = strings.Join(p.hooks, "\n          ")
	p.made[h.Number] = 0
	if p.open > 0 {
		p.made[h.Number] = p.tx
	}
	p.mark(db, h.Call)
	return p.note("", h, out)
}

// mark tells the oracle that a call has returned.
func (p *player) mark(db *gorm.DB, call oracle.Call) {
	if p.world == nil {
		return
	}
	var q oracle.Queryer = p.world.raw
	if p.open > 0 {
		q = pool{db.Statement.ConnPool}
	}
	_ = p.world.oracle.Mark(q, call) // an aborted transaction can not be asked; the next mark will do
}

// pool is a transaction to read through.
type pool struct{ gorm.ConnPool }

func (p pool) Query(query string, args ...any) (*sql.Rows, error) {
	return p.QueryContext(context.Background(), query, args...)
}

// ending is how a transaction ends.
type ending string

const (
	commits  ending = "commits"
	fails    ending = "fails"
	panics   ending = "panics"
	cancels  ending = "cancels"
	fallible ending = "fallible" // returns the first error
)

var errOnPurpose = errors.New("on purpose")

// enter counts transactions; the outermost one counts for the trail.
func (p *player) enter() func() {
	if p.open == 0 {
		p.tx++
	}
	p.open++
	return func() { p.open-- }
}

// transaction is db.Transaction.
func (p *player) transaction(db *gorm.DB, end ending, f func(db *gorm.DB) error) (err error) {
	leave := p.enter()
	defer func() {
		if r := recover(); r != nil {
			leave()
			p.mark(db, oracle.Call{})
			err = p.note("Transaction", how{}, outcome{err: fmt.Sprint("panic: ", r)})
		}
	}()
	ctx, cancel := context.WithCancel(db.Statement.Context)
	defer cancel()
	if end == cancels {
		db = db.WithContext(ctx)
	}
	err = db.Transaction(func(tx *gorm.DB) error {
		if err := f(tx); err != nil {
			return err
		}
		switch end {
		case fails:
			return errOnPurpose
		case panics:
			panic(errOnPurpose)
		case cancels:
			cancel()
		}
		return nil
	})
	leave()
	p.mark(db, oracle.Call{})
	if end == cancels && err != nil {
		err = context.Canceled // database/sql words it in more than one way
	}
	return p.note("Transaction", how{}, seen(err, 0, nil))
}

// begin is Begin … Commit or Rollback.
func (p *player) begin(db *gorm.DB, commit bool, f func(db *gorm.DB)) error {
	tx := db.Begin()
	if tx.Error != nil {
		return p.note("Begin", how{}, seen(tx.Error, 0, nil))
	}
	leave := p.enter()
	f(tx)
	leave()
	if commit {
		tx = tx.Commit()
	} else {
		tx = tx.Rollback()
	}
	p.mark(db, oracle.Call{})
	return p.note("Commit or Rollback", how{}, seen(tx.Error, 0, nil))
}

// connection is db.Connection. A session that prepares statements prepares them on
// the pool even there, and so GORM waits for ever for a second connection where
// there is one only: then it is left out.
func (p *player) connection(db *gorm.DB, f func(db *gorm.DB)) error {
	if p.narrow {
		f(db)
		return nil
	}
	return p.note("Connection", how{}, seen(db.Connection(func(tx *gorm.DB) error {
		f(tx.Session(&gorm.Session{}))
		return nil
	}), 0, nil))
}

// savePoint is SavePoint, rollbackTo RollbackTo.
func (p *player) savePoint(db *gorm.DB, name string) error {
	return p.note("SavePoint "+name, how{}, seen(db.Session(&gorm.Session{}).SavePoint(name).Error, 0, nil))
}

func (p *player) rollbackTo(db *gorm.DB, name string) error {
	err := p.note("RollbackTo "+name, how{}, seen(db.Session(&gorm.Session{}).RollbackTo(name).Error, 0, nil))
	p.mark(db, oracle.Call{})
	return err
}
