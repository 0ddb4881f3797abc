package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
)

// serve runs the world's relay and returns a function that stops it.
func (x *world) serve(ctx context.Context, sink emitter.Func) (stop func() error, err error) {
	if err := x.relay.Subscribe("bench", sink, relay.FromNow()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- x.relay.Run(ctx) }()
	return func() error { cancel(); return <-done }, nil
}

// delays makes changes at a steady rate and returns, sorted, how long each took to
// reach the sink, and how long the writes took by themselves.
func delays(ctx context.Context, s settings, w way) (all, writes []time.Duration, err error) {
	x, err := newWorld(s, w)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, x.close()) }()
	begun := time.Now()
	var mu sync.Mutex
	var arrived atomic.Int64
	stop, err := x.serve(ctx, func(_ context.Context, records []audit.Record) error {
		now := time.Since(begun)
		for i := range records {
			arrived.Add(1)
			text, _ := records[i].After["phone"].(string)
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return err
			}
			if since := time.Duration(n); since >= s.warm { // when the write began
				mu.Lock()
				all = append(all, now-since)
				mu.Unlock()
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	var failed atomic.Value
	var writers sync.WaitGroup
	total := int64(float64(s.rate) * (s.warm + s.length).Seconds())
	var next atomic.Int64
	for range s.writers {
		writers.Go(func() {
			for {
				n := next.Add(1)
				if n > total {
					return
				}
				time.Sleep(time.Until(begun.Add(time.Duration(n) * time.Second / time.Duration(s.rate))))
				since := time.Since(begun)
				text := strconv.FormatInt(int64(since), 10)
				if err := x.writers.WithContext(ctx).Create(&account{Phone: text}).Error; err != nil {
					failed.Store(err)
				}
				if since >= s.warm {
					mu.Lock()
					writes = append(writes, time.Since(begun)-since)
					mu.Unlock()
				}
			}
		})
	}
	writers.Wait()
	took := time.Since(begun)
	for end := time.Now().Add(30 * time.Second); arrived.Load() < total && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if err, ok := failed.Load().(error); ok {
		return nil, nil, errors.Join(err, stop())
	}
	if arrived.Load() < total {
		return nil, nil, errors.Join(fmt.Errorf("%d of %d records arrived", arrived.Load(), total), stop())
	}
	if late := took - s.warm - s.length; late > time.Second {
		return nil, nil, errors.Join(fmt.Errorf("writers were %v late: the rate was not reached", late), stop())
	}
	slices.Sort(all)
	slices.Sort(writes)
	return all, writes, stop()
}

// throughput lets writers go as fast as they can, with each way in turn.
func throughput(ctx context.Context, s settings) error {
	const length = 2 * time.Second
	results := make([][]float64, len(ways()))
	for range s.rounds {
		for i, w := range ways() {
			rate, err := fast(ctx, s, w, length)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			results[i] = append(results[i], rate)
		}
	}
	for i, w := range ways() {
		slices.Sort(results[i])
		fmt.Printf("| %s | %.0f |\n", w.name, results[i][len(results[i])/2])
	}
	return nil
}

func fast(ctx context.Context, s settings, w way, length time.Duration) (_ float64, err error) {
	x, err := newWorld(s, w)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, x.close()) }()
	stop, err := x.serve(ctx, func(context.Context, []audit.Record) error { return nil })
	if err != nil {
		return 0, err
	}
	var count atomic.Int64
	var failed atomic.Value
	var writers sync.WaitGroup
	end := time.Now().Add(length)
	for range s.writers {
		writers.Go(func() {
			for time.Now().Before(end) {
				if err := x.writers.WithContext(ctx).Create(&account{Phone: "1"}).Error; err != nil {
					failed.Store(err)
					return
				}
				count.Add(1)
			}
		})
	}
	writers.Wait()
	if err, ok := failed.Load().(error); ok {
		return 0, errors.Join(err, stop())
	}
	return float64(count.Load()) / length.Seconds(), stop()
}
