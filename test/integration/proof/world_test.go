package proof

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"github.com/gorm-audit/auditplugin/trigger"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
	"gorm.io/plugin/dbresolver"
)

// clock gives both runs of a history the same times.
type clock struct{ ticks int }

func (c *clock) now() time.Time {
	c.ticks++
	return time.Date(2026, 1, 1, 0, 0, c.ticks, 0, time.UTC)
}

// handle is one way to open the audited database, and the same for the plain one.
type handle struct {
	name    string
	audited *testdb.DB
	plain   *gorm.DB
	clock   *clock
	blind   bool // transactions of the application are out of the plugin's sight
	narrow  bool // there is one connection
	alone   bool // nothing is announced
}

// way is how a handle is opened.
type way struct {
	name     string
	portable bool
	config   func(*gorm.Config)
	resolver func(db *gorm.DB) error
	last     bool // the resolver is installed after the plugin
	plugin   []auditplugin.Option
	maxOpen  int
	blind    bool
	alone    bool // nobody but the table gets the records
}

// ways are the handles that histories are drawn for.
func ways() []way {
	prepared := func(c *gorm.Config) { c.PrepareStmt = true }
	return []way{
		{name: "native"},
		{name: "native, prepared, table alone", config: prepared, alone: true},
		{name: "native, table alone", alone: true},
		{name: "portable", portable: true},
		{name: "portable, prepared", portable: true, config: prepared},
		{name: "resolver with a replica, first", resolver: func(db *gorm.DB) error {
			return db.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{db.Dialector}}))
		}},
		{name: "resolver with a source, last, prepared", config: prepared, last: true, blind: true, resolver: func(db *gorm.DB) error {
			return db.Use(dbresolver.Register(dbresolver.Config{Sources: []gorm.Dialector{db.Dialector}, Replicas: []gorm.Dialector{db.Dialector}}))
		}},
		{name: "without default transactions, in batches, one connection", maxOpen: 1, config: func(c *gorm.Config) {
			c.SkipDefaultTransaction, c.CreateBatchSize = true, 2
		}},
		{name: "unwrapped pool", plugin: []auditplugin.Option{auditplugin.WithUnwrappedPool()}, blind: true},
		{name: "table written early", alone: true, plugin: []auditplugin.Option{auditplugin.WithBufferLimit(3)}},
		{name: "without driver access", plugin: []auditplugin.Option{auditplugin.WithoutDriverAccess()}},
		{name: "without driver access, prepared, table alone", config: prepared, alone: true, plugin: []auditplugin.Option{auditplugin.WithoutDriverAccess()}},
	}
}

// world is a pair of databases that all histories of a dialect share.
type world struct {
	dialect   string
	handles   []handle
	oracle    *oracle.Oracle
	tables    []string
	raw, bare *sql.DB // of the audited and of the plain database

	companion bool

	blank, seeds oracle.Content // what the tables hold when a history begins

	histories, operations, changes, records int
	foreign                                 int            // records of companion triggers
	actions                                 map[string]int // records by action
}

func newWorld(t *testing.T, dialect string) *world {
	t.Helper()
	return newWorldWith(t, dialect, false)
}

// newWorldWith is a world in which companion triggers record what the plugin does not.
func newWorldWith(t *testing.T, dialect string, companion bool) *world {
	t.Helper()
	w := &world{dialect: dialect, actions: map[string]int{}, companion: companion}
	migrate := func(db *gorm.DB) error { return db.Session(&gorm.Session{NewDB: true}).AutoMigrate(models()...) }
	first := testdb.Target{Dialect: dialect}.Open(t, testdb.WithoutPlugin())
	second := testdb.Target{Dialect: dialect}.Open(t, testdb.WithoutPlugin())
	for _, db := range []*gorm.DB{first.DB, second.DB} {
		if err := migrate(db); err != nil {
			t.Fatal(err)
		}
	}
	for _, way := range ways() {
		if companion {
			way.plugin = append(way.plugin, auditplugin.WithCompanion())
		}
		w.handles = append(w.handles, way.open(t, dialect, first.DSN, second))
	}
	w.raw, w.bare = first.Raw, second.Raw
	for _, db := range []*sql.DB{w.raw, w.bare} {
		db.SetMaxOpenConns(1)
	}
	w.tables = tablesOf(first.DB)
	judged := []oracle.Option{
		oracle.SoftDelete("softs.deleted_at"), oracle.Ignored("vaults.note"),
		oracle.Redacted("vaults.mail", "vaults.pin", "vaults.card", "vaults.password"),
	}
	if dialect == testdb.MySQL {
		judged = append(judged, oracle.Cascades("staffs", "nodes", "cities"))
	}
	if companion {
		judged = append(judged, oracle.Companion())
		if err := trigger.Install(w.handles[0].audited.DB, trigger.For(models()...), trigger.For(named(w.tables)...)); err != nil {
			t.Fatal(err)
		}
	}
	// The same triggers on the plain database: MariaDB reserves keys otherwise where
	// a table has some.
	oracle.Watch(t, w.bare, dialect, w.tables)
	w.oracle = oracle.Watch(t, w.raw, dialect, w.tables, judged...)
	for _, db := range []*sql.DB{w.bare, w.raw} {
		if err := w.prepare(db, w.watched(db)); err != nil {
			t.Fatal(err)
		}
	}
	w.blank = w.oracle.Content(t)
	if err := w.clear(false, true); err != nil {
		t.Fatal(err)
	}
	w.seeds = w.oracle.Content(t)
	return w
}

