package testdb

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	puregosqlite "github.com/glebarez/sqlite"
	driver "github.com/go-sql-driver/mysql"
	"github.com/google/uuid"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// create makes an empty database that lives as long as the test and returns its
// data source name.
func create(t *testing.T, dialect string, own bool) string {
	t.Helper()
	switch dialect {
	case SQLite:
		file := filepath.Join(t.TempDir(), "test.db")
		if PureGo() {
			return "file:" + file + "?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_pragma=synchronous(OFF)"
		}
		return "file:" + file + "?_journal_mode=WAL&_busy_timeout=20000&_foreign_keys=1&_synchronous=OFF"
	case Postgres:
		if own || Pooled() { // a pooler knows no search_path that a client sends
			return createPostgresDatabase(t, os.Getenv(PostgresEnv))
		}
		return createPostgres(t, os.Getenv(PostgresEnv))
	case MySQL:
		return createMySQL(t, os.Getenv(MySQLEnv))
	}
	t.Fatalf("no dialect %q", dialect)
	return ""
}

// createPostgres makes a schema of its own in the given database: a tenth of the
// time that a new database takes.
func createPostgres(t *testing.T, server string) string {
	t.Helper()
	dsn, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a URL", PostgresEnv)
	}
	admin := openSQL(t, Postgres, server)
	name := freshName()
	if _, err := admin.Exec("CREATE SCHEMA " + name); err != nil {
		t.Fatalf("create schema: %v", err)
	}
	query := dsn.Query()
	query.Set("search_path", name)
	query.Set("application_name", name)
	query.Set("synchronous_commit", "off")
	t.Cleanup(func() {
		// What a failed test left open would hold the drop up.
		if _, err := admin.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", name); err != nil {
			t.Errorf("sessions: %v", err)
		}
		if _, err := admin.Exec("SET client_min_messages = warning; DROP SCHEMA " + name + " CASCADE"); err != nil {
			t.Errorf("drop schema: %v", err)
		}
	})
	dsn.RawQuery = query.Encode()
	return dsn.String()
}

func createPostgresDatabase(t *testing.T, server string) string {
	t.Helper()
	dsn, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a URL", PostgresEnv)
	}
	admin := openSQL(t, Postgres, server)
	name := freshName()
	// CREATE DATABASE fails while another session copies the same template.
	for try := 0; ; try++ {
		if _, err = admin.Exec("CREATE DATABASE " + name); err == nil {
			break
		}
		if try == 20 {
			t.Fatalf("create database: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	dsn.Path = "/" + name
	return dsn.String()
}

func createMySQL(t *testing.T, server string) string {
	t.Helper()
	config, err := driver.ParseDSN(server)
	if err != nil {
		t.Fatalf("%s is not a data source name", MySQLEnv)
	}
	admin := openSQL(t, MySQL, server)
	name := freshName()
	if _, err := admin.Exec("CREATE DATABASE " + name + " CHARACTER SET utf8mb4"); err != nil {
		t.Fatalf("create database: %v", err)
	}
	t.Cleanup(func() {
		endSessions(t, admin, name)
		if _, err := admin.Exec("DROP DATABASE " + name); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	config.DBName = name
	config.ParseTime = true
	config.Loc = time.UTC
	return config.FormatDSN()
}

// endSessions ends what a failed test left open: its locks would hold the drop up.
func endSessions(t *testing.T, admin *sql.DB, name string) {
	t.Helper()
	rows, err := admin.Query("SELECT id FROM information_schema.processlist WHERE db = ?", name)
	if err != nil {
		t.Errorf("sessions: %v", err)
		return
	}
	defer func() { _ = rows.Close() }()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Errorf("sessions: %v", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Errorf("sessions: %v", err)
	}
	for _, id := range ids {
		_, _ = admin.Exec(fmt.Sprint("KILL ", id)) // it may have ended by itself
	}
}

func freshName() string {
	return "audit_" + strings.ReplaceAll(uuid.NewString(), "-", "")
}

// openSQL opens a plain pool that is closed after the test.
func openSQL(t *testing.T, dialect, dsn string) *sql.DB {
	t.Helper()
	name := map[string]string{SQLite: "sqlite3", Postgres: "pgx", MySQL: "mysql"}[dialect]
	if dialect == SQLite && PureGo() {
		name = puregosqlite.DriverName
	}
	db, err := sql.Open(name, dsn)
	if err != nil {
		t.Fatalf("open %s: %v", dialect, err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Dialector returns GORM's driver for a database, for tests that open it again.
func Dialector(dialect, dsn string) gorm.Dialector {
	switch dialect {
	case SQLite:
		if PureGo() {
			return puregosqlite.Open(dsn)
		}
		return sqlite.Open(dsn)
	case Postgres:
		return postgres.Open(dsn)
	case MySQL:
		return mysql.Open(dsn)
	}
	panic(fmt.Sprintf("no dialect %q", dialect))
}
