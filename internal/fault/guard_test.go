package fault

import (
	"errors"
	"io"
	"testing"
)

func TestGuard(t *testing.T) {
	if err := Guard(func() error { return io.EOF }); err != io.EOF {
		t.Errorf("an error became %v", err)
	}
	if err := Guard(func() error { panic("secret") }); !errors.Is(err, ErrPanic) || err.Error() != ErrPanic.Error()+" (string)" {
		t.Errorf("a panic became %v", err)
	}
	own := errors.New("own")
	if err := GuardAs(own, func() error { panic(io.EOF) }); !errors.Is(err, own) || errors.Is(err, ErrPanic) || errors.Is(err, io.EOF) {
		t.Errorf("a panic became %v", err)
	}
}
