package ecslog

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// maxPooled is the capacity in bytes above which a buffer is not kept for reuse.
const maxPooled = 64 << 10

// Handler is a [slog.Handler] that writes ECS JSON lines. Make one with
// [NewHandler]. It is safe for concurrent use; each record is one call of the
// writer's Write, and those of one Handler and all derived from it never overlap.
type Handler struct {
	c      *core
	groups []string // opened by WithGroup, outermost first
	bound  []bound  // given to WithAttrs

	// The direct path: what bound looks like in a line, so that it is encoded once.
	direct bool     // whether that path can serve
	pre    []byte   // bound, rendered
	open   int      // how many of groups pre has opened
	keys   []string // the keys used so far in the innermost open group
}

// bound is an attribute given to WithAttrs inside the first depth groups.
type bound struct {
	depth int
	attr  slog.Attr
}

// core is what a handler and those derived from it share.
type core struct {
	mu sync.Mutex // guards w
	w  io.Writer

	level        slog.Leveler
	levelName    func(slog.Level) string
	addSource    bool
	original     bool
	pinned       bool
	stampZero    bool
	maxValue     int
	contextAttrs func(context.Context) []slog.Attr

	own     []slog.Attr // constant fields by path
	logHead []byte      // `,"ecs.version":…` and, unless empty, `,"log":{"logger":…`
	logOpen bool        // whether logHead leaves the log object open
	tail    []byte      // the own fields outside log, and the line's end

	dataset     string // event.dataset, which is in tail
	tailNoEvent []byte // tail, for lines that write it with other event fields

	origins  originCache
	lines    sync.Pool
	encoders sync.Pool
}

// NewHandler returns a handler that writes to w. Nil opts means the defaults.
// The options are copied.
func NewHandler(w io.Writer, opts *Options) *Handler {
	var o Options
	if opts != nil {
		o = *opts
	}
	c := &core{
		w: w, level: o.Level, levelName: o.LevelName, addSource: o.AddSource,
		original: o.Original, pinned: o.Pinned, stampZero: o.StampZeroTime,
		maxValue: o.MaxValueBytes, contextAttrs: o.ContextAttrs, own: o.ownFields(),
	}
	if c.level == nil {
		c.level = slog.LevelInfo
	}
	if c.maxValue == 0 {
		c.maxValue = DefaultMaxValueBytes
	}
	c.lines.New = func() any { return &line{c: c, buf: make([]byte, 0, 1024)} }
	c.encoders.New = func() any { return newJSONEncoder() }
	c.renderOwn()
	return &Handler{c: c, direct: true}
}

// Enabled reports whether records of the given level are written.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.c.level.Level()
}

// WithAttrs returns a handler whose records also have attrs, inside the groups
// opened so far. LogValue methods are called now, not at each record.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	h2 := *h
	h2.bound = slices.Clip(h.bound)
	for _, a := range attrs {
		a.Value = a.Value.Resolve()
		h2.bound = append(h2.bound, bound{len(h.groups), a})
	}
	if h2.direct {
		h2.renderBound(h2.bound[len(h.bound):])
	}
	return &h2
}

// WithGroup returns a handler that puts all further attributes into a group.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.groups = append(slices.Clip(h.groups), name)
	top := len(h.groups) == 0
	h2.direct = h.direct && isPlainKey(name) && len(h2.groups) <= maxDepth/2 &&
		(!top || topClass(name) == streamPlain || topClass(name) == streamGroup) &&
		(h.open != len(h.groups) || !slices.Contains(h.keys, name))
	return &h2
}

// Handle writes r as one line. The error is the writer's.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	c := h.c
	l := c.lines.Get().(*line)
	l.buf, l.nodes = l.buf[:0], maxNodes
	defer l.release()
	l.head(r)
	var extra []slog.Attr
	if c.contextAttrs != nil {
		extra = c.contextAttrs(ctx)
	}
	// Attributes from the context stand at the top level, which the direct path
	// has left once a group is open.
	mark := len(l.buf)
	if !h.direct || (len(extra) > 0 && len(h.groups) > 0) || !l.stream(h, r, extra) {
		l.buf, l.nodes = l.buf[:mark], maxNodes
		l.tree(h, r, extra)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.w.Write(l.buf)
	return err
}

// line is one line in the making.
type line struct {
	c     *core
	buf   []byte
	nodes int      // how many more attributes and elements it may hold
	keys  []string // direct path: keys written, by level
	held  []held   // direct path: dotted keys to write later
	items []item   // tree
	path  []byte   // tree: the dotted path being placed
	index map[itemKey]int32
}

// release gives l back for reuse, without what it refers to.
func (l *line) release() {
	clear(l.keys)
	clear(l.held)
	clear(l.items)
	clear(l.index)
	l.keys, l.held, l.items, l.path = l.keys[:0], l.held[:0], l.items[:0], l.path[:0]
	if cap(l.buf) <= maxPooled && cap(l.items) <= 1024 {
		l.c.lines.Put(l)
	}
}

// head writes the three fields that come first.
func (l *line) head(r slog.Record) {
	l.buf = append(l.buf, '{')
	t := r.Time
	if !inRange(t) || (t.IsZero() && l.c.stampZero) {
		t = time.Now()
	}
	if !t.IsZero() {
		l.buf = append(l.buf, `"@timestamp":`...)
		l.buf = appendStamp(l.buf, t)
		l.buf = append(l.buf, ',')
	}
	l.buf = append(l.buf, `"log.level":`...)
	l.buf = l.c.appendLevel(l.buf, r.Level)
	l.buf = append(l.buf, `,"message":`...)
	l.text(r.Message)
}

func (c *core) appendLevel(buf []byte, level slog.Level) []byte {
	if c.levelName != nil {
		return appendString(buf, c.levelName(level))
	}
	switch level {
	case slog.LevelDebug:
		return append(buf, `"debug"`...)
	case slog.LevelInfo:
		return append(buf, `"info"`...)
	case slog.LevelWarn:
		return append(buf, `"warn"`...)
	case slog.LevelError:
		return append(buf, `"error"`...)
	}
	start := len(buf)
	buf = appendString(buf, level.String())
	for i := start; i < len(buf); i++ {
		if b := buf[i]; 'A' <= b && b <= 'Z' {
			buf[i] = b + 'a' - 'A'
		}
	}
	return buf
}