func (way way) open(t *testing.T, dialect, dsn string, second *testdb.DB) handle {
	t.Helper()
	c := &clock{}
	options := []testdb.Option{
		testdb.WithGORM(func(g *gorm.Config) {
			g.NowFunc = c.now
			if way.config != nil {
				way.config(g)
			}
		}),
		testdb.WithMaxOpen(way.maxOpen),
	}
	plain := second.Plain(t, options...)
	options = append(options, testdb.In(dsn), testdb.WithPlugin(way.plugin...), testdb.WithPlugin(
		auditplugin.WithHashKey([]byte("0123456789abcdef")),
		auditplugin.WithFailurePolicy(auditplugin.FailWrite, &Vault{}, &Soft{}), // so that their tags are known before the first write
	))
	if way.alone {
		options = append(options, testdb.TableAlone())
	}
	if way.resolver != nil {
		if err := way.resolver(plain); err != nil {
			t.Fatal(err)
		}
		when := testdb.Before
		if way.last {
			when = testdb.After
		}
		options = append(options, when(way.resolver))
	}
	audited := testdb.Target{Dialect: dialect, Portable: way.portable}.Open(t, options...)
	for _, db := range []*gorm.DB{plain, audited.DB} {
		pool, err := db.DB()
		if err != nil {
			t.Fatal(err)
		}
		pool.SetMaxIdleConns(1) // there are many handles, and one is used at a time
	}
	return handle{way.name, audited, plain, c, way.blind, way.maxOpen == 1, way.alone}
}

