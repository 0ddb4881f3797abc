package ecslog

import "slices"

// renderOwn prepares the end of every line on the direct path.
func (c *core) renderOwn() {
	l := &line{c: c, nodes: maxNodes}
	c.logHead = append(c.logHead, `,"ecs.version":"`+Version+`"`...)
	for _, a := range c.own {
		if a.Key == "log.logger" {
			l.text(a.Value.String())
			c.logHead = append(append(c.logHead, `,"log":{"logger":`...), l.buf...)
			c.logOpen = true
		}
	}
	c.tail = c.renderTail(l, "log.logger")
	c.tailNoEvent = c.renderTail(l, "log.logger", "event.dataset")
}

// renderTail renders the own fields but those left out, and the line's end.
func (c *core) renderTail(l *line, without ...string) []byte {
	l.buf = l.buf[:0]
	l.plant()
	for _, a := range c.own {
		if a.Key == "event.dataset" {
			c.dataset = a.Value.String()
		}
		if !slices.Contains(without, a.Key) {
			l.addOwn(a)
		}
	}
	l.fieldSets()
	return append(append([]byte(nil), l.buf...), '}', '\n')
}

// renderBound appends attrs, which WithAttrs just added, to what is rendered, or
// leaves the direct path if they need placing.
func (h *Handler) renderBound(attrs []bound) {
	l := h.c.lines.Get().(*line)
	defer l.release()
	// The byte stands for what precedes the attributes in a line: something that
	// needs a comma after it.
	l.buf, l.nodes = append(l.buf[:0], '"'), maxNodes
	l.buf = append(l.buf, h.pre...)
	lv := level{top: len(h.groups) == 0, depth: len(h.groups)}
	if h.open == len(h.groups) {
		lv.bound = h.keys
	}
	before := len(l.buf)
	for _, g := range h.groups[h.open:] {
		l.key(g)
		l.buf = append(l.buf, '{')
	}
	opened := len(l.buf)
	for _, b := range attrs {
		if !l.attr(b.attr, &lv) {
			h.direct, h.pre, h.keys = false, nil, nil
			return
		}
	}
	if c := h.c; c.dataset != "" && l.holdsEvent() {
		h.direct, h.pre, h.keys = false, nil, nil // the tail of each line would need to know
		return
	}
	l.writeHeld("")
	if len(l.buf) == opened && opened != before {
		return // nothing to open the groups for
	}
	keys := append([]string(nil), lv.bound...)
	h.keys = append(keys, l.keys...)
	h.open = len(h.groups)
	h.pre = append([]byte(nil), l.buf[1:]...)
}
