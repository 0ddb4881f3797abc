package alert

import (
	"context"
	"slices"
	"strings"
	"time"
)

// memory is a past for dry runs, whose time only goes forward.
type memory struct {
	rows []row
	// toldAt has the times of what was told, by channel and key.
	toldAt map[[2]string][]time.Time
	// bundles has the last bundle, by rule, channel and kind.
	bundles map[[3]string]row
	// dues has when messages are sent, by rule and channel.
	dues map[[2]string][]time.Time
}

func newMemory() *memory {
	return &memory{toldAt: map[[2]string][]time.Time{}, bundles: map[[3]string]row{}, dues: map[[2]string][]time.Time{}}
}

func (p *memory) add(r row) {
	p.rows = append(p.rows, r)
	about := [2]string{r.channel, r.dedupe}
	p.toldAt[about] = append(p.toldAt[about], r.occurred)
	of := [2]string{r.rule, r.channel}
	if kind, _, bundled := strings.Cut(r.bundle, ":"); bundled {
		key := [3]string{r.rule, r.channel, kind + ":"}
		if p.bundles[key].bundle == r.bundle {
			return
		}
		p.bundles[key] = r
	}
	p.dues[of] = append(p.dues[of], r.due)
}

func (p *memory) told(_ context.Context, channel, key string, at time.Time, d time.Duration) (bool, error) {
	return slices.ContainsFunc(p.toldAt[[2]string{channel, key}], func(t time.Time) bool { return t.Sub(at).Abs() < d }), nil
}

func (p *memory) open(_ context.Context, rule, channel, kind string, now time.Time) (string, time.Time, bool, error) {
	r, ok := p.bundles[[3]string{rule, channel, kind}]
	if !ok || !r.due.After(now) {
		return "", time.Time{}, false, nil
	}
	return r.bundle, r.due, true, nil
}

func (p *memory) sending(_ context.Context, rule, channel string, since time.Time) ([]time.Time, error) {
	of := [2]string{rule, channel}
	p.dues[of] = slices.DeleteFunc(p.dues[of], func(t time.Time) bool { return !t.After(since) })
	return slices.Clone(p.dues[of]), nil
}
