package lease

import (
	"errors"
	"fmt"
)

// ErrUnknownDialect is a dialect other than sqlite, postgres and mysql.
var ErrUnknownDialect = errors.New("auditplugin: leases are not known in this dialect")

// The dialects, as GORM names them.
const (
	sqlite   = "sqlite"
	postgres = "postgres"
	mysql    = "mysql"
)

// Now returns an SQL expression for the database's time, in microseconds since
// 1970. It moves on inside a transaction, and no time zone enters into it.
func Now(dialect string) string {
	switch dialect {
	case postgres:
		return "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint"
	case mysql:
		return "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
	default:
		return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
	}
}

// DDL returns the statement that creates the table of leases, whose name must be
// quoted, without a semicolon.
func DDL(dialect, table string) (string, error) {
	text, options := "TEXT", ""
	switch dialect {
	case sqlite:
	case postgres:
		text = "text"
	case mysql:
		text, options = "VARCHAR(255)", " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
	default:
		return "", fmt.Errorf("%w: %q", ErrUnknownDialect, dialect)
	}
	return "CREATE TABLE IF NOT EXISTS " + table + ` (
  name ` + text + ` NOT NULL PRIMARY KEY,
  holder ` + text + ` NOT NULL,
  token BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
)` + options, nil
}
