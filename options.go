package auditplugin

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// FailurePolicy says what happens to a write that can not be recorded.
type FailurePolicy uint8

const (
	// FailWrite refuses the write, or the commit of its transaction, with an error
	// that wraps ErrAuditFailed. It is the default.
	FailWrite FailurePolicy = iota
	// KeepWrite keeps the write. What was lost is counted in Stats, given to the
	// error handler, and leaves an event record.
	KeepWrite
)

// RawPolicy says what happens to raw SQL that writes to an audited table.
type RawPolicy uint8

const (
	// RawRecord leaves a record with action "raw": the statement with its literals
	// removed, the table and the number of rows. It is the default.
	RawRecord RawPolicy = iota
	// RawAllow lets it pass without a record.
	RawAllow
	// RawRefuse refuses it with an error that wraps ErrRawRefused.
	RawRefuse
)

const (
	defaultBufferLimit   = 2_000
	defaultMaxValueBytes = 64 << 10
	minHashKey           = 16
)

// Option configures a [Plugin]. Options that are wrong are reported by
// Initialize, and so by db.Use.
type Option func(*config) error

type config struct {
	emitters      []audit.Emitter
	actor         func(context.Context) audit.Actor
	tenant        func(context.Context) string
	tenantOf      func(schema string) string
	trace         func(context.Context) (traceID, spanID string)
	skipSources   []string
	hashKey       []byte
	include       []any
	exclude       []any
	actions       []table.ActionRule
	columns       []string
	noTimestamps  bool
	requireActor  table.Models
	requireReason table.Models
	noActor       table.Models
	failure       FailurePolicy
	failureModels map[FailurePolicy][]any
	onError       func(context.Context, error)
	logger        *slog.Logger
	raw           RawPolicy
	unwrapped     bool
	portable      bool
	throughSQL    bool
	disabled      bool
	application   string
	bufferLimit   int
	maxValue      int
	lifecycle     bool
	companion     bool
	observers     []audit.Observer
}

// tables are the options that name models.
func (c *config) tables() table.Options {
	return table.Options{
		Include: c.include, Exclude: c.exclude, RequireActor: c.requireActor, RequireReason: c.requireReason, NoActor: c.noActor,
		Actions: c.actions, KeepAll: c.failure == KeepWrite, Keep: c.failureModels[KeepWrite], Refuse: c.failureModels[FailWrite],
		Columns: c.columns, Redact: redact.Config{HashKey: c.hashKey},
	}
}

// require adds models, or all when none is given.
func require(m *table.Models, models []any) {
	m.All = m.All || len(models) == 0
	m.Some = append(m.Some, models...)
}

// WithEmitter sets where records go. Calls add up. The default is emitter.Table().
func WithEmitter(emitters ...audit.Emitter) Option {
	return func(c *config) error {
		if len(emitters) == 0 {
			return fmt.Errorf("%w: WithEmitter needs an emitter", ErrInvalidOption)
		}
		for i, e := range emitters {
			if isNil(e) {
				return fmt.Errorf("%w: WithEmitter: emitter %d is nil", ErrInvalidOption, i+1)
			}
		}
		c.emitters = append(c.emitters, emitters...)
		return nil
	}
}

// WithActorFunc sets how the actor is found in the application's own context when
// audit.WithActor put none there. f must be safe for concurrent use.
func WithActorFunc(f func(ctx context.Context) audit.Actor) Option {
	return func(c *config) error {
		if f == nil {
			return fmt.Errorf("%w: WithActorFunc: function is nil", ErrInvalidOption)
		}
		c.actor = f
		return nil
	}
}

// WithTenantFunc sets how the tenant is found in the application's own context when
// audit.WithTenant put none there. f must be safe for concurrent use.
func WithTenantFunc(f func(ctx context.Context) string) Option {
	return func(c *config) error {
		if f == nil {
			return fmt.Errorf("%w: WithTenantFunc: function is nil", ErrInvalidOption)
		}
		c.tenant = f
		return nil
	}
}