func tablesOf(db *gorm.DB) []string {
	var tables []string
	for _, m := range models() {
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(m); err != nil {
			continue
		}
		tables = append(tables, stmt.Schema.Table)
		for _, r := range stmt.Schema.Relationships.Relations {
			if r.Type == schema.Many2Many {
				tables = append(tables, r.JoinTable.Table)
			}
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}

// clear empties both databases and restarts their sequences. On PostgreSQL the
// portable path can not tell that an upsert's generated key met a row: there the
// sequences begin where no key is named.
func (w *world) clear(portable, seeded bool) error {
	start := 1
	if portable || seeded {
		start = 10
	}
	first := w.blank
	if seeded {
		first = w.seeds
	}
	w.oracle.Restart(first)
	for _, db := range []*sql.DB{w.bare, w.raw} {
		if err := w.empty(db, w.watched(db), start, seeded); err != nil {
			return fmt.Errorf("clear: %w", err)
		}
	}
	return nil
}

func (w *world) empty(db *sql.DB, tables []string, start int, seeded bool) error {
	var all []string
	switch w.dialect {
	case testdb.SQLite:
		all = append(all, "PRAGMA foreign_keys=0", "BEGIN IMMEDIATE")
		for _, name := range tables {
			all = append(all, "DELETE FROM "+name)
		}
		all = append(all, "DELETE FROM sqlite_sequence")
		if seeded {
			all = append(append(all, seedRows...), w.unsaid(db)...)
		}
		all = append(all, "COMMIT", "PRAGMA foreign_keys=1")
	case testdb.MySQL:
		all = append(all, "CALL proof_clear()")
		if seeded {
			all = append(all, "CALL proof_seed()")
		}
	case testdb.Postgres:
		all = append(all, "SET session_replication_role=replica")
		for _, name := range tables {
			all = append(all, "DELETE FROM "+name)
		}
		all = append(all, "SET session_replication_role=DEFAULT",
			fmt.Sprintf("SELECT setval(oid, %d, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace", start))
		if seeded {
			all = append(append(all, seedRows...), w.unsaid(db)...)
		}
		_, err := db.Exec(strings.Join(all, ";"))
		return err
	}
	for _, s := range all {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// unsaid takes back what triggers noted of the rows that histories begin with.
func (w *world) unsaid(db *sql.DB) []string {
	if db == w.raw {
		return []string{"DELETE FROM oracle_changes", "DELETE FROM audit_logs"}
	}
	return []string{"DELETE FROM oracle_changes"}
}

func named(tables []string) []any {
	all := make([]any, len(tables))
	for i, name := range tables {
		all[i] = name
	}
	return all
}

// prepare makes what empty calls on MySQL: one call is many times faster than forty.
func (w *world) prepare(db *sql.DB, tables []string) error {
	if w.dialect != testdb.MySQL {
		return nil
	}
	// MySQL remembers for a day where a counter was; MariaDB, which does not, takes this for a comment.
	body := "/*!80000 SET information_schema_stats_expiry=0; */ SET FOREIGN_KEY_CHECKS=0; START TRANSACTION; "
	for _, name := range tables {
		body += "DELETE FROM " + name + "; "
	}
	body += "COMMIT; "
	for _, name := range w.tables {
		body += "IF EXISTS (SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '" + name +
			"' AND auto_increment > 1) THEN ALTER TABLE " + name + " AUTO_INCREMENT=1; END IF; "
	}
	if _, err := db.Exec("CREATE PROCEDURE proof_clear() BEGIN " + body + "SET FOREIGN_KEY_CHECKS=1; END"); err != nil {
		return err
	}
	_, err := db.Exec("CREATE PROCEDURE proof_seed() BEGIN START TRANSACTION; " + strings.Join(append(slices.Clone(seedRows), w.unsaid(db)...), "; ") + "; COMMIT; END")
	return err
}

// seedRows are what half of the histories find: rows to change, and to carry a
// change on to.
var seedRows = []string{
	"INSERT INTO items (id, name, qty, price, active) VALUES (1, 'a', 1, 0.1, '1'), (2, 'b', 2, 1, '0'), (3, 'c', 3, -2.5, '1')",
	"INSERT INTO softs (id, code, name, deleted_at) VALUES (1, 'a', 'a', NULL), (2, 'b', 'b', '2020-01-01 00:00:00')",
	"INSERT INTO pairs (a, b, val) VALUES ('x', 1, 'a'), ('x', 2, 'b'), ('é', 3, 'c')",
	"INSERT INTO labels (name, text, place) VALUES ('one', 'a', 1), ('two', 'b', NULL)",
	"INSERT INTO companies (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')",
	"INSERT INTO staffs (id, company_id, name) VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, NULL, 'd')",
	"INSERT INTO skills (id, name) VALUES (1, 'go'), (2, 'sql')",
	"INSERT INTO staff_skills (staff_id, skill_id) VALUES (4, 1), (3, 1), (3, 2)",
	"INSERT INTO memos (id, owner_id, owner_type, text) VALUES (1, 1, 'companies', 'a'), (2, 3, 'staffs', 'b')",
	"INSERT INTO nodes (id, parent_id, name) VALUES (1, NULL, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, 1, 'a')",
	"INSERT INTO regions (code, name) VALUES ('no', 'a'), ('se', 'b')",
	"INSERT INTO cities (id, region_code, name) VALUES (1, 'no', 'a'), (2, 'no', 'b'), (3, 'se', 'c')",
	"INSERT INTO gens (id, w, h) VALUES (1, 2, 3), (2, 1, 1)",
	"INSERT INTO uniqs (id, email, handle, px, py, n) VALUES (1, 'a', 'h1', 1, 1, 2), (2, 'b', NULL, 2, 2, 0)",
	"INSERT INTO vaults (id, mail, pin, card, password, note, n) VALUES (1, 'a@b', '1234', '12345678', 'a', 'a', 1)",
	"INSERT INTO bags (name, n) VALUES ('a', 1), ('b', 2)",
}

// watched are the tables to empty.
func (w *world) watched(db *sql.DB) []string {
	tables := slices.Concat(w.tables, []string{"oracle_changes"})
	if db == w.raw {
		tables = append(tables, "audit_logs")
	}
	return tables
}

// dump is the content of every table, rows sorted.
func (w *world) dump(db *sql.DB) (map[string][]string, error) {
	all := map[string][]string{}
	for _, name := range w.tables {
		rows, err := db.Query("SELECT * FROM " + name)
		if err != nil {
			return nil, err
		}
		columns, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			values := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				return nil, err
			}
			text := ""
			for i, v := range values {
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				text += fmt.Sprintf("%s=%#v ", columns[i], v)
				if at, ok := v.(time.Time); ok {
					text += at.UTC().String()
				}
			}
			all[name] = append(all[name], text)
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
		_ = rows.Close()
		slices.Sort(all[name])
	}
	return all, nil
}
