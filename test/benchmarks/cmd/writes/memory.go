package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
	"github.com/gorm-audit/auditplugin/test/benchmarks/work"
)

// childEnv makes a process of this program do one operation and say how much memory
// that took. It holds an order as JSON.
const childEnv = "AUDITPLUGIN_BENCH_CHILD"

// order is what a child does.
type order struct {
	Kind    subject.Kind
	DSN     string
	Mode    subject.Mode
	Variant subject.Variant
	Work    string
	Number  int
}

// peaks is how much memory a process held at most, in bytes.
type peaks struct {
	// Heap is Go's heap, sampled every millisecond, beyond what it held before.
	Heap float64
	// Resident is the whole process (VmHWM); 0 where the system does not say.
	Resident float64
}

// memory is what one operation takes beyond plain GORM's, in bytes.
type memory struct{ heap, resident spread }

// measureMemory lets each variant do the operation in a process of its own, a few
// times, and takes plain GORM's peaks off the others'.
func (a *arena) measureMemory(w work.Work) (map[subject.Variant]memory, error) {
	times := min(3, a.rounds)
	heap, resident := map[subject.Variant][]float64{}, map[subject.Variant][]float64{}
	for range times {
		for _, s := range a.subjects {
			p, err := child(order{a.place.Kind, a.place.DSN, a.mode, s.Variant, w.Name, a.next})
			if err != nil {
				return nil, fmt.Errorf("memory of %s: %w", s.Variant, err)
			}
			if err := s.Restore(w.Writes); err != nil {
				return nil, err
			}
			heap[s.Variant] = append(heap[s.Variant], p.Heap)
			resident[s.Variant] = append(resident[s.Variant], p.Resident)
		}
		a.next++
	}
	beyond := map[subject.Variant]memory{}
	for v := range heap {
		if v != subject.Plain {
			beyond[v] = memory{
				spreadOf(differences(heap[v], heap[subject.Plain])),
				spreadOf(differences(resident[v], resident[subject.Plain])),
			}
		}
	}
	return beyond, nil
}

func differences(x, from []float64) []float64 {
	all := make([]float64, len(x))
	for i := range x {
		all[i] = x[i] - from[i]
	}
	return all
}

// child runs an order in a process of its own.
func child(o order) (peaks, error) {
	program, err := os.Executable()
	if err != nil {
		return peaks{}, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return peaks{}, err
	}
	command := exec.Command(program)
	command.Env = append(os.Environ(), childEnv+"="+string(text))
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return peaks{}, err
	}
	var p peaks
	return p, json.Unmarshal(out, &p)
}

// obey is the child.
func obey(text string) (err error) {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("auditplugin: %s: %w", childEnv, err)
	}
	w, err := work.Find(o.Work)
	if err != nil {
		return err
	}
	s, err := (&subject.Place{Kind: o.Kind, DSN: o.DSN}).Attach(o.Variant, o.Mode, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	warm, err := work.Find("update")
	if err != nil {
		return err
	}
	for i := range 20 {
		if err := warm.Do(s.DB, o.Number+i); err != nil {
			return err
		}
	}
	runtime.GC()
	before := heapNow()
	stop, highest := make(chan struct{}), make(chan uint64)
	go sample(stop, highest)
	err = w.Do(s.DB, o.Number)
	close(stop)
	p := peaks{Heap: float64(<-highest) - float64(before), Resident: residentPeak()}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(p)
}

// sample looks at the heap every millisecond until stop is closed.
func sample(stop <-chan struct{}, highest chan<- uint64) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	top := heapNow()
	for {
		select {
		case <-ticker.C:
			top = max(top, heapNow())
		case <-stop:
			highest <- max(top, heapNow())
			return
		}
	}
}

// heapNow is runtime.MemStats.HeapAlloc, without stopping the program.
func heapNow() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// residentPeak is the most memory that the process has held, from Linux's /proc.
func residentPeak() float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:")
		if !ok {
			continue
		}
		kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
		if err != nil {
			return 0
		}
		return kib * 1024
	}
	return 0
}