// WithTenantOfSchema is for applications that give each tenant a schema, or a database on
// MySQL, of its own: f returns the tenant of the schema that a changed table is in, "" for
// none. It is asked where neither audit.WithTenant nor WithTenantFunc names a tenant, once
// for each table as the database's catalog knows it, so a search path counts. A record of
// raw SQL has a tenant of a schema only if the statement names the schema. f must be safe
// for concurrent use.
//
//	auditplugin.WithTenantOfSchema(func(schema string) string {
//		return strings.TrimPrefix(schema, "tenant_")
//	})
func WithTenantOfSchema(f func(schema string) string) Option {
	return func(c *config) error {
		if f == nil {
			return fmt.Errorf("%w: WithTenantOfSchema: function is nil", ErrInvalidOption)
		}
		c.tenantOf = f
		return nil
	}
}

// WithTraceFunc sets how trace and span ids are found in the application's own
// context when audit.WithTrace put none there. They win over those that a client sent
// (audit.WithRemoteTrace, and so the middleware of audithttp). f must be safe for
// concurrent use.
func WithTraceFunc(f func(ctx context.Context) (traceID, spanID string)) Option {
	return func(c *config) error {
		if f == nil {
			return fmt.Errorf("%w: WithTraceFunc: function is nil", ErrInvalidOption)
		}
		c.trace = f
		return nil
	}
}

// WithSourceSkip passes over functions of the given packages, and of those below them, when
// a record's source is looked for: those of a repository layer through which every write
// goes, say, so that the source is who called it. A package is named by its import path
// ("example.com/shop/store"), one type of it as the runtime names it
// ("example.com/shop/store.(*Base)"). Where nothing else called, the source is the first of
// the functions passed over. Calls add up.
func WithSourceSkip(packages ...string) Option {
	return func(c *config) error {
		for _, p := range packages {
			if strings.Trim(p, "/. ") != p || p == "" {
				return fmt.Errorf("%w: WithSourceSkip: %q is not the path of a package", ErrInvalidOption, p)
			}
		}
		c.skipSources = append(c.skipSources, packages...)
		return nil
	}
}

// WithHashKey sets the key for fields tagged audit:"hash", at least 16 bytes. Rows whose
// own key is a secret, by a tag or by its name, are named by its hash under this key; without
// one records can not tell such rows apart. The key id that stands beside each hash is the first 8 hexadecimal digits of the
// key's SHA-256.
func WithHashKey(key []byte) Option {
	return func(c *config) error {
		if len(key) < minHashKey {
			return fmt.Errorf("%w: WithHashKey: %w: the key has %d bytes, at least %d are needed", ErrInvalidOption, ErrHashKey, len(key), minHashKey)
		}
		c.hashKey = append([]byte(nil), key...)
		return nil
	}
}

// WithModels audits the given models only. A model is a struct, a pointer to one,
// or the name of a table. Calls add up.
func WithModels(models ...any) Option {
	return func(c *config) error {
		if len(models) == 0 {
			return fmt.Errorf("%w: WithModels needs a model", ErrInvalidOption)
		}
		c.include = append(c.include, models...)
		return nil
	}
}

// WithoutModels leaves the given models out. A model is a struct, a pointer to
// one, or the name of a table. Calls add up.
func WithoutModels(models ...any) Option {
	return func(c *config) error {
		c.exclude = append(c.exclude, models...)
		return nil
	}
}

// WithActions records only the given actions (audit.Create, Update, Delete, SoftDelete and
// Restore) of rows of the given models, or, when none is given, of all models that no other
// WithActions names. A model is a struct, a pointer to one, or the name of a table; a table
// has one list, whichever of its models name it.
//
//	auditplugin.WithActions([]audit.Action{audit.Delete}, &Session{})
//
// What counts is what became of each row: an upsert has created or updated it, a Save that
// sets the soft-delete column has deleted it softly, a foreign key may have deleted it. A
// cascade from a row whose deletion is not recorded is recorded without a cause. Raw SQL
// leaves its record if it may do one of the actions: a DELETE where deletions are recorded.
// WithRawSQL decides whether it does at all. Companion triggers do the same, once they are
// made anew.
//
// Everything else that narrows what is recorded holds as well. Actors and reasons are
// required of all writes. Events are always recorded.
func WithActions(actions []audit.Action, models ...any) Option {
	return func(c *config) error {
		c.actions = append(c.actions, table.ActionRule{Actions: slices.Clone(actions), Models: models})
		return nil
	}
}

