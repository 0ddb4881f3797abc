package emitter_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

func TestMultiGoesOnAfterFailures(t *testing.T) {
	broken := errors.New("broken")
	m := emitter.Memory()
	e := mustBind(t, emitter.Multi(
		emitter.Func(func(context.Context, []audit.Record) error { return broken }),
		emitter.Func(func(context.Context, []audit.Record) error { panic("secret value") }),
		m,
	), nil)
	err := e.Emit(t.Context(), emittertest.Records("m", 2))
	if !errors.Is(err, broken) || !errors.Is(err, emitter.ErrPanic) {
		t.Errorf("error is %v, want both failures", err)
	}
	m.AssertCount(t, 2)
}

func TestMultiBind(t *testing.T) {
	db := openMemory(t)
	m := emitter.Memory()
	e := mustBind(t, emitter.Multi(emitter.Table(), emitter.Multi(m, emitter.Multi())), db)
	children := e.(interface{ Unwrap() []audit.Emitter }).Unwrap()
	if len(children) != 2 {
		t.Fatalf("%d children, want 2", len(children))
	}
	if _, ok := children[0].(audit.TxEmitter); !ok {
		t.Errorf("the table is no longer transactional: %T", children[0])
	}
	if children[1] != audit.Emitter(m) {
		t.Errorf("second child is %T, want the memory emitter", children[1])
	}
	if _, err := emitter.Multi(m, nil).Bind(db); !errors.Is(err, emitter.ErrNilEmitter) {
		t.Errorf("nil child: %v, want ErrNilEmitter", err)
	}
	if err := emitter.Multi(nil, m).Emit(t.Context(), emittertest.Records("nil", 1)); !errors.Is(err, emitter.ErrNilEmitter) {
		t.Errorf("nil child: %v, want ErrNilEmitter", err)
	}
	m.AssertCount(t, 1)
}

func TestNilFunc(t *testing.T) {
	if _, err := emitter.Func(nil).Bind(nil); !errors.Is(err, emitter.ErrNilFunc) {
		t.Errorf("Bind: %v, want ErrNilFunc", err)
	}
	if err := emitter.Func(nil).Emit(t.Context(), nil); !errors.Is(err, emitter.ErrNilFunc) {
		t.Errorf("Emit: %v, want ErrNilFunc", err)
	}
}
