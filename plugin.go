package auditplugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/replay"
)

const catalogTTL = time.Minute

// Plugin is the GORM plugin. Make one with New for each database and install it
// with db.Use. It is safe for concurrent use.
type Plugin struct {
	cfg     config
	options error

	mu          sync.Mutex
	initialized bool
	active      bool
	closed      atomic.Bool

	db            *gorm.DB // as given to Initialize
	outsideConn   audit.Conn
	transactional []audit.TxEmitter
	others        []audit.Emitter
	bound         []audit.Emitter
	auditTables   []string
	// writers are transactional as such, where entries serve; see findEntryWriters.
	writers     []entry.Writer
	columnLimit int // of a JSON column
	composers   sync.Pool
	server      catalog.Server
	catalog     *catalog.Cache
	player      *replay.Player
	prepared    preparedTexts
	redact      redact.Config
	host        string
	rules       modelRules
	models      sync.Map // modelKey → *model
	targets     sync.Map // targetKey → *target, as of the catalog's last answer
	schemas     sync.Map // table name → *schema.Schema, as seen
	warned      sync.Map // audit.Source → struct{}
	bare        bareTransactions
	sources     sources
	stats       stats
}

type stats struct{ records, failed atomic.Uint64 }

// Stats counts what a plugin has done since it was initialised.
type Stats struct {
	// Records is how many records were made, also those rolled back later.
	Records uint64
	// Failed is how many records could not be handed to an emitter.
	Failed uint64
	// Dropped is how many records emitters say they dropped.
	Dropped uint64
}

// New makes a plugin. Mistakes in the options are reported by Initialize.
func New(opts ...Option) *Plugin {
	p := &Plugin{cfg: config{bufferLimit: defaultBufferLimit, maxValue: defaultMaxValueBytes}}
	var errs []error
	for i, o := range opts {
		if o == nil {
			errs = append(errs, fmt.Errorf("%w: option %d is nil", ErrInvalidOption, i+1))
			continue
		}
		if err := o(&p.cfg); err != nil {
			errs = append(errs, err)
		}
	}
	p.options = errors.Join(errs...)
	if len(p.cfg.emitters) == 0 {
		p.cfg.emitters = []audit.Emitter{emitter.Table()}
	}
	return p
}

// Name returns "auditplugin".
func (p *Plugin) Name() string { return "auditplugin" }

// Initialize installs the plugin; db.Use calls it. It reports mistakes in the
// options, prepares the emitters (emitter.Table creates its table), and only then
// registers callbacks and wraps the connection pool. One plugin serves one
// database: a second call fails.
func (p *Plugin) Initialize(db *gorm.DB) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.options != nil {
		return p.options
	}
	if p.initialized && p.active && samePlugins(db, p.db) {
		// dbresolver opens its sources and replicas with this database's
		// configuration, plugins included: they are ours to watch as well.
		if !p.cfg.unwrapped {
			p.wrapPool(db)
		}
		return nil
	}
	if p.initialized {
		return fmt.Errorf("%w: a plugin serves one database; call New for each", ErrInvalidOption)
	}
	if p.cfg.disabled {
		p.initialized = true
		return nil
	}
	inner, err := p.innerPool(db)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if p.server, err = catalog.LoadServer(ctx, inner, db.Name()); err != nil {
		return fmt.Errorf("auditplugin: asking the database for its version: %w", err)
	}
	p.redact = redact.Config{HashKey: p.cfg.hashKey}
	p.rules = modelRules{}
	if err := p.rules.parse(&p.cfg, db); err != nil {
		return err
	}
	if err := p.bindEmitters(db); err != nil {
		return errors.Join(err, p.closeEmitters(ctx))
	}
	p.learnOptions()
	p.db, p.outsideConn = db, inner
	p.catalog = catalog.NewCache(catalogTTL)
	p.player = replay.NewPlayer()
	p.host, _ = os.Hostname() // an empty host is a host nobody named
	if err := p.register(db); err != nil {
		return err
	}
	if !p.cfg.unwrapped {
		p.wrapPool(db)
	}
	p.initialized, p.active = true, true
	if p.cfg.lifecycle {
		p.emitOutside(ctx, []audit.Record{p.lifecycleEvent("start")})
	}
	return nil
}

// samePlugins reports whether two databases share one configuration's plugins.
func samePlugins(a, b *gorm.DB) bool {
	return a.Plugins != nil && reflect.ValueOf(a.Plugins).Pointer() == reflect.ValueOf(b.Plugins).Pointer()
}

// innerPool finds the pool under db and refuses those that can not be served.
func (p *Plugin) innerPool(db *gorm.DB) (gorm.ConnPool, error) {
	cp := db.ConnPool
	if ps, ok := cp.(*gorm.PreparedStmtDB); ok {
		cp = ps.ConnPool
	}
	if cp == nil {
		return nil, fmt.Errorf("%w: db has no connection pool", ErrUnsupportedPool)
	}
	if inTransaction(cp) || db.Statement != nil && inTransaction(db.Statement.ConnPool) {
		return nil, fmt.Errorf("%w: db is a transaction; install the plugin on the database itself", ErrUnsupportedPool)
	}
	if w, ok := cp.(*pool); ok && w.p != p {
		return nil, fmt.Errorf("%w: another auditplugin wraps this database already", ErrUnsupportedPool)
	}
	if !p.cfg.unwrapped && isSharding(db, cp) {
		return nil, fmt.Errorf("%w: gorm's sharding plugin does not work with a wrapped pool; use WithUnwrappedPool", ErrUnsupportedPool)
	}
	return cp, nil
}

