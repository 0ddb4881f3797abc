package neighbour

import (
	"errors"
	"reflect"
	"strings"

	"gorm.io/gorm"
)

// The MySQL driver and GORM's dialector for it are not ours to import: most users do not
// have them. What is needed of them is found by the names of their fields.

// MySQLErrorNumber is the server's error number in err, or 0.
func MySQLErrorNumber(err error) int {
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
				if n := MySQLErrorNumber(e); n != 0 {
					return n
				}
			}
			return 0
		}
		err = errors.Unwrap(err)
	}
	return 0
}

// MySQLInterpolates reports whether the driver was told to put arguments into the text
// of a statement.
func MySQLInterpolates(d gorm.Dialector) bool {
	v := reflect.ValueOf(d)
	if dsn := field(v, "DSN"); dsn.IsValid() && dsn.Kind() == reflect.String && strings.Contains(dsn.String(), "interpolateParams=true") {
		return true
	}
	f := field(v, "DSNConfig", "InterpolateParams")
	return f.IsValid() && f.Kind() == reflect.Bool && f.Bool()
}

// field is the field that a path of names leads to, through pointers and embedded
// structs; the zero Value where it ends.
func field(v reflect.Value, names ...string) (found reflect.Value) {
	defer func() {
		if recover() != nil { // a nil embedded pointer on the way
			found = reflect.Value{}
		}
	}()
	for _, name := range names {
		if v = reflect.Indirect(v); v.Kind() != reflect.Struct {
			return reflect.Value{}
		}
		if v = v.FieldByName(name); !v.IsValid() {
			return reflect.Value{}
		}
	}
	return v
}
