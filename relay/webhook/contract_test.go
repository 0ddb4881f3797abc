package webhook

import (
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

// The sink also works as an emitter of the plugin itself.
func TestContract(t *testing.T) {
	emittertest.Run(t, func(t *testing.T) (audit.Emitter, func() []audit.Record) {
		r := newReceiver(t, oldSecret)
		return newSink(t, r.URL), r.received
	})
}
