// Package auditplugin is a [GORM] plugin that keeps an audit trail: every row that
// GORM changes leaves a record of who changed what, from what, to what, when and
// why. The record is written in the transaction that made the change, announced
// only after that transaction committed, and redacted before it goes anywhere.
//
// # One minute
//
// Install a plugin on the database once, when it is opened:
//
//	err := db.Use(auditplugin.New())
//
// That creates the table audit_logs if it is missing, and from then on every create,
// update and delete leaves a row in it. Say who and why in the context:
//
//	ctx = audit.WithActor(ctx, audit.Actor{ID: "42", Type: "user", Name: "Ada"})
//	ctx = audit.WithReason(ctx, "ticket 1234")
//	db.WithContext(ctx).Model(&user).Update("phone", "+19876543210")
//
// Emitters decide where records go besides, or instead of, the table; package
// emitter has them, and package audit has the [audit.Record] they receive:
//
//	db.Use(auditplugin.New(auditplugin.WithEmitter(emitter.Table(), emitter.JSON(os.Stdout))))
//
// Options that are wrong are reported by db.Use, before anything is registered or
// any table is created.
//
// # What is recorded
//
// One record for each row that really changed. Rows whose values stay the same
// have none, and neither have statements that match no row, nor dry runs. Images
// are what the database stores, read in the same transaction, not what the Go
// struct holds: defaults, generated columns, expressions and hooks are in them.
// Creates have the whole row in After, deletes in Before, updates only the columns
// that changed, with the changes inside JSON columns listed by path. Rows that a
// foreign key changes or removes (ON DELETE CASCADE and the like) have records of
// their own, which name the parent's as their cause.
//
// [WithModels], [WithoutModels], [WithActions], [WithoutColumns] and
// [WithoutTimestampOnly] narrow what is recorded; audit.Skip leaves out one write and records that it did.
// [Event] and [EventOf] record what is not a change of a row. A model may name itself with a
// method AuditName() string.
//
// # Who must be named
//
// A write whose context names no actor is recorded without one, and a warning is
// logged once for each model and action, unless that is meant ([WithoutActor],
// [audit.WithoutActor]). [WithRequiredActor] and
// [WithRequiredReason], or a model's method AuditRequires() audit.Requirement, make
// such writes fail with [ErrActorRequired] or [ErrReasonRequired] instead. What is
// refused leaves an event record.
//
// # Transactions
//
// The plugin wraps db.ConnPool, so that it sees transactions begin and end. Records
// are buffered and written to the table right before COMMIT, or earlier when the
// buffer reaches [WithBufferLimit] or the transaction reads the table. After COMMIT
// the other emitters get the records of the whole transaction in one call. ROLLBACK
// and ROLLBACK TO SAVEPOINT take the records with them.
//
// Libraries that want the *sql.Tx of GORM's transaction get it from [SQLTx].
//
// # When a record can not be written
//
// By default ([FailWrite]) no write happens without its record: the statement, or
// the commit of its transaction, fails with an error that wraps [ErrAuditFailed].
// Under [KeepWrite] the write stays; what was lost is counted in [Plugin.Stats],
// handed to the function of [WithErrorHandler], and leaves an event record. Emitters
// that are called after commit can not fail a write: their errors and panics go to
// the error handler.
//
// The errors of this package name models, tables and actions, never values, and do
// not quote the driver's text, which does; errors.Is and errors.As still find it.
//
// # Secrets
//
// Struct tags say what may be seen of a field, in every emitter and in the record's
// id, inside embedded structs and inside JSON columns:
//
//	audit:"-"       never recorded
//	audit:"mask"    recorded as changed, shown as ***
//	audit:"mask=4"  shows the last 4 characters, if there are at least 10
//	audit:"hash"    a keyed hash that can be compared; needs WithHashKey
//	audit:"show"    shown, whatever its name says
//
// Fields without a tag whose name says password, secret, token, pin, private key
// and the like are masked; [Secrets] lists what is hidden of models. A secret that is a
// row's key is recorded as its keyed hash; that needs [WithHashKey].
//
// # Raw SQL
//
// Raw SQL that writes to an audited table leaves a record with action "raw": the
// statement without its literals, and the number of rows it changed. Which rows
// those were is not known. [WithRawSQL] refuses such statements, or lets them pass.
//
// # Limits
//
// What the plugin can not see (stored procedures, triggers, other programs) and
// which options weaken which promise is listed in docs/limits.md.
//
// [GORM]: https://gorm.io
package auditplugin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/capture/mysql"
	"github.com/gorm-audit/auditplugin/internal/capture/postgres"
	"github.com/gorm-audit/auditplugin/internal/capture/sqlite"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/internal/delivery"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/intercept"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/observe"
	"github.com/gorm-audit/auditplugin/internal/origin"
	"github.com/gorm-audit/auditplugin/internal/record"
	"github.com/gorm-audit/auditplugin/internal/replay"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/txn"
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
	db          *gorm.DB // as given to Initialize
	installed   time.Time

	// The parts, made by Initialize.
	dialect  *dialect.Dialect
	emitters emitters // bound to the database
	origin   *origin.Origin
	delivery *delivery.Delivery
	tables   *table.Registry
	follower *txn.Follower
	gate     *intercept.Gate
	player   *replay.Player
}

