package testdb

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// DB is a database with the plugin installed, and the handles to look behind it.
type DB struct {
	// DB is the handle under test.
	*gorm.DB
	// Target is what the database is.
	Target Target
	// Plugin is the installed plugin, nil with [WithoutPlugin].
	Plugin *auditplugin.Plugin
	// Announced holds what the plugin told after commit.
	Announced *Announced
	// Raw is a pool of its own on the same database, unknown to GORM.
	Raw *sql.DB
	// DSN opens the same database again.
	DSN string
}

type settings struct {
	gorm    gorm.Config
	plugin  []auditplugin.Option
	bare    bool
	maxOpen int
	before  []func(*gorm.DB) error
	after   []func(*gorm.DB) error
	dsn     string
	own     bool
	alone   bool
	silent  bool
}

// Option changes how [Target.Open] opens a database.
type Option func(*settings)

// WithGORM changes GORM's configuration.
func WithGORM(change func(*gorm.Config)) Option {
	return func(s *settings) { change(&s.gorm) }
}

// WithoutReturning makes GORM ask MariaDB for no rows of an INSERT, as it does MySQL.
func WithoutReturning() Option { return func(s *settings) { s.silent = true } }

// WithPlugin adds options of the plugin.
func WithPlugin(options ...auditplugin.Option) Option {
	return func(s *settings) { s.plugin = append(s.plugin, options...) }
}

// WithoutPlugin opens plain GORM, for the runs that the plugin is compared with.
func WithoutPlugin() Option { return func(s *settings) { s.bare = true } }

// WithMaxOpen limits the pool.
func WithMaxOpen(n int) Option { return func(s *settings) { s.maxOpen = n } }

// Before runs f on the handle before the plugin is installed.
func Before(f func(*gorm.DB) error) Option {
	return func(s *settings) { s.before = append(s.before, f) }
}

// After runs f on the handle after the plugin was installed.
func After(f func(*gorm.DB) error) Option {
	return func(s *settings) { s.after = append(s.after, f) }
}

// In opens the database of another DB, or that a test connects to with a name of
// its own, instead of a fresh one.
func In(dsn string) Option { return func(s *settings) { s.dsn = dsn } }

// OwnDatabase makes a database on PostgreSQL, where a test otherwise gets a schema.
func OwnDatabase() Option { return func(s *settings) { s.own = true } }

// TableAlone leaves out the emitter that collects what is announced, as most
// applications do: records are then made for the table alone, in another way.
func TableAlone() Option { return func(s *settings) { s.alone = true } }

// Open makes a fresh database and installs the plugin with the table emitter and
// one that collects what is announced. The test fails when that fails.
func (g Target) Open(t *testing.T, options ...Option) *DB {
	t.Helper()
	s := settings{gorm: gorm.Config{Logger: logger.Discard}}
	for _, o := range options {
		o(&s)
	}
	skipWithoutServer(t, g.Dialect)
	d := &DB{Target: g, Announced: &Announced{}, DSN: s.dsn}
	if d.DSN == "" {
		d.DSN = create(t, g.Dialect, s.own)
	}
	d.Raw = openSQL(t, g.Dialect, d.DSN)
	d.DB = d.open(t, s)
	if s.bare {
		return d
	}
	for _, f := range s.before {
		if err := f(d.DB); err != nil {
			t.Fatalf("before the plugin: %v", err)
		}
	}
	emitters := []audit.Emitter{emitter.Table()}
	if !s.alone {
		emitters = append(emitters, emitter.Func(d.Announced.add))
	}
	use := []auditplugin.Option{
		auditplugin.WithEmitter(emitters...),
		auditplugin.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	}
	if g.Portable {
		use = append(use, auditplugin.WithPortableImages())
	}
	d.Plugin = auditplugin.New(append(use, s.plugin...)...)
	if err := d.Use(d.Plugin); err != nil {
		t.Fatalf("use the plugin: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Plugin.Close(context.Background()); err != nil {
			t.Errorf("close the plugin: %v", err)
		}
	})
	for _, f := range s.after {
		if err := f(d.DB); err != nil {
			t.Fatalf("after the plugin: %v", err)
		}
	}
	return d
}

// Plain opens the same database once more, without the plugin.
func (d *DB) Plain(t *testing.T, options ...Option) *gorm.DB {
	t.Helper()
	s := settings{gorm: gorm.Config{Logger: logger.Discard}}
	for _, o := range options {
		o(&s)
	}
	return d.open(t, s)
}

// Returns tells whether GORM gets back rows of INSERT and DELETE. MySQL does not give them,
// and MariaDB is not asked where it is to be like MySQL.
func (d *DB) Returns(t *testing.T) bool {
	t.Helper()
	return d.Target.Dialect != MySQL || d.MariaDB(t) && os.Getenv(SilentEnv) == ""
}

// MariaDB tells MariaDB from MySQL.
func (d *DB) MariaDB(t *testing.T) bool {
	t.Helper()
	var version string
	if err := d.Raw.QueryRow("SELECT VERSION()").Scan(&version); err != nil {
		t.Fatalf("version of %s: %v", d.Target, err)
	}
	return strings.Contains(version, "MariaDB")
}

func (d *DB) open(t *testing.T, s settings) *gorm.DB {
	t.Helper()
	dialector := Dialector(d.Target.Dialect, d.DSN)
	if (s.silent || os.Getenv(SilentEnv) != "") && d.Target.Dialect == MySQL {
		dialector = mysql.New(mysql.Config{DSN: d.DSN, DisableWithReturning: true})
	}
	db, err := gorm.Open(dialector, &s.gorm)
	if err != nil {
		t.Fatalf("open %s: %v", d.Target, err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatalf("pool of %s: %v", d.Target, err)
	}
	if s.maxOpen > 0 {
		pool.SetMaxOpenConns(s.maxOpen)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return db
}
