package production

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

type account struct {
	ID    uint
	Phone string
}

// scene is a database whose tables a migration made, and its owner.
type scene struct {
	target testdb.Target
	owner  *testdb.DB
}

func newScene(t *testing.T, g testdb.Target) *scene {
	t.Helper()
	s := &scene{target: g, owner: g.Open(t, testdb.WithoutPlugin())}
	must(t, s.owner.AutoMigrate(&account{}))
	for _, schema := range []func() (string, error){
		func() (string, error) { return emitter.Schema(g.Dialect) },
		func() (string, error) { return relay.Schema(g.Dialect) },
		func() (string, error) { return alert.Schema(g.Dialect) },
	} {
		ddl, err := schema()
		must(t, err)
		for statement := range strings.SplitSeq(ddl, ";\n") {
			if strings.TrimSpace(statement) != "" {
				s.run(t, statement)
			}
		}
	}
	return s
}

func (s *scene) run(t *testing.T, statement string) {
	t.Helper()
	_, err := s.owner.Raw.Exec(statement)
	must(t, err)
}

// as makes a role with what the documentation grants it, and opens the database as it.
func (s *scene) as(t *testing.T, r role) *gorm.DB {
	t.Helper()
	if s.target.Dialect == testdb.Postgres {
		return s.asPostgres(t, r)
	}
	config, err := mysql.ParseDSN(s.owner.DSN)
	must(t, err)
	name := "r" + config.DBName[max(0, len(config.DBName)-18):] + "_" + r.name
	user := "'" + name + "'@'%'"
	s.run(t, "CREATE USER "+user+" IDENTIFIED BY 'rights'")
	t.Cleanup(func() { s.run(t, "DROP USER "+user) })
	for table, rights := range r.grants() {
		s.run(t, fmt.Sprintf("GRANT %s ON `%s`.`%s` TO %s", rights, config.DBName, table, user))
	}
	config.User, config.Passwd = name, "rights"
	return s.open(t, config.FormatDSN())
}

func (s *scene) asPostgres(t *testing.T, r role) *gorm.DB {
	t.Helper()
	dsn, err := url.Parse(s.owner.DSN)
	must(t, err)
	schema := dsn.Query().Get("search_path")
	name := "r" + schema[max(0, len(schema)-20):] + "_" + r.name
	s.run(t, "CREATE ROLE "+name+" LOGIN")
	t.Cleanup(func() {
		s.run(t, "DROP OWNED BY "+name)
		s.run(t, "DROP ROLE "+name)
	})
	s.run(t, "GRANT USAGE ON SCHEMA "+schema+" TO "+name)
	for table, rights := range r.grants() {
		s.run(t, "GRANT "+rights+" ON "+table+" TO "+name)
	}
	if strings.Contains(r.own, "INSERT") {
		s.run(t, "GRANT USAGE ON SEQUENCE accounts_id_seq TO "+name)
	}
	dsn.User = url.User(name)
	return s.open(t, dsn.String())
}

func (s *scene) open(t *testing.T, dsn string) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(testdb.Dialector(s.target.Dialect, dsn), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	t.Cleanup(func() {
		pool, err := db.DB()
		must(t, err)
		must(t, pool.Close())
	})
	return db
}

// install installs the plugin as docs/production.md does: migrations make the table.
func install(t *testing.T, db *gorm.DB) {
	t.Helper()
	plugin := auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.NoCreate())),
		auditplugin.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	must(t, db.Use(plugin))
	t.Cleanup(func() { must(t, plugin.Close(context.WithoutCancel(t.Context()))) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
