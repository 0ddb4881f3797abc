package emitter

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// MultiEmitter sends records to several emitters; see [Multi].
type MultiEmitter struct {
	children []audit.Emitter
}

// Multi returns an emitter that sends records to each of e in turn. An emitter
// that fails or panics does not keep the others from being called; the errors
// are joined. Transactional emitters stay transactional: the plugin calls the
// emitters that [MultiEmitter.Unwrap] returns, each in its own way. A nil e is an
// error, [ErrNilEmitter], when the emitter is bound or used. No e at all is
// allowed and sends records nowhere.
func Multi(e ...audit.Emitter) *MultiEmitter {
	return &MultiEmitter{children: slices.Clone(e)}
}

// Bind binds each emitter that needs it and returns a Multi of the results. When one
// fails, those before it are closed.
func (m *MultiEmitter) Bind(db *gorm.DB) (audit.Emitter, error) {
	bound := make([]audit.Emitter, len(m.children))
	// Tables come last: an error elsewhere must not leave a new table behind.
	for _, tables := range []bool{false, true} {
		for i, child := range m.children {
			if writesHere(child) != tables {
				continue
			}
			b, err := bind(child, db)
			if err != nil {
				err = fmt.Errorf("auditplugin: emitter %d: %w", i+1, err)
				return nil, errors.Join(err, (&MultiEmitter{children: bound}).Close(context.Background()))
			}
			bound[i] = b
		}
	}
	return &MultiEmitter{children: bound}, nil
}

// Emit calls the Emit of every emitter, transactional ones included: inside a
// transaction, use Unwrap.
func (m *MultiEmitter) Emit(ctx context.Context, records []audit.Record) error {
	var errs []error
	for _, child := range m.children {
		if child == nil {
			errs = append(errs, ErrNilEmitter)
			continue
		}
		errs = append(errs, fault.Guard(func() error { return child.Emit(ctx, records) }))
	}
	return errors.Join(errs...)
}

// Unwrap returns the emitters, with those inside a nested Multi in its place.
func (m *MultiEmitter) Unwrap() []audit.Emitter {
	flat := make([]audit.Emitter, 0, len(m.children))
	for _, child := range m.children {
		if nested, ok := child.(*MultiEmitter); ok && nested != nil {
			flat = append(flat, nested.Unwrap()...)
			continue
		}
		flat = append(flat, child)
	}
	return flat
}

// Close closes every emitter that has a Close method, and joins their errors.
func (m *MultiEmitter) Close(ctx context.Context) error {
	var errs []error
	for _, child := range m.children {
		if c, ok := child.(audit.Closer); ok {
			errs = append(errs, fault.Guard(func() error { return c.Close(ctx) }))
		}
	}
	return errors.Join(errs...)
}
