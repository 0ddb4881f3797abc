package auditplugin

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// Server errors that mean something to a transaction: see the MySQL error
// reference and appendix A of the PostgreSQL manual.
const (
	mysqlDeadlock         = 1213
	mysqlParseError       = 1064
	mysqlTooManyPrepared  = 1461
	pgInFailedTransaction = "25P02"
)

// mysqlErrorNumber finds the server's error number without importing the driver,
// which core users do not have.
func mysqlErrorNumber(err error) int {
	for err != nil {
		v := reflect.ValueOf(err)
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() == reflect.Struct {
			if f := v.FieldByName("Number"); f.IsValid() && f.CanUint() {
				return int(f.Uint())
			}
		}
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range several.Unwrap() {
				if n := mysqlErrorNumber(e); n != 0 {
					return n
				}
			}
			return 0
		}
		err = errors.Unwrap(err)
	}
	return 0
}

// sqlState returns the five characters of a PostgreSQL error, or "".
func sqlState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// innermost is the driver's error in what emitters wrapped around it.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// mayLock reports whether a query may be a locking read or a write, whose
// deadlock could surface while its rows are read.
func mayLock(query string) bool {
	return strings.Contains(query, "UPDATE") || strings.Contains(query, "SHARE") ||
		sqltext.Mentions(query, "update") || sqltext.Mentions(query, "share")
}

// isStale reports whether err may come from a table that is no longer what the
// catalog said: a column or a right was taken away from outside.
func isStale(dialect string, err error) bool {
	switch dialect {
	case "postgres":
		switch sqlState(err) {
		case "42703", "42P01", "42501", "42P10", "0A000": // column, table, privilege, conflict target, cached plan
			return true
		}
	case "mysql":
		switch mysqlErrorNumber(err) {
		case 1054, 1146, 1142, 1143: // column, table, table or column privilege
			return true
		}
	case "sqlite":
		return says(err, "no such column", "no such table", "no column named")
	}
	return false
}

// says reports whether err, or one inside it, contains one of the texts. Errors of
// ours do not quote the driver's.
func says(err error, texts ...string) bool {
	for _, t := range texts {
		if strings.Contains(err.Error(), t) {
			return true
		}
	}
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		return inner != nil && says(inner, texts...)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if says(inner, texts...) {
				return true
			}
		}
	}
	return false
}

func queryInt(ctx context.Context, conn audit.Conn, query string) (int64, error) {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // rows.Err below tells of what went wrong
	var n int64
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}

// safely turns a panic of someone else's code into an error.
func safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("auditplugin: emitter panicked: %T", r)
		}
	}()
	return f()
}

// isSQLiteBusy reports whether another writer was in the way, which the write
// itself would have met.
func isSQLiteBusy(err error) bool {
	text := err.Error()
	return strings.Contains(text, "database is locked") || strings.Contains(text, "database table is locked") || strings.Contains(text, "interrupted")
}
