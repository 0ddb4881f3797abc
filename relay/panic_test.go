package relay

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// A sink's panic is an error of its own kind, which does not quote a record.
func TestSinkPanic(t *testing.T) {
	s := &session{worker: &worker{sub: subscription{timeout: time.Minute}, sink: emitter.Func(func(context.Context, []audit.Record) error {
		panic("value-4711")
	})}}
	err := s.emit(t.Context(), []audit.Record{{}})
	if !errors.Is(err, ErrPanic) || strings.Contains(err.Error(), "4711") {
		t.Errorf("error is %v", err)
	}
}
