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
	"gorm.io/gorm/schema"

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
	"github.com/gorm-audit/auditplugin/internal/origin"
	"github.com/gorm-audit/auditplugin/internal/record"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/replay"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/txn"
	"github.com/gorm-audit/auditplugin/internal/values"
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
	p.db, p.initialized, p.active = db, true, true
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
		if err := companion.Prepare(ctx, pool, d.Name()); err != nil {
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
	p.follower = &txn.Follower{
		Dialect: d, Delivery: p.delivery, Catalog: p.tables.Catalog, AuditTables: trails,
		BufferLimit: cfg.bufferLimit, ThroughSQL: cfg.throughSQL,
		Sources: &txn.Sources{Own: neighbour.DB(pool), Make: p.source},
	}
	if neighbour.ResolvesSources(db) {
		p.follower.Sources.Expect()
	}
	p.gate = &intercept.Gate{
		Origin: p.origin, Follower: p.follower, Logger: p.delivery.Logger,
		AllowRaw: cfg.raw == RawAllow, RefuseRaw: cfg.raw == RawRefuse,
	}
	p.player = replay.NewPlayer()
	interceptor := &intercept.Interceptor{
		Dialect: d, Follower: p.follower, Tables: p.tables, Images: images, Origin: p.origin, Gate: p.gate,
		Player: p.player, Migrator: neighbour.MigratorOf(db), Trail: trail, Unwrapped: cfg.unwrapped, Companion: cfg.companion,
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
		if err := companion.Prepare(ctx, pool, p.dialect.Name()); err != nil {
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
	return Stats{Records: records, Failed: failed, Dropped: dropped}
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
		"with_models": included, "without_models": excluded, "without_columns": p.cfg.columns,
	}
	return r
}

// The methods below are for packages that read the trail, such as history: they tell how
// the records about a row name it.

// AuditTable returns the name of the audit table in the plugin's own database,
// with its schema ("public.audit_logs"), or "" when records go elsewhere only.
func (p *Plugin) AuditTable() string {
	if p.delivery == nil {
		return ""
	}
	for _, name := range p.delivery.AuditTables() {
		return name
	}
	return ""
}

// AuditTableAt is AuditTable for the database that db leads to, with dbresolver perhaps
// another.
func (p *Plugin) AuditTableAt(db *gorm.DB) string {
	if p.delivery == nil || db == nil || db.Statement == nil {
		return p.AuditTable()
	}
	return p.follower.DeliveryAt(db.Statement.ConnPool).TableAt(p.dialect.SchemaIsDatabase)
}

// KeyColumns returns the columns that make up a record's RecordID for rows of
// a table, in order, and the database's names for their types ("" where it does
// not tell). The catalog is asked in the database that db leads to, in its transaction if
// it has one, at most once a minute for each table. s is the table's model, or nil.
func (p *Plugin) KeyColumns(ctx context.Context, db *gorm.DB, s *schema.Schema, tableName string) (names, types []string, err error) {
	if p.tables == nil {
		return nil, nil, nil
	}
	conn := p.follower.DeliveryAt(db.Statement.ConnPool).Outside
	if tx := neighbour.Transaction(db.Statement.ConnPool); tx != nil {
		conn = tx
	}
	place := catalog.Place{Pool: txn.PoolOf(conn)}
	return p.tables.KeyColumns(ctx, conn, place, s, table.ParseName(tableName))
}

// Shown returns what records show of a value of a column: the value itself, or,
// where the model's tags or the column's name keep it secret, its mask or its hash
// under the plugin's key. s is the table's model, or nil; what other models hide that the
// plugin has met for the table is hidden, too. The value must be what the database stores.
func (p *Plugin) Shown(s *schema.Schema, tableName, column string, value any) (any, error) {
	name := table.Bare(tableName)
	plan, err := p.planOf(s, name)
	if err != nil {
		return nil, err
	}
	return plan.Column(name, column, value), nil
}

// KeyShown is Shown for a column of a row's key, as the row's records name it: where it may
// not be seen, its keyed pseudonym; without a hash key its mask, which does not tell rows
// apart.
func (p *Plugin) KeyShown(s *schema.Schema, tableName, column string, value any) (any, error) {
	name := table.Bare(tableName)
	plan, err := p.planOf(s, name)
	if err != nil {
		return nil, err
	}
	return plan.Pseudonym(name, column, value), nil
}

// RecordedRow returns what a record holds of a whole row: columns that are never
// recorded are left out, secrets redacted, and values over the limit cut. The values are
// canonical, by column. s is the table's model, or nil. Without a database, before
// Initialize or turned off, it is nil.
func (p *Plugin) RecordedRow(s *schema.Schema, tableName string, columns []string, row []any) (map[string]any, error) {
	if p.tables == nil {
		return nil, nil
	}
	name := table.Bare(tableName)
	m := p.tables.Model(s, name)
	if m.Err != nil {
		return nil, m.Err
	}
	image := make(map[string]any, len(columns))
	for i, column := range columns {
		if !m.Ignored(column) {
			image[column] = values.Limit(m.Plan.Column(name, column, row[i]), p.cfg.maxValue)
		}
	}
	return image, nil
}

// Companion reports whether the plugin marks its statements for companion triggers.
func (p *Plugin) Companion() bool { return p.cfg.companion }

// CompanionTable is for package trigger: what the plugin knows of a model's table, as the
// catalog has it now, and what a record of it would hold: values up to limit bytes and,
// where onlyTimestamps is set, no updates of timestamps alone. A model is a struct, a
// pointer to one, or the name of a table.
func (p *Plugin) CompanionTable(ctx context.Context, db *gorm.DB, model any) (t *table.Table, limit int, onlyTimestamps bool, err error) {
	if p.tables == nil {
		return nil, 0, false, fmt.Errorf("%w: the plugin is not installed, or turned off", ErrInvalidOption)
	}
	t, err = p.tables.Describe(ctx, p.follower.DeliveryAt(db.Statement.ConnPool).Outside, db, model)
	return t, p.cfg.maxValue, p.cfg.noTimestamps, err
}

// CausesByRow tells that the records of one statement may each have a cause of their
// own, by [audit.WithCauses].
func (p *Plugin) CausesByRow() bool { return true }

func (p *Plugin) planOf(s *schema.Schema, name string) (*redact.Plan, error) {
	switch {
	case p.tables != nil:
		m := p.tables.Model(s, name)
		return m.Plan, m.Err
	case s != nil: // turned off: no model is known, and none is learned
		return redact.ForTable(s, name, redact.Config{HashKey: p.cfg.hashKey})
	}
	return redact.ForNames(name, redact.Config{}), nil
}

// Hides tells what records lack of a column: all of it (never), some keys of its documents
// (partly), or what it says (secret: it is masked or hashed). s is the table's model, or
// nil; what other models of the table hide counts, too.
func (p *Plugin) Hides(s *schema.Schema, tableName, column string) (never, partly, secret bool, err error) {
	plan, err := p.planOf(s, table.Bare(tableName))
	if err != nil {
		return false, false, false, err
	}
	return plan.Ignored(column), plan.Drops(column), plan.Sensitive(column), nil
}

// SchemaOf returns the model that the plugin has met for a table, in an option or in
// an earlier write, or as the join table of such a model; otherwise nil. The table's
// name is given without a schema.
func (p *Plugin) SchemaOf(table string) *schema.Schema {
	if p.tables == nil {
		return nil
	}
	return p.tables.SchemaOf(table)
}
