package connect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"

	"github.com/glebarez/sqlite"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// ErrConnect is a database that cannot be reached or opened.
var ErrConnect = errors.New("cannot open the database")

// Open opens the database. readOnly has the server refuse every write of the session,
// whatever this program does.
func (t Target) Open(ctx context.Context, readOnly bool) (*gorm.DB, error) {
	db, err := t.open(ctx, readOnly)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrConnect, t.Name(), err)
	}
	return db, nil
}

func (t Target) open(ctx context.Context, readOnly bool) (*gorm.DB, error) {
	switch t.Dialect {
	case "postgres":
		db, err := t.openPostgres(ctx, readOnly, true)
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "08P01" && readOnly {
			return t.openPostgres(ctx, readOnly, false) // a pooler that knows no such setting
		}
		return db, err
	case "mysql":
		return t.openMySQL(ctx, readOnly)
	}
	return t.openSQLite(ctx, readOnly)
}

func (t Target) openPostgres(ctx context.Context, readOnly, startup bool) (*gorm.DB, error) {
	c := t.postgres.Copy()
	if startup {
		if c.RuntimeParams["application_name"] == "" {
			c.RuntimeParams["application_name"] = "auditplugin"
		}
		if readOnly {
			c.RuntimeParams["default_transaction_read_only"] = "on"
		}
	}
	return ready(ctx, func(pool *sql.DB) gorm.Dialector {
		return postgres.New(postgres.Config{Conn: pool})
	}, stdlib.OpenDB(*c))
}

func (t Target) openMySQL(ctx context.Context, readOnly bool) (*gorm.DB, error) {
	c := t.mysql.Clone()
	c.Logger = log.New(io.Discard, "", 0) // it writes to standard error by itself
	inner, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	connector := inner
	if readOnly {
		connector = readOnlyConnector{inner}
	}
	return ready(ctx, func(pool *sql.DB) gorm.Dialector {
		return gormmysql.New(gormmysql.Config{Conn: pool})
	}, sql.OpenDB(connector))
}

// readOnlyConnector makes every new session of MySQL a read-only one.
type readOnlyConnector struct{ driver.Connector }

func (c readOnlyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	run, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errors.New("the driver runs no statements"), conn.Close())
	}
	if _, err := run.ExecContext(ctx, "SET SESSION TRANSACTION READ ONLY", nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (t Target) openSQLite(ctx context.Context, readOnly bool) (*gorm.DB, error) {
	if _, err := os.Stat(t.path); err != nil {
		return nil, errors.New("there is no such file") // which SQLite would make
	}
	params := "?mode=rw&_pragma=foreign_keys(1)"
	if readOnly {
		params = "?mode=ro&_pragma=query_only(1)"
	}
	pool, err := sql.Open(sqlite.DriverName, "file:"+(&url.URL{Path: t.path}).EscapedPath()+params)
	if err != nil {
		return nil, err
	}
	return ready(ctx, func(pool *sql.DB) gorm.Dialector {
		return &sqlite.Dialector{DriverName: sqlite.DriverName, Conn: pool}
	}, pool)
}

// ready makes a GORM handle on a pool and waits for its first answer.
func ready(ctx context.Context, dialector func(*sql.DB) gorm.Dialector, pool *sql.DB) (*gorm.DB, error) {
	pool.SetMaxOpenConns(4)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	db, err := gorm.Open(dialector(pool), &gorm.Config{Logger: logger.Discard, DisableAutomaticPing: true})
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return db, nil
}
