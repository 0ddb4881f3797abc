package prometheus

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"
)

func (m *Metrics) add(ctx context.Context, to prom.Counter, n int) {
	if id := m.exemplar(ctx); id != nil {
		to.(prom.ExemplarAdder).AddWithExemplar(float64(n), id)
		return
	}
	to.Add(float64(n))
}

func (m *Metrics) observe(ctx context.Context, to prom.Observer, took time.Duration) {
	if id := m.exemplar(ctx); id != nil {
		to.(prom.ExemplarObserver).ObserveWithExemplar(took.Seconds(), id)
		return
	}
	to.Observe(took.Seconds())
}

// exemplar is the trace, if it is one of W3C's: applications may put any text there.
func (m *Metrics) exemplar(ctx context.Context) prom.Labels {
	id, _ := m.trace(ctx)
	if _, err := hex.DecodeString(id); err != nil || len(id) != 32 {
		return nil
	}
	return prom.Labels{"trace_id": id}
}

// valid is a name as a label may have it.
func valid(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }
