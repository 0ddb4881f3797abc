package origin

import (
	"runtime"
	"strings"
	"sync"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/build"
)

// maxFrames bounds how deep the application is looked for: below GORM's own
// callbacks, hooks and associations.
const maxFrames = 48

// sources remembers what is found at a program counter: looking it up costs more
// than the rest of a record.
type sources struct {
	mu sync.RWMutex
	at map[uintptr]found

	skip    []string // packages, or types of them, that are passed over
	program func() build.Program
}

// found is what is at a program counter: the zero source for functions of GORM, of ours and
// of the runtime; passed tells that the application wants it passed over.
type found struct {
	source audit.Source
	passed bool
}

// fewFrames is how deep the application mostly is: walking the stack takes time for
// each frame.
const fewFrames = 16

// Caller is the application's line that made the call: the first that is not to be passed
// over, or, where there is none, the first of all.
func (o *Origin) Caller() audit.Source {
	o.once.Do(func() { o.sources.skip, o.sources.program = o.SkipSources, sync.OnceValue(build.Read) })
	return o.sources.caller()
}

func (c *sources) caller() audit.Source {
	var pcs [maxFrames]uintptr
	const skip = 2 // runtime.Callers and this
	n := runtime.Callers(skip, pcs[:fewFrames])
	s, passed := c.first(pcs[:n])
	if n == fewFrames && s.IsZero() {
		n = runtime.Callers(skip+fewFrames, pcs[:maxFrames-fewFrames])
		var deeper audit.Source
		if s, deeper = c.first(pcs[:n]); passed.IsZero() {
			passed = deeper
		}
	}
	if s.IsZero() {
		return passed
	}
	return s
}

// first is what is found at the first of the program counters that is the
// application's, and at the first that it wants passed over.
func (c *sources) first(pcs []uintptr) (s, passed audit.Source) {
	known := 0
	is := func(f found) bool {
		switch {
		case f.source.IsZero():
		case !f.passed:
			s = f.source
			return true
		case passed.IsZero():
			passed = f.source
		}
		return false
	}
	c.mu.RLock()
	for _, pc := range pcs {
		f, ok := c.at[pc]
		if !ok {
			break
		}
		if is(f) {
			c.mu.RUnlock()
			return s, passed
		}
		known++
	}
	c.mu.RUnlock()
	for _, pc := range pcs[known:] {
		if is(c.lookUp(pc)) {
			break
		}
	}
	return s, passed
}

func (c *sources) lookUp(pc uintptr) found {
	c.mu.RLock()
	f, ok := c.at[pc]
	c.mu.RUnlock()
	if ok {
		return f
	}
	f = c.foundAt(pc)
	c.mu.Lock()
	if c.at == nil {
		c.at = map[uintptr]found{}
	}
	c.at[pc] = f
	c.mu.Unlock()
	return f
}

// foundAt is the first of the application's functions at a program counter, which
// stands for several where calls were inlined.
func (c *sources) foundAt(pc uintptr) (first found) {
	frames := runtime.CallersFrames([]uintptr{pc})
	for {
		f, more := frames.Next()
		if f.Function != "" && !isInternal(f.Function) && !isGenerated(f.File) {
			s := audit.Source{File: c.file(f.Function, f.File), Line: f.Line, Function: f.Function}
			if !c.passes(f.Function) {
				return found{source: s}
			}
			if first.source.IsZero() {
				first = found{s, true}
			}
		}
		if !more {
			return first
		}
	}
}

// passes reports whether the application wants a function passed over.
func (c *sources) passes(function string) bool {
	for _, p := range c.skip {
		if rest, ok := strings.CutPrefix(function, p); ok && (rest == "" || rest[0] == '.' || rest[0] == '/') {
			return true
		}
	}
	return false
}

func (c *sources) file(function, file string) string {
	if c.program == nil {
		return file
	}
	return c.program().Relative(function, file)
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
