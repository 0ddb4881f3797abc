package auditplugin

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/txn"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// Event records something that is not a row change: a sign-in, a refused access,
// the reading of a sensitive row. In a transaction it commits or rolls back with
// it; outside one it is written at once.
//
// What r leaves empty is filled in from the context of tx: ID, Time, Actor, Reason
// and so on. Action defaults to audit.Event, Outcome to audit.Success. The values
// of r are recorded as they are: put no secrets in them. It fails with ErrClosed
// after Close, with [sql.ErrTxDone] when tx was committed or rolled back, and with
// ErrInvalidOption when the plugin is not installed on tx; with the plugin turned
// off by WithEnabled(false) it does nothing.
func Event(tx *gorm.DB, r audit.Record) error {
	return event(tx, func(context.Context, []byte) (audit.Record, error) { return r, nil })
}

// TypedEvent is an event that was defined with package auditlog, with its values: what
// auditlog.Event.Of returns.
type TypedEvent interface {
	AuditEvent(ctx context.Context, hashKey []byte) (audit.Record, error)
}

// EventOf is [Event] for one that was defined with auditlog.Define. Its fields are metadata,
// beside those of the context, under the plugin's hash key where they are tagged so; its
// outcome is audit.Unknown unless it says otherwise. A required field that is empty is an
// error that wraps auditlog.ErrRequired; nothing is recorded then.
//
//	err := auditplugin.EventOf(tx, SignedIn.Of(SignIn{User: "7", Method: "totp"}))
func EventOf(tx *gorm.DB, e TypedEvent) error {
	if isNil(e) {
		return fmt.Errorf("%w: EventOf: no event", ErrInvalidOption)
	}
	return event(tx, e.AuditEvent)
}

func event(tx *gorm.DB, of func(ctx context.Context, hashKey []byte) (audit.Record, error)) error {
	if tx == nil || tx.Config == nil {
		return fmt.Errorf("%w: Event: no database", ErrInvalidOption)
	}
	p, ok := tx.Plugins["auditplugin"].(*Plugin)
	if !ok {
		return fmt.Errorf("%w: Event: auditplugin is not installed on this database", ErrInvalidOption)
	}
	if p.cfg.disabled {
		return nil
	}
	if p.gate.Closed.Load() {
		return fmt.Errorf("%w: event refused", ErrClosed)
	}
	ctx, cp := tx.Statement.Context, tx.Statement.ConnPool
	r, err := of(ctx, p.cfg.hashKey)
	if err != nil {
		return err
	}
	r = p.origin.Complete(ctx, r)
	if l, ok := p.follower.Seen(cp); ok {
		if l.Ended() {
			return fmt.Errorf("auditplugin: event refused: %w", sql.ErrTxDone)
		}
		r.TransactionID = l.ID
		return l.Add(ctx, []audit.Record{r}, false)
	}
	if l, ok := p.follower.Unseen(ctx, cp); ok {
		r.TransactionID = l.ID
		return l.Add(ctx, []audit.Record{r}, false)
	}
	there := p.follower.DeliveryAt(cp)
	conn := there.Outside
	if c, ok := cp.(*sql.Conn); ok {
		conn = c // the pool may have no second connection to give
	}
	return there.Event(ctx, conn, r)
}

