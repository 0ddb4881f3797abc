package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
	"github.com/gorm-audit/auditplugin/test/benchmarks/work"
)

const (
	goroutines = 16
	// turnLength is how long the writers of one variant write before the next
	// variant's do.
	turnLength = time.Second
)

// measureWriters compares how many updates by key 16 goroutines get done.
func (a *arena) measureWriters() (*result, error) {
	w, err := work.Find("update")
	if err != nil {
		return nil, err
	}
	r := &result{kind: a.place.Kind, mode: a.mode, work: writers, title: fmt.Sprintf("%d writers, updates by key per second", goroutines), ops: 1}
	length := min(turnLength, a.duration)
	perSecond := map[subject.Variant][]float64{}
	for round := range int(a.duration/length) + 1 {
		for _, s := range a.order(round) {
			done, err := a.together(s, w, length)
			if err != nil {
				return nil, fmt.Errorf("%d writers, %s: %w", goroutines, s.Variant, err)
			}
			if round > 0 { // the first connects
				perSecond[s.Variant] = append(perSecond[s.Variant], done)
			}
		}
	}
	r.perOp, r.toPlain, r.toTrigger = compare(perSecond)
	return r, nil
}

// together lets all writers write for about the given time and returns how many
// operations per second they did. Each has a connection, which is opened before the
// clock starts and closed afterwards, for the sake of the server's limit.
func (a *arena) together(s *subject.Subject, w work.Work, length time.Duration) (float64, error) {
	s.Pool().SetMaxIdleConns(goroutines)
	defer s.Pool().SetMaxIdleConns(2) // database/sql's default
	if _, err := a.write(s, w, 0); err != nil {
		return 0, err
	}
	runtime.GC()
	start := time.Now()
	var done int
	err := a.labelled(s, w, func() (err error) {
		done, err = a.write(s, w, length)
		return err
	})
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	return float64(done) / took.Seconds(), s.Restore(done)
}

// write lets each writer do operations until the time is over, and two at least.
func (a *arena) write(s *subject.Subject, w work.Work, length time.Duration) (int, error) {
	var (
		next, done atomic.Int64
		group      sync.WaitGroup
		mu         sync.Mutex
		failed     error
	)
	next.Store(int64(a.next))
	start := time.Now()
	for range goroutines {
		group.Go(func() {
			for n := 0; n < 2 || time.Since(start) < length; n++ {
				if err := w.Do(s.DB, int(next.Add(1))); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
					return
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	a.next = int(next.Load()) + 1
	return int(done.Load()), failed
}