// WithoutColumns never records the given columns: "phone" in every table, or
// "users.phone" in one. An update that changes nothing else leaves no record.
func WithoutColumns(columns ...string) Option {
	return func(c *config) error {
		for _, col := range columns {
			if col == "" {
				return fmt.Errorf("%w: WithoutColumns: empty column name", ErrInvalidOption)
			}
		}
		c.columns = append(c.columns, columns...)
		return nil
	}
}

// WithoutTimestampOnly leaves out updates in which nothing changed but columns
// that GORM sets by itself (autoUpdateTime).
func WithoutTimestampOnly() Option {
	return func(c *config) error { c.noTimestamps = true; return nil }
}

// WithRequiredActor refuses writes to the given models, or to all when none is
// given, whose context names no actor. The error wraps ErrActorRequired.
func WithRequiredActor(models ...any) Option {
	return func(c *config) error { require(&c.requireActor, models); return nil }
}

// WithoutActor says that nobody acts, by design, when the given models are written to, or any
// when none is given: no warning says then that an actor is missing. For single writes there
// is audit.WithoutActor.
func WithoutActor(models ...any) Option {
	return func(c *config) error { require(&c.noActor, models); return nil }
}

// WithRequiredReason refuses writes to the given models, or to all when none is
// given, whose context gives no reason. The error wraps ErrReasonRequired.
func WithRequiredReason(models ...any) Option {
	return func(c *config) error { require(&c.requireReason, models); return nil }
}

// WithFailurePolicy sets what happens to writes that can not be recorded, for the
// given models or, when none is given, for all others. The default is FailWrite.
func WithFailurePolicy(policy FailurePolicy, models ...any) Option {
	return func(c *config) error {
		if policy > KeepWrite {
			return fmt.Errorf("%w: WithFailurePolicy: unknown policy %d", ErrInvalidOption, policy)
		}
		if len(models) == 0 {
			c.failure = policy
			return nil
		}
		if c.failureModels == nil {
			c.failureModels = map[FailurePolicy][]any{}
		}
		c.failureModels[policy] = append(c.failureModels[policy], models...)
		return nil
	}
}

// WithErrorHandler sets who hears of errors that do not reach a caller: emitters
// that fail after commit, records lost under KeepWrite. The default logs them.
// f must be safe for concurrent use; it may be called while a transaction is open
// and must not use the database then.
func WithErrorHandler(f func(ctx context.Context, err error)) Option {
	return func(c *config) error {
		if f == nil {
			return fmt.Errorf("%w: WithErrorHandler: function is nil", ErrInvalidOption)
		}
		c.onError = f
		return nil
	}
}

// WithLogger sets the logger for the plugin's own warnings. The default is
// slog.Default().
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		if l == nil {
			return fmt.Errorf("%w: WithLogger: logger is nil", ErrInvalidOption)
		}
		c.logger = l
		return nil
	}
}

// WithRawSQL sets what happens to raw SQL that writes to audited tables. The
// default is RawRecord.
func WithRawSQL(policy RawPolicy) Option {
	return func(c *config) error {
		if policy > RawRefuse {
			return fmt.Errorf("%w: WithRawSQL: unknown policy %d", ErrInvalidOption, policy)
		}
		c.raw = policy
		return nil
	}
}

// WithUnwrappedPool leaves db.ConnPool as it is, for libraries that look into it.
// Transactions begun by the application are then out of sight: their records are
// written with each statement, and announced a few milliseconds after the
// transaction ended, when the audit table has been asked what survived; without a
// table in that database, with each statement. See docs/limits.md.
func WithUnwrappedPool() Option {
	return func(c *config) error { c.unwrapped = true; return nil }
}

// WithPortableImages uses plain locking SELECTs for images, as on databases whose
// shortcuts are not known. It is slower; it exists for tests and as a way out.
func WithPortableImages() Option {
	return func(c *config) error { c.portable = true; return nil }
}

// WithoutDriverAccess runs every statement through database/sql. By default, inside
// transactions that began on a *sql.DB, the plugin's own statements and those it captures
// go to the driver's connection itself ([database/sql.Conn.Raw]), which saves a goroutine
// and conversions for each. What is recorded is the same. Use it with a driver that can not
// stand that, or to find out whether it is the cause of something.
func WithoutDriverAccess() Option {
	return func(c *config) error { c.throughSQL = true; return nil }
}

