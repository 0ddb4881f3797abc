package auditlog_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
)

// maxUpdateAllocs is what one RecordUpdated of two small maps may allocate, the
// maps included. It was 104 when this was written.
const maxUpdateAllocs = 110

// quietLogger discards its lines, so that only the work on them is measured.
func quietLogger(t testing.TB) *auditlog.Audit {
	t.Helper()
	l, err := auditlog.New(slog.New(slog.DiscardHandler), auditlog.WithWriter(io.Discard), auditlog.WithApplication("accounts"))
	if err != nil {
		t.Fatal(err)
	}
	return l.Audit
}

func update(ctx context.Context, t testing.TB, a *auditlog.Audit) {
	t.Helper()
	err := a.RecordUpdated(ctx, "Edit made to MFA information", "user",
		map[string]any{"id": 1, "phone": "+1234567890", "name": "Ada"}, map[string]any{"id": 1, "phone": "+19876543210", "name": "Ada"})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRecordUpdatedAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	a := quietLogger(t)
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "42", Type: "user", Name: "Ada"})
	if got := testing.AllocsPerRun(200, func() { update(ctx, t, a) }); got > maxUpdateAllocs {
		t.Errorf("%v allocations an entry, want at most %v", got, maxUpdateAllocs)
	}
}

func BenchmarkRecordUpdated(b *testing.B) {
	a := quietLogger(b)
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "42", Type: "user", Name: "Ada"})
	b.ReportAllocs()
	for b.Loop() {
		update(ctx, b, a)
	}
}
