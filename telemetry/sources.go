package telemetry

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
)

// readWithin is how long one reading may take.
const readWithin = 5 * time.Second

// Sources are what is asked whenever metrics are collected. Nothing runs in between. The
// zero value has none; it is safe for concurrent use.
type Sources struct {
	mu      sync.Mutex
	plugins []*auditplugin.Plugin
	relays  []*relay.Relay
	engines []*alert.Engine
}

// WatchPlugin adds a plugin: what its transactions hold in memory, and its queues.
func (s *Sources) WatchPlugin(p *auditplugin.Plugin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plugins = append(s.plugins, p)
}

// WatchRelay adds a relay: its subscribers are asked for by a few queries each time. Their
// names must differ from those of other relays; of two with one name, the first counts.
func (s *Sources) WatchRelay(r *relay.Relay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relays = append(s.relays, r)
}

// WatchAlerts adds an alert engine: its channels are asked for by one query each time.
func (s *Sources) WatchAlerts(e *alert.Engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.engines = append(s.engines, e)
}

// Reading is how the sources are at one moment.
type Reading struct {
	// Buffered is how many records open transactions hold in memory.
	Buffered int64
	// Queues are those of emitter.Async, by name.
	Queues map[string]emitter.AsyncStats
	// Subscribers are those of relays, Channels those of alert engines. Each name comes once.
	Subscribers []relay.Stats
	Channels    []alert.ChannelStats
	// RelayFailed and AlertsFailed tell that some of them could not be read.
	RelayFailed, AlertsFailed bool
}

// Read asks all sources, for at most 5 seconds.
func (s *Sources) Read(ctx context.Context) Reading {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	s.mu.Lock()
	plugins, relays, engines := slices.Clone(s.plugins), slices.Clone(s.relays), slices.Clone(s.engines)
	s.mu.Unlock()
	r := Reading{Queues: map[string]emitter.AsyncStats{}}
	for _, p := range plugins {
		r.Buffered += p.Stats().Buffered
		for name, q := range p.Queues() {
			sum := r.Queues[name]
			r.Queues[name] = emitter.AsyncStats{
				Queued: sum.Queued + q.Queued, Emitted: sum.Emitted + q.Emitted, Dropped: sum.Dropped + q.Dropped, Failed: sum.Failed + q.Failed,
			}
		}
	}
	for _, one := range relays {
		all, err := one.Stats(ctx)
		r.RelayFailed = r.RelayFailed || err != nil
		for _, st := range all {
			if !slices.ContainsFunc(r.Subscribers, func(o relay.Stats) bool { return o.Name == st.Name }) {
				r.Subscribers = append(r.Subscribers, st)
			}
		}
	}
	for _, one := range engines {
		all, err := one.Stats(ctx)
		r.AlertsFailed = r.AlertsFailed || err != nil
		for _, st := range all {
			if !slices.ContainsFunc(r.Channels, func(o alert.ChannelStats) bool { return o.Channel == st.Channel }) {
				r.Channels = append(r.Channels, st)
			}
		}
	}
	return r
}
