package neighbour

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/gorm-audit/auditplugin/internal/fault"
)

// Why says what a driver's error is, by its code: "SQLSTATE 42501", "error 1142",
// "SQLite error 8". Its text may quote values, and is not used. It is "" where there is
// nothing to say.
func Why(err error) string {
	if err == nil {
		return ""
	}
	if state := SQLState(err); IsSQLState(state) {
		return "SQLSTATE " + state
	}
	if n := MySQLErrorNumber(err); n != 0 {
		return "error " + strconv.Itoa(n)
	}
	if n := SQLiteCode(err); n != 0 {
		return "SQLite error " + strconv.Itoa(n)
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, sql.ErrTxDone, sql.ErrConnDone, driver.ErrBadConn, fault.ErrPanic} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return ""
}

// Because is Why behind a text: " (SQLSTATE 42501)".
func Because(err error) string {
	if why := Why(err); why != "" {
		return fmt.Sprintf(" (%s)", why)
	}
	return ""
}

// IsSQLState reports whether a driver's code is one: five digits and capitals, nothing that
// could quote a value.
func IsSQLState(code string) bool {
	for _, c := range []byte(code) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(code) == 5
}

// SQLiteCode is the extended result code in err, or 0. Drivers written in Go have it as a
// method Code, the one with cgo as the fields Code and ExtendedCode.
func SQLiteCode(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	for err != nil {
		v := reflect.Indirect(reflect.ValueOf(err))
		if v.Kind() == reflect.Struct {
			for _, name := range []string{"ExtendedCode", "Code"} {
				if f := v.FieldByName(name); f.IsValid() && f.CanInt() && f.Int() != 0 {
					return int(f.Int())
				}
			}
		}
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range several.Unwrap() {
				if n := SQLiteCode(e); n != 0 {
					return n
				}
			}
			return 0
		}
		err = errors.Unwrap(err)
	}
	return 0
}
