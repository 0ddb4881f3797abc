package wire

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/mattn/go-sqlite3"
)

// Open opens a pool that counts. The dialect is GORM's name for it, the source what
// its driver takes. Connections must not be encrypted.
func Open(dialect, source string) (*sql.DB, *Traffic, error) {
	t := &Traffic{}
	switch dialect {
	case "sqlite":
		return sql.OpenDB(connector{driver: &sqlite3.SQLiteDriver{}, source: source, traffic: t}), t, nil
	case "postgres":
		config, err := pgx.ParseConfig(source)
		if err != nil {
			return nil, nil, fmt.Errorf("auditplugin: the data source name of PostgreSQL cannot be read")
		}
		if config.TLSConfig != nil || len(config.Fallbacks) > 0 {
			return nil, nil, fmt.Errorf("auditplugin: counting needs a connection without encryption: sslmode=disable")
		}
		dial := config.DialFunc
		config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &conn{Conn: c, traffic: t, messages: &postgresMessages{}}, nil
		}
		return stdlib.OpenDB(*config), t, nil
	case "mysql":
		config, err := mysql.ParseDSN(source)
		if err != nil {
			return nil, nil, fmt.Errorf("auditplugin: the data source name of MySQL cannot be read")
		}
		if config.TLS != nil || config.TLSConfig != "" {
			return nil, nil, fmt.Errorf("auditplugin: counting needs a connection without encryption")
		}
		// The driver looks dialers up by the name of a network, for good.
		network, name := config.Net, "counted_"+rand.Text()
		mysql.RegisterDialContext(name, func(ctx context.Context, addr string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &conn{Conn: c, traffic: t, messages: &mysqlCommands{}}, nil
		})
		config.Net = name
		connector, err := mysql.NewConnector(config)
		if err != nil {
			return nil, nil, err
		}
		return sql.OpenDB(connector), t, nil
	}
	return nil, nil, fmt.Errorf("auditplugin: no dialect %q", dialect)
}
