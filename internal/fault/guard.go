package fault

import (
	"errors"
	"fmt"
)

// ErrPanic is code that was not ours and panicked.
var ErrPanic = errors.New("auditplugin: emitter panicked")

// Guard calls f, which runs code that is not ours, and turns a panic into an error. The
// panic's value is named by its type only: it may quote a record.
func Guard(f func() error) error { return GuardAs(ErrPanic, f) }

// GuardAs is Guard with another error in the place of [ErrPanic].
func GuardAs(panicked error, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w (%T)", panicked, r)
		}
	}()
	return f()
}