func inTransaction(cp gorm.ConnPool) bool {
	_, ok := cp.(gorm.TxCommitter)
	return ok
}

// isSharding recognises gorm.io/sharding, whose pool rewrites SQL only while it is
// the outermost one.
func isSharding(db *gorm.DB, cp gorm.ConnPool) bool {
	if _, ok := db.Plugins["gorm:sharding"]; ok {
		return true
	}
	return isShardingPool(cp)
}

func isShardingPool(cp gorm.ConnPool) bool {
	t := reflect.TypeOf(cp)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t != nil && lastElement(t.PkgPath()) == "sharding"
}

func (p *Plugin) wrapPool(db *gorm.DB) {
	if ps, ok := db.ConnPool.(*gorm.PreparedStmtDB); ok {
		ps.ConnPool = p.newPool(db, ps.ConnPool)
		return
	}
	wrapped := p.newPool(db, db.ConnPool)
	db.ConnPool = wrapped
	db.Statement.ConnPool = wrapped
}

func (p *Plugin) newPool(db *gorm.DB, cp gorm.ConnPool) *pool {
	return &pool{ConnPool: cp, p: p, prepared: newSessions(db, cp), buffers: sync.Pool{New: newBuffers}}
}

// bindEmitters prepares every emitter for db and sorts them by when they are
// called. Those that create tables come last, so that a mistake elsewhere leaves
// nothing behind.
func (p *Plugin) bindEmitters(db *gorm.DB) error {
	p.bound, p.transactional, p.others, p.auditTables = nil, nil, nil, nil // of an attempt that failed
	bound := make([]audit.Emitter, len(p.cfg.emitters))
	for _, last := range []bool{false, true} {
		for i, e := range p.cfg.emitters {
			if createsTables(e) != last {
				continue
			}
			if b, ok := e.(emitter.Binder); ok {
				var err error
				if e, err = b.Bind(db); err != nil {
					return err
				}
			}
			if isNil(e) {
				return fmt.Errorf("%w: emitter %d is nil", ErrInvalidOption, i+1)
			}
			bound[i] = e
			p.bound = append(p.bound, e)
		}
	}
	for _, e := range bound {
		m, ok := e.(interface{ Unwrap() []audit.Emitter })
		if !ok {
			p.sortEmitter(e)
			continue
		}
		for _, child := range m.Unwrap() {
			p.sortEmitter(child)
		}
	}
	p.findEntryWriters()
	return nil
}

func createsTables(e audit.Emitter) bool {
	switch e.(type) {
	case *emitter.TableEmitter, *emitter.MultiEmitter, *emitter.AsyncEmitter:
		return true
	}
	return false
}

func (p *Plugin) sortEmitter(e audit.Emitter) {
	if t, ok := e.(interface{ AuditTable() string }); ok {
		if name := t.AuditTable(); name != "" {
			p.auditTables = append(p.auditTables, lastElement(strings.ReplaceAll(name, ".", "/")))
		}
	}
	if t, ok := e.(audit.TxEmitter); ok {
		p.transactional = append(p.transactional, t)
		return
	}
	p.others = append(p.others, e)
}

// Close stops the plugin: it drains the emitters that queue, waiting until ctx is
// done at the longest, and closes them. Writes after Close are refused with
// ErrClosed. It is safe to call more than once.
func (p *Plugin) Close(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.active || p.closed.Swap(true) {
		return nil
	}
	if p.cfg.lifecycle {
		p.emitOutside(ctx, []audit.Record{p.lifecycleEvent("stop")})
	}
	return errors.Join(p.bare.close(ctx), p.closeEmitters(ctx), p.player.Close())
}

func (p *Plugin) closeEmitters(ctx context.Context) error {
	var errs []error
	for _, e := range p.bound {
		if c, ok := e.(interface{ Close(context.Context) error }); ok {
			errs = append(errs, safely(func() error { return c.Close(ctx) }))
		}
	}
	return errors.Join(errs...)
}

// Stats returns the plugin's counters.
func (p *Plugin) Stats() Stats {
	var dropped uint64
	for _, e := range p.bound {
		if a, ok := e.(interface{ Stats() emitter.AsyncStats }); ok {
			dropped += a.Stats().Dropped
		}
	}
	return Stats{Records: p.stats.records.Load(), Failed: p.stats.failed.Load(), Dropped: dropped}
}

func (p *Plugin) logger() *slog.Logger {
	if p.cfg.logger != nil {
		return p.cfg.logger
	}
	return slog.Default()
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Interface, reflect.Slice:
		return r.IsNil()
	default:
		return false
	}
}
