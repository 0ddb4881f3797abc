package ecslog

import "log/slog"

// item is a member of an object in the tree: a leaf with a value, or an object
// whose members are linked. Indexes into line.items; 0 is the line itself.
type item struct {
	key         string
	value       slog.Value
	object      bool
	size        int32
	first, last int32
	next        int32
}

type itemKey struct {
	parent int32
	key    string
}

// indexFrom is the number of members from which an object's keys are looked up in
// a map.
const indexFrom = 16

// tree places every attribute before it writes any.
func (l *line) tree(h *Handler, r slog.Record, extra []slog.Attr) {
	c := l.c
	l.plant()
	for _, b := range h.bound {
		l.addIn(h.groups[:b.depth], b.attr)
	}
	for _, a := range extra {
		l.add(0, a, 0)
	}
	r.Attrs(func(a slog.Attr) bool {
		l.addIn(h.groups, a)
		return true
	})
	if l.nodes < 0 {
		l.nodes = 2
		l.label("ecslog", slog.StringValue(tooLarge))
	}
	for _, a := range c.own {
		l.addOwn(a)
	}
	if c.addSource && l.find(l.find(0, "log"), "origin") < 0 {
		if o := c.origins.of(r.PC); o != nil {
			for _, a := range o.attrs() {
				l.addOwn(a)
			}
		}
	}
	if c.original {
		l.addOwn(slog.String("log.original", r.Message))
	}
	// Values have their own allowance: the tree is finite by now.
	l.nodes = maxNodes
	l.write()
}

// write writes the tree: the application's own fields, ecs.version, log, the other
// ECS fields in the order they came, process and service.
func (l *line) write() {
	for i := l.items[0].first; i > 0; i = l.items[i].next {
		if !isFieldSet(l.items[i].key) {
			l.item(i)
		}
	}
	l.buf = append(l.buf, `,"ecs.version":"`+Version+`"`...)
	l.fieldSets()
	l.buf = append(l.buf, '}', '\n')
}

// fieldSets writes the ECS objects at the top of the tree.
func (l *line) fieldSets() {
	if i := l.find(0, "log"); i > 0 {
		l.item(i)
	}
	for i := l.items[0].first; i > 0; i = l.items[i].next {
		switch key := l.items[i].key; {
		case key == "log" || key == "process" || key == "service":
		case isFieldSet(key):
			l.item(i)
		}
	}
	for _, key := range [...]string{"process", "service"} {
		if i := l.find(0, key); i > 0 {
			l.item(i)
		}
	}
}

// item writes one member; objects without members are left out.
func (l *line) item(i int32) {
	it := &l.items[i]
	if it.object && !l.hasLeaf(i) {
		return
	}
	if n := len(l.buf); n == 0 || l.buf[n-1] != '{' {
		l.buf = append(l.buf, ',')
	}
	l.buf = appendString(l.buf, it.key)
	l.buf = append(l.buf, ':')
	if !it.object {
		l.value(it.value)
		return
	}
	l.buf = append(l.buf, '{')
	for m := it.first; m > 0; m = l.items[m].next {
		l.item(m)
	}
	l.buf = append(l.buf, '}')
}

func (l *line) hasLeaf(i int32) bool {
	for m := l.items[i].first; m > 0; m = l.items[m].next {
		if !l.items[m].object || l.hasLeaf(m) {
			return true
		}
	}
	return false
}

// plant starts an empty tree.
func (l *line) plant() {
	l.path = l.path[:0]
	l.items = append(l.items[:0], item{object: true})
	clear(l.index)
}

// find returns parent's member of that name, or -1.
func (l *line) find(parent int32, key string) int32 {
	if parent < 0 {
		return -1
	}
	if l.items[parent].size >= indexFrom {
		if i, ok := l.index[itemKey{parent, key}]; ok {
			return i
		}
		return -1
	}
	for i := l.items[parent].first; i > 0; i = l.items[i].next {
		if l.items[i].key == key {
			return i
		}
	}
	return -1
}

// grow adds a member to parent, which has none of that name.
func (l *line) grow(parent int32, it item) int32 {
	i := int32(len(l.items))
	l.items = append(l.items, it)
	p := &l.items[parent]
	if p.first == 0 {
		p.first = i
	} else {
		l.items[p.last].next = i
	}
	p.last = i
	if p.size++; p.size >= indexFrom {
		if l.index == nil {
			l.index = make(map[itemKey]int32)
		}
		if p.size == indexFrom {
			for m := p.first; m > 0; m = l.items[m].next {
				l.index[itemKey{parent, l.items[m].key}] = m
			}
		} else {
			l.index[itemKey{parent, it.key}] = i
		}
	}
	return i
}

// branch returns parent's object of that name, made if need be, or -1 if a value
// stands there.
func (l *line) branch(parent int32, key string) int32 {
	i := l.find(parent, key)
	if i < 0 {
		return l.grow(parent, item{key: key, object: true})
	}
	if !l.items[i].object {
		return -1
	}
	return i
}
