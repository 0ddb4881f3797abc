package subject

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Kind is a kind of database, as GORM names its dialect.
type Kind string

// The kinds.
const (
	SQLite   Kind = "sqlite"
	Postgres Kind = "postgres"
	MySQL    Kind = "mysql"
)

// Kinds returns all of them.
func Kinds() []Kind { return []Kind{SQLite, Postgres, MySQL} }

// The environment variables that name the servers.
const (
	PostgresEnv = "AUDIT_POSTGRES_DSN"
	MySQLEnv    = "AUDIT_MYSQL_DSN"
)

// Server returns the name of the environment variable that names the kind's server,
// and whether the kind can be reached: SQLite always can.
func (k Kind) Server() (env string, ok bool) {
	switch k {
	case Postgres:
		return PostgresEnv, os.Getenv(PostgresEnv) != ""
	case MySQL:
		return MySQLEnv, os.Getenv(MySQLEnv) != ""
	}
	return "", true
}

// Place is where a run keeps its tables: a folder for SQLite, a schema on
// PostgreSQL, a database on MySQL and MariaDB.
type Place struct {
	Kind Kind
	// DSN connects to it; for SQLite it is the folder.
	DSN string
	// Trail is how many records an audit table holds before anything is measured; it
	// grows from there. At 0 it is emptied between rounds.
	Trail int

	drop func() error
}

// NewPlace makes a place. SQLite's folder is made inside dir, or in the folder for
// temporary files if dir is empty. Drop it afterwards.
func NewPlace(k Kind, dir string) (*Place, error) {
	var random [8]byte
	_, _ = rand.Read(random[:]) // it never fails
	name := "audit_bench_" + hex.EncodeToString(random[:])
	switch k {
	case SQLite:
		folder, err := os.MkdirTemp(dir, name)
		if err != nil {
			return nil, err
		}
		return &Place{Kind: k, DSN: folder, drop: func() error { return os.RemoveAll(folder) }}, nil
	case Postgres:
		server, err := url.Parse(os.Getenv(PostgresEnv))
		if err != nil || server.Host == "" {
			return nil, fmt.Errorf("auditplugin: %s is not a URL", PostgresEnv)
		}
		drop, err := onServer("pgx", server.String(), "CREATE SCHEMA "+name, "SET client_min_messages = warning; DROP SCHEMA "+name+" CASCADE")
		if err != nil {
			return nil, err
		}
		query := server.Query()
		query.Set("search_path", name)
		server.RawQuery = query.Encode()
		return &Place{Kind: k, DSN: server.String(), drop: drop}, nil
	case MySQL:
		server, err := mysql.ParseDSN(os.Getenv(MySQLEnv))
		if err != nil {
			return nil, fmt.Errorf("auditplugin: %s is not a data source name", MySQLEnv)
		}
		drop, err := onServer("mysql", server.FormatDSN(), "CREATE DATABASE "+name+" CHARACTER SET utf8mb4", "DROP DATABASE "+name)
		if err != nil {
			return nil, err
		}
		server.DBName, server.ParseTime = name, true
		return &Place{Kind: k, DSN: server.FormatDSN(), drop: drop}, nil
	}
	return nil, fmt.Errorf("auditplugin: no kind of database %q: one of %v", k, Kinds())
}

// Drop removes the place and all that is in it. Close what was opened there first.
func (p *Place) Drop() error { return p.drop() }

// onServer makes something with one statement and returns what undoes it.
func onServer(driver, dsn, create, drop string) (func() error, error) {
	run := func(statement string) error {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			return err
		}
		_, err = db.Exec(statement)
		if cerr := db.Close(); err == nil {
			err = cerr
		}
		return err
	}
	if err := run(create); err != nil {
		return nil, fmt.Errorf("auditplugin: place for a benchmark: %w", err)
	}
	return func() error { return run(drop) }, nil
}

// source returns what the driver opens. Every variant has a SQLite file of its own,
// so that none pays for the checkpoints of another.
func (p *Place) source(v Variant, m Mode) string {
	switch p.Kind {
	case SQLite:
		source := "file:" + filepath.Join(p.DSN, string(v)+".db") + "?_journal_mode=WAL&_busy_timeout=5000"
		if m != NoSync {
			source += "&_synchronous=FULL"
		}
		return source
	case Postgres:
		if m == Simple {
			return p.DSN + "&default_query_exec_mode=simple_protocol"
		}
	}
	return p.DSN
}
