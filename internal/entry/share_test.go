package entry

import (
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
)

func TestShareEncodings(t *testing.T) {
	ctx := ShareEncodings(t.Context())
	var e Encoder
	r := audit.Record{ID: "1", After: map[string]any{"a": 1}}
	first := EncodeImages(ctx, &e, &r)
	// A different map under the same id shows where the second answer is from.
	again := audit.Record{ID: "1", After: map[string]any{"a": 2}}
	if got := EncodeImages(ctx, &e, &again); got != first {
		t.Errorf("encoded again: %v, want %v", got, first)
	}
	if got := EncodeImages(t.Context(), &e, &again); got == first {
		t.Error("shared without being asked to")
	}
	unnamed, other := audit.Record{After: r.After}, audit.Record{After: again.After}
	if EncodeImages(ctx, &e, &unnamed) == EncodeImages(ctx, &e, &other) {
		t.Error("records without an id share an encoding")
	}
	ctx.Value(sharedKey{}).(*shared).limit = 0
	late, later := audit.Record{ID: "2", After: r.After}, audit.Record{ID: "2", After: again.After}
	if EncodeImages(ctx, &e, &late) == EncodeImages(ctx, &e, &later) {
		t.Error("kept an encoding over the limit")
	}
}
