package values

import (
	"database/sql"
	"database/sql/driver"
	"reflect"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// Settled reports whether v is certain to be the same each time that it is asked for
// its value. A [driver.Valuer] may encrypt with a nonce, or count: those that are known
// not to are named here.
func Settled(v any) bool {
	switch v.(type) {
	case nil, bool, string, []byte, time.Time,
		int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return true
	case gorm.DeletedAt, *gorm.DeletedAt, uuid.UUID, *uuid.UUID,
		sql.NullBool, sql.NullByte, sql.NullFloat64, sql.NullInt16, sql.NullInt32, sql.NullInt64, sql.NullString, sql.NullTime,
		*sql.NullBool, *sql.NullByte, *sql.NullFloat64, *sql.NullInt16, *sql.NullInt32, *sql.NullInt64, *sql.NullString, *sql.NullTime:
		return true
	}
	for t := reflect.TypeOf(v); ; t = t.Elem() {
		switch {
		case t.Implements(valuerType):
			return false
		case t.Kind() != reflect.Pointer:
			return t.Kind() != reflect.Interface // in which there may be one
		}
	}
}

var valuerType = reflect.TypeFor[driver.Valuer]()