// SQLTx returns the *sql.Tx that GORM's transaction tx runs on, for libraries that
// take part in it. What they write through it is not recorded. It fails with
// [gorm.ErrInvalidTransaction] when tx is not in a transaction.
//
//	sqlTx, err := auditplugin.SQLTx(tx)
func SQLTx(tx *gorm.DB) (*sql.Tx, error) {
	if tx == nil || tx.Statement == nil {
		return nil, fmt.Errorf("auditplugin: SQLTx: %w", gorm.ErrInvalidTransaction)
	}
	return txn.SQLTx(tx.Statement.ConnPool)
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

// RecordsSince is since when the plugin records changes of a table in this process: since
// db.Use installed it. never says that options leave the table out. The time is zero then,
// before the install, and with the plugin turned off.
func (p *Plugin) RecordsSince(tableName string) (since time.Time, never bool) {
	if p.tables != nil && !p.tables.Rules.Audits(table.Bare(tableName)) {
		return time.Time{}, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.installed, false
}

// LeavesOut tells which actions of a table's rows [WithActions] leaves out: what its rows were
// at a moment is not in their records then. nil means that all are recorded, and also that
// the plugin is turned off or not yet installed.
func (p *Plugin) LeavesOut(tableName string) []audit.Action {
	if p.tables == nil {
		return nil
	}
	return p.tables.Rules.LeavesOut(table.Bare(tableName))
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

// Found is for package history, which reads the catalog anew: it says what a table is like
// now, so that the plugin does not go by what it remembers when that is out of date.
func (p *Plugin) Found(tableName string, now *catalog.Table) {
	if p.tables != nil {
		name := table.ParseName(tableName)
		p.tables.Catalog.Found(p.dialect.Name(), name.Schema, name.Name, now)
	}
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

// Queues returns the state of the emitters that queue records (emitter.Async), by name as
// [audit.Named] says; those of one name are added up.
func (p *Plugin) Queues() map[string]emitter.AsyncStats {
	if p.delivery == nil {
		return nil
	}
	all := map[string]emitter.AsyncStats{}
	for name, e := range p.delivery.Named() {
		if q, ok := e.(interface{ Stats() emitter.AsyncStats }); ok {
			one, more := all[name], q.Stats()
			all[name] = emitter.AsyncStats{
				Queued: one.Queued + more.Queued, Emitted: one.Emitted + more.Emitted,
				Dropped: one.Dropped + more.Dropped, Failed: one.Failed + more.Failed,
			}
		}
	}
	return all
}

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

// Secret is a place of a model's rows that records do not show; see [Secrets].
type Secret struct {
	// Table is the model's, without a schema.
	Table string
	// Path is the column, or, inside a JSON column, the column and the keys below it joined
	// by dots ("settings.smtp.password"); "*" stands for every key or element.
	Path string
	// How says what is done: "masked", "masked but for the last 4", "hashed", "never
	// recorded".
	How string
	// ByName tells that the name is the reason, and no tag: audit:"show" shows it.
	ByName bool
	// Where says of which rows it is true, for values of a table of settings, which are
	// masked where the row is called like a secret; "" for all.
	Where string
	// Key tells that the column belongs to the primary key: records name the row by its
	// keyed hash, or, without a hash key, not at all.
	Key bool
}

// String is the secret as a line for people.
func (s Secret) String() string {
	text := s.Table + "." + s.Path + ": " + s.How
	if s.ByName {
		text += ", because of its name"
	}
	if s.Where != "" {
		text += " " + s.Where
	}
	if s.Key {
		text += " (a key: needs WithHashKey)"
	}
	return text
}

// Secrets tells what records will not show of the given models: because of tags, of names,
// and, where the plugin is installed on db, of what other models of the same tables hide. Look at it once with all models of an application: names are a guess.
// What is hidden in JSON of which no type is known, by the names of its keys, is not listed.
//
// Mistakes in tags are errors, as they are for the first write; audit:"hash" needs no key
// here. It asks the database nothing.
func Secrets(db *gorm.DB, models ...any) ([]Secret, error) {
	var all []Secret
	for _, model := range models {
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(model); err != nil {
			return nil, fmt.Errorf("%w: Secrets: %T is not a model: %w", ErrInvalidOption, model, err)
		}
		found, err := secretsOf(db, stmt.Schema)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// planner is the plugin, which knows of a table what its models and the options say.
type planner interface {
	planOf(s *schema.Schema, table string) (*redact.Plan, error)
}

func secretsOf(db *gorm.DB, s *schema.Schema) ([]Secret, error) {
	name := table.Bare(s.Table)
	installed, _ := db.Plugins["auditplugin"].(planner)
	plan, err := redact.ForTable(s, name, redact.Config{HashKey: make([]byte, minHashKey)})
	if installed != nil {
		plan, err = installed.planOf(s, name)
	}
	if err != nil {
		return nil, err
	}
	var all []Secret
	for _, h := range plan.Hidings(s) {
		all = append(all, Secret{
			Table: name, Path: diffpath.Join(h.Path), How: h.How, ByName: h.ByName,
			Key: len(h.Path) == 1 && h.How != "hashed" && slices.Contains(s.PrimaryFieldDBNames, h.Path[0]),
		})
	}
	naming, settings := redact.SettingColumns(s.DBNames)
	for _, column := range settings {
		if plan.Undecided(column) {
			all = append(all, Secret{Table: name, Path: column, How: "masked", Where: "where " + naming + " is a secret's name"})
		}
	}
	return all, nil
}
