package emitter

import (
	"context"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// Func makes an emitter of a function, which is called after commit, once per
// transaction, and must be safe for concurrent use:
//
//	emitter.Func(func(ctx context.Context, records []audit.Record) error { … })
//
// A nil Func is an error, [ErrNilFunc], when it is bound or called.
type Func func(ctx context.Context, records []audit.Record) error

// Emit calls f.
func (f Func) Emit(ctx context.Context, records []audit.Record) error {
	if f == nil {
		return ErrNilFunc
	}
	return f(ctx, records)
}

// Bind returns f, or [ErrNilFunc].
func (f Func) Bind(*gorm.DB) (audit.Emitter, error) {
	if f == nil {
		return nil, ErrNilFunc
	}
	return f, nil
}
