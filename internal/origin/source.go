package origin

import (
	"runtime"
	"strings"
	"sync"

	"github.com/gorm-audit/auditplugin/audit"
)

// maxFrames bounds how deep the application is looked for: below GORM's own
// callbacks, hooks and associations.
const maxFrames = 48

// sources remembers what is found at a program counter: looking it up costs more
// than the rest of a record.
type sources struct {
	mu sync.RWMutex
	at map[uintptr]audit.Source // the zero one for functions that are passed over
}

// fewFrames is how deep the application mostly is: walking the stack takes time for
// each frame.
const fewFrames = 16

// Caller is the application's line that made the call.
func (o *Origin) Caller() audit.Source { return o.sources.caller() }

func (c *sources) caller() audit.Source {
	var pcs [maxFrames]uintptr
	const skip = 2 // runtime.Callers and this
	n := runtime.Callers(skip, pcs[:fewFrames])
	if s := c.first(pcs[:n]); n < fewFrames || !s.IsZero() {
		return s
	}
	n = runtime.Callers(skip+fewFrames, pcs[:maxFrames-fewFrames])
	return c.first(pcs[:n])
}

// first is what is found at the first of the program counters that is the
// application's.
func (c *sources) first(pcs []uintptr) audit.Source {
	known, found := c.known(pcs)
	if !found.IsZero() {
		return found
	}
	for _, pc := range pcs[known:] {
		if s := c.lookUp(pc); !s.IsZero() {
			return s
		}
	}
	return audit.Source{}
}

// known passes over the program counters that have been looked up and are none of the
// application's. It returns how many those are, and what the next is known to be.
func (c *sources) known(pcs []uintptr) (int, audit.Source) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for i, pc := range pcs {
		if s, ok := c.at[pc]; !ok || !s.IsZero() {
			return i, s
		}
	}
	return len(pcs), audit.Source{}
}

func (c *sources) lookUp(pc uintptr) audit.Source {
	c.mu.RLock()
	s, ok := c.at[pc]
	c.mu.RUnlock()
	if ok {
		return s
	}
	s = sourceAt([]uintptr{pc})
	c.mu.Lock()
	if c.at == nil {
		c.at = map[uintptr]audit.Source{}
	}
	c.at[pc] = s
	c.mu.Unlock()
	return s
}

// sourceAt is the first of the application's functions at a program counter, which
// stands for several where calls were inlined.
func sourceAt(pc []uintptr) audit.Source {
	frames := runtime.CallersFrames(pc)
	for {
		f, more := frames.Next()
		if f.Function != "" && !isInternal(f.Function) && !isGenerated(f.File) {
			return audit.Source{File: f.File, Line: f.Line, Function: f.Function}
		}
		if !more {
			return audit.Source{}
		}
	}
}

// isInternal reports whether a function belongs to GORM, to us or to the runtime.
func isInternal(function string) bool {
	for _, prefix := range [...]string{
		"gorm.io/gorm.", "gorm.io/gorm/", "gorm.io/driver/", "gorm.io/plugin/", "gorm.io/gen", "gorm.io/cli/", "gorm.io/datatypes.", "gorm.io/sharding.",
		"github.com/gorm-audit/auditplugin.", "github.com/gorm-audit/auditplugin/history.", "github.com/gorm-audit/auditplugin/internal/",
		"database/sql.", "runtime.", "reflect.",
	} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}

// isGenerated reports whether a file holds data access code that gorm.io/gen wrote: who
// called it says more. GORM's own log passes over such files, too.
func isGenerated(file string) bool { return strings.HasSuffix(file, ".gen.go") }
