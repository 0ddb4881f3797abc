package ecslog

import (
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// maxOrigins bounds the cache; a program has that many calls of a logger only if
// it is generated.
const maxOrigins = 10_000

// origin is a call's place in the source.
type origin struct {
	file     string // with the last directory
	line     int
	function string
	json     []byte // `"origin":{…}`
}

// originCache remembers what a program counter stands for: looking that up costs
// more than the rest of a line.
type originCache struct {
	mu   sync.RWMutex
	byPC map[uintptr]*origin
}

// of returns the origin of pc, or nil if it has none.
func (oc *originCache) of(pc uintptr) *origin {
	if pc == 0 {
		return nil
	}
	oc.mu.RLock()
	o, ok := oc.byPC[pc]
	oc.mu.RUnlock()
	if ok {
		return o
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	if frame.File != "" || frame.Function != "" {
		o = newOrigin(frame.File, frame.Line, frame.Function)
	}
	oc.mu.Lock()
	defer oc.mu.Unlock()
	if oc.byPC == nil {
		oc.byPC = make(map[uintptr]*origin)
	}
	if len(oc.byPC) < maxOrigins {
		oc.byPC[pc] = o
	}
	return o
}

func newOrigin(file string, line int, function string) *origin {
	o := &origin{file: shortFile(file), line: line, function: function}
	b := append([]byte(nil), `"origin":{"file":{"line":`...)
	b = strconv.AppendInt(b, int64(line), 10)
	b = append(b, `,"name":`...)
	b = appendString(b, o.file)
	b = append(b, `},"function":`...)
	b = appendString(b, function)
	o.json = append(b, '}')
	return o
}

// shortFile keeps a file's name and its directory's.
func shortFile(file string) string {
	if i := strings.LastIndexByte(file, '/'); i > 0 {
		if j := strings.LastIndexByte(file[:i], '/'); j >= 0 {
			return file[j+1:]
		}
	}
	return file
}

// attrs returns o's fields by path.
func (o *origin) attrs() []slog.Attr {
	return []slog.Attr{
		slog.Int("log.origin.file.line", o.line),
		slog.String("log.origin.file.name", o.file),
		slog.String("log.origin.function", o.function),
	}
}