// WithEnabled with false turns the plugin off altogether: nothing is registered,
// no table is created. For test suites that mock SQL.
func WithEnabled(enabled bool) Option {
	return func(c *config) error { c.disabled = !enabled; return nil }
}

// WithApplication sets the application's name in every record.
func WithApplication(name string) Option {
	return func(c *config) error { c.application = name; return nil }
}

// WithBufferLimit sets how many records a transaction holds in memory before they
// are written to the table early. The default is 2,000. From then on emitters that want
// records after the commit get them from the table, if it can be read: see [audit.Emitter].
func WithBufferLimit(records int) Option {
	return func(c *config) error {
		if records < 1 {
			return fmt.Errorf("%w: WithBufferLimit: %d is below 1", ErrInvalidOption, records)
		}
		c.bufferLimit = records
		return nil
	}
}

// WithMaxValueBytes sets the size above which a value is recorded as its length
// and SHA-256 only. The default is 65,536 bytes.
func WithMaxValueBytes(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return fmt.Errorf("%w: WithMaxValueBytes: %d is below 1", ErrInvalidOption, n)
		}
		c.maxValue = n
		return nil
	}
}

// WithLifecycleEvents records an event when the plugin starts, with its
// configuration, and when it is closed.
func WithLifecycleEvents() Option {
	return func(c *config) error { c.lifecycle = true; return nil }
}

// WithCompanion works with the triggers that package trigger makes, which record what does
// not go through GORM. Statements whose changes the plugin records are marked, so that the
// triggers stay silent for them; raw SQL says who runs it and why, so that its rows are
// recorded one by one. Install the plugin with it everywhere before the triggers: without
// it both record the same change. On SQLite it creates the two small tables that hold the
// marks. It is off by default. Servers that only speak PostgreSQL or MySQL have no mark that
// could be relied on: db.Use then returns ErrInvalidOption.
func WithCompanion() Option {
	return func(c *config) error { c.companion = true; return nil }
}

// WithObserver tells o what the plugin does: how many records are committed, how long
// capturing and writing takes, what is lost or refused. The modules telemetry/prometheus and
// telemetry/otel make observers. Calls add up. Without one nothing is counted or timed.
func WithObserver(o audit.Observer) Option {
	return func(c *config) error { c.observers = append(c.observers, o); return nil }
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

// The errors that callers may want to tell apart. Every error this package
// returns wraps one of them or the database's own error.
var (
	// ErrInvalidOption is returned by Initialize, and so by db.Use, for options
	// that are wrong or contradict each other, and for a GORM whose own callbacks are
	// not all there.
	ErrInvalidOption = fault.ErrInvalidOption
	// ErrActorRequired refuses a write whose context names no actor although the
	// model or the plugin demands one.
	ErrActorRequired = fault.ErrActorRequired
	// ErrReasonRequired refuses a write whose context gives no reason although the
	// model or the plugin demands one, and a Skip without a reason.
	ErrReasonRequired = fault.ErrReasonRequired
	// ErrRawRefused refuses a raw SQL write to an audited table under RawRefuse.
	ErrRawRefused = fault.ErrRawRefused
	// ErrAuditFailed says that a change could not be recorded, so that under
	// FailWrite the write or its transaction was refused. docs/refused.md has the
	// writes for which that is so, and what to write instead.
	ErrAuditFailed = fault.ErrAuditFailed
	// ErrTransactionLost is returned by Commit when the server had already ended
	// the transaction (a MySQL deadlock, for one), so that earlier changes are gone.
	ErrTransactionLost = fault.ErrTransactionLost
	// ErrUnsupportedPool is returned when the connection pool can not be wrapped;
	// WithUnwrappedPool is the way on.
	ErrUnsupportedPool = fault.ErrUnsupportedPool
	// ErrClosed is returned for writes after Close.
	ErrClosed = fault.ErrClosed
	// ErrHashKey is returned when a field is tagged audit:"hash" and no key was
	// given with WithHashKey, or the key is too short.
	ErrHashKey = redact.ErrHashKey
	// ErrUnknownTag is returned for an audit struct tag that means nothing.
	ErrUnknownTag = redact.ErrUnknownTag
)
