package alert

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// A channel's panic is an error of its own kind, which does not quote the message.
func TestChannelPanic(t *testing.T) {
	err := send(t.Context(), Func(func(context.Context, Message) error { panic("value-4711") }), Message{})
	if !errors.Is(err, ErrChannelPanic) || strings.Contains(err.Error(), "4711") {
		t.Errorf("error is %v", err)
	}
}
