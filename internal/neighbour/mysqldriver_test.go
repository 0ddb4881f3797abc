package neighbour

import (
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"
)

// mysqlError has the shape of the MySQL driver's error.
type mysqlError struct {
	Number   uint16
	SQLState [5]byte
	Message  string
}

func (e *mysqlError) Error() string { return e.Message }

// otherError has a number that is none of the server's.
type otherError struct{ Number string }

func (e otherError) Error() string { return e.Number }

type textError string

func (e textError) Error() string { return string(e) }

func TestMySQLErrorNumber(t *testing.T) {
	deadlock := &mysqlError{Number: 1213, Message: "Deadlock found"}
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"nil":             {nil, 0},
		"the driver's":    {deadlock, 1213},
		"wrapped":         {fmt.Errorf("saving: %w", fmt.Errorf("again: %w", deadlock)), 1213},
		"nil pointer":     {(*mysqlError)(nil), 0},
		"number is text":  {otherError{"1213"}, 0},
		"no struct":       {textError("Error 1213"), 0},
		"without a cause": {errors.New("Error 1213 (40001): Deadlock found"), 0},
		"joined":          {errors.Join(errors.New("first"), deadlock), 1213},
		"joined, wrapped": {fmt.Errorf("saving: %w", errors.Join(errors.New("first"), fmt.Errorf("x: %w", deadlock))), 1213},
		"of two causes":   {fmt.Errorf("%w: %w", gorm.ErrInvalidDB, deadlock), 1213},
	} {
		if got := MySQLErrorNumber(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