// emitters are what the plugin writes to, as one.
type emitters interface {
	audit.Group
	audit.Closer
}

// Stats counts what a plugin has done since it was initialised.
type Stats struct {
	// Records is how many records were made, also those rolled back later.
	Records uint64
	// Failed is how many records could not be handed to an emitter.
	Failed uint64
	// Dropped is how many records emitters say they dropped.
	Dropped uint64
	// Buffered is how many records open transactions hold in memory now.
	Buffered int64
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
// options and callbacks of GORM's own that are missing, prepares the emitters
// (emitter.Table creates its table), and only then registers callbacks and wraps the
// connection pool. One plugin serves one database: a second call fails.
func (p *Plugin) Initialize(db *gorm.DB) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.options != nil {
		return p.options
	}
	if p.initialized && p.active && neighbour.SharePlugins(db, p.db) {
		// dbresolver opens its sources and replicas with this database's
		// configuration, plugins included: they are ours to watch as well.
		p.follower.Sources.Expect()
		if !p.cfg.unwrapped {
			p.follower.Wrap(db)
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
	pool, err := txn.PoolUnder(db, p.cfg.unwrapped)
	if err != nil {
		return err
	}
	if err := neighbour.CheckSteps(db); err != nil {
		return err
	}
	if err := p.assemble(db, pool); err != nil {
		return err
	}
	if !p.cfg.unwrapped {
		p.follower.Wrap(db)
	}
	p.db, p.initialized, p.active, p.installed = db, true, true, time.Now()
	if p.cfg.lifecycle {
		p.delivery.EmitOutside(context.Background(), p.lifecycleEvent("start"))
	}
	return nil
}

// assemble makes the parts, hands each what it needs, and registers the callbacks.
func (p *Plugin) assemble(db *gorm.DB, pool gorm.ConnPool) error {
	ctx, cfg := context.Background(), &p.cfg
	server, err := catalog.LoadServer(ctx, pool, db.Name())
	if err != nil {
		return fmt.Errorf("auditplugin: asking the database for its version: %w", err)
	}
	d, images := database(server, cfg.portable)
	p.delivery = &delivery.Delivery{Outside: pool, OnError: cfg.onError, Log: cfg.logger}
	if !d.Known() {
		p.delivery.Logger().WarnContext(ctx, dialect.UnknownWarning, "dialect", d.Name())
	}
	if err := companion.Supports(server); cfg.companion && err != nil {
		return fmt.Errorf("%w: WithCompanion: %w", ErrInvalidOption, err)
	}
	rules, err := table.ParseRules(db, cfg.tables())
	if err != nil {
		return err
	}
	// The table is created last of all, so that a mistake elsewhere leaves nothing behind.
	bound, err := emitter.Multi(cfg.emitters...).Bind(db)
	if err != nil {
		return err
	}
	if cfg.companion {
		if err := companion.Prepare(ctx, pool, d.Server); err != nil {
			return err
		}
	}
	p.dialect, p.emitters = d, bound.(emitters)
	host, _ := os.Hostname() // an empty host is a host nobody named
	p.origin = &origin.Origin{ActorFunc: cfg.actor, TenantFunc: cfg.tenant, TraceFunc: cfg.trace, Application: cfg.application, Host: host, SkipSources: cfg.skipSources, Report: p.delivery.Report}
	p.delivery.Origin = p.origin
	p.delivery.Use(p.emitters.Unwrap())
	trail := intercept.Trail{Columns: emitter.Columns(), Mismatch: emitter.ErrTableMismatch}
	var trails []string // without schemas, as statements may name them
	for _, name := range p.delivery.AuditTables() {
		trails = append(trails, table.Bare(name))
		trail.Tables = append(trail.Tables, name)
	}
	p.tables = table.NewRegistry(d, catalog.NewCache(catalogTTL), rules, trails)
	p.tables.TenantOf = p.origin.TenantOf(cfg.tenantOf)
	p.tables.Logger = p.delivery.Logger
	p.delivery.Observe = observe.New(cfg.observers, d.System, p.tables.Label, p.delivery.Report)
	p.follower = &txn.Follower{
		Dialect: d, Delivery: p.delivery, Catalog: p.tables.Catalog, AuditTables: trails,
		BufferLimit: cfg.bufferLimit, ThroughSQL: cfg.throughSQL,
		Sources: &txn.Sources{Own: neighbour.DB(pool), Make: p.source},
	}
	if neighbour.ResolvesSources(db) {
		p.follower.Sources.Expect()
	}
	p.gate = &intercept.Gate{
		Origin: p.origin, Follower: p.follower, Logger: p.delivery.Logger, Observe: p.delivery.Observe,
		AllowRaw: cfg.raw == RawAllow, RefuseRaw: cfg.raw == RawRefuse,
	}
	p.player = replay.NewPlayer()
	interceptor := &intercept.Interceptor{
		Dialect: d, Follower: p.follower, Tables: p.tables, Images: images, Origin: p.origin, Gate: p.gate,
		Observe: p.delivery.Observe, Player: p.player, Migrator: neighbour.MigratorOf(db), Trail: trail, Unwrapped: cfg.unwrapped, Companion: cfg.companion,
		Recorder: &differ{
			Differ:   record.Differ{Limit: record.Limit(cfg.maxValue), SkipTimestamps: cfg.noTimestamps},
			delivery: p.delivery,
		},
	}
	return hooks{interceptor, p.follower}.register(db)
}

// database is what is known of a database, and how its images are had. A new one gets its
// line here; of others nothing is known but standard SQL.
func database(server catalog.Server, portable bool) (*dialect.Dialect, capture.Images) {
	known := map[string]func(server catalog.Server, portable bool) (*dialect.Dialect, capture.Images){
		dialect.Postgres: postgres.New,
		dialect.MySQL:    mysql.New,
		dialect.SQLite:   sqlite.New,
	}[server.Dialect]
	if known == nil {
		return dialect.Of(server), capture.Portable{}
	}
	return known(server, portable)
}

// source follows another database that dbresolver leads statements to. Whether it is
// written to, or only read, shows when it is.
func (p *Plugin) source(pool *sql.DB) *txn.Follower {
	f := &txn.Follower{
		Dialect: p.dialect, Catalog: p.tables.Catalog, AuditTables: p.follower.AuditTables,
		BufferLimit: p.cfg.bufferLimit, ThroughSQL: p.cfg.throughSQL,
	}
	f.Delivery = p.delivery.Elsewhere(pool, func(ctx context.Context) ([]audit.Emitter, error) { return p.bindAt(ctx, pool) })
	return f
}

var errPoolBusy = errors.New("auditplugin: the pool has no connection to spare")

// bindAt binds the emitters that write in the transaction to another database.
func (p *Plugin) bindAt(ctx context.Context, pool *sql.DB) ([]audit.Emitter, error) {
	if s := pool.Stats(); s.MaxOpenConnections > 0 && s.InUse >= s.MaxOpenConnections {
		return nil, errPoolBusy // the statement itself may hold the last one
	}
	there := p.db.Session(&gorm.Session{NewDB: true, Context: ctx})
	there.ConnPool, there.Statement.ConnPool = pool, pool
	if p.cfg.companion {
		if err := companion.Prepare(ctx, pool, p.dialect.Server); err != nil {
			return nil, err
		}
	}
	var bound []audit.Emitter
	here := p.emitters.Unwrap()
	for i, e := range emitter.Multi(p.cfg.emitters...).Unwrap() {
		if _, inside := here[i].(audit.TxEmitter); !inside {
			continue
		}
		if b, ok := e.(emitter.Binder); ok {
			var err error
			if e, err = b.Bind(there); err != nil {
				return nil, err
			}
		}
		bound = append(bound, e)
	}
	return bound, nil
}

// Close stops the plugin: it drains the emitters that queue, waiting until ctx is
// done at the longest, and closes them. Writes after Close are refused with
// ErrClosed. It is safe to call more than once.
func (p *Plugin) Close(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.active || p.gate.Closed.Swap(true) {
		return nil
	}
	if p.cfg.lifecycle {
		p.delivery.EmitOutside(ctx, p.lifecycleEvent("stop"))
	}
	return errors.Join(p.follower.Close(ctx), p.emitters.Close(ctx), p.player.Close())
}

// Stats returns the plugin's counters.
func (p *Plugin) Stats() Stats {
	if p.delivery == nil {
		return Stats{}
	}
	records, failed, dropped := p.delivery.Counts()
	return Stats{Records: records, Failed: failed, Dropped: dropped, Buffered: p.delivery.Buffered()}
}

// Health returns nil if changes can be recorded: the audit table can be reached and takes
// INSERTs (which is tried with no row), no emitter's queue is full, emitters that can tell
// ([audit.Checker]) are well, and no record was lost, or not announced, within the last
// minute. Turned off by WithEnabled it is nil; before Initialize it wraps ErrInvalidOption,
// after Close ErrClosed. It needs a connection of the pool and waits for it until ctx is
// done. Errors name no value. It is safe for concurrent use.
func (p *Plugin) Health(ctx context.Context) error {
	switch {
	case p.cfg.disabled:
		return nil
	case p.gate == nil:
		return fmt.Errorf("%w: the plugin is not installed", ErrInvalidOption)
	case p.gate.Closed.Load():
		return ErrClosed
	}
	return p.delivery.Health(ctx)
}

// lifecycleEvent is about the plugin itself.
func (p *Plugin) lifecycleEvent(what string) audit.Record {
	r := p.origin.Describe(context.Background())
	r.Action, r.RecordType = audit.Event, "auditplugin"
	r.Message = "audit " + what
	included, excluded := p.tables.Rules.Counts()
	r.Metadata = map[string]any{
		"pid": os.Getpid(), "dialect": p.dialect.Name(), "emitters": len(p.cfg.emitters),
		"raw": int(p.cfg.raw), "failure": int(p.cfg.failure), "portable": p.cfg.portable, "unwrapped": p.cfg.unwrapped,
		"with_models": included, "without_models": excluded, "without_columns": p.cfg.columns, "with_actions": p.tables.Rules.Limited(),
	}
	return r
}
