package alert_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/relay"
)

func TestHealth(t *testing.T) {
	var l logged
	s := newScene(t, []alert.Rule{mfaRule()}, quick(&l)...)
	if err := s.engine.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.inbox.fail = func(alert.Message) error { return relay.Permanent(errors.New("S3CR3T")) }
	if err := s.engine.Emit(t.Context(), []audit.Record{record("1", audit.Update)}); err != nil {
		t.Fatal(err)
	}
	if err := s.engine.Health(t.Context()); err != nil {
		t.Errorf("a message that is due is no trouble yet: %v", err)
	}
	untilDead(t, s)
	err := s.engine.Health(t.Context())
	if !errors.Is(err, alert.ErrUndelivered) || !strings.Contains(err.Error(), `"inbox": 0 late, by up to 0s, 1 given up`) || strings.Contains(err.Error(), "S3CR3T") {
		t.Errorf("Health returned %v", err)
	}
	if _, err := s.engine.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.engine.Health(t.Context()); err != nil {
		t.Error(err)
	}
}
