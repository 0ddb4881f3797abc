package redact

// Drops reports whether documents of the column are recorded without some of their
// keys, because of audit:"-" inside, so that the whole can not be had back.
func (p *Plan) Drops(column string) bool {
	m := p.member(column)
	return m.rule.op == opDrop || m.shape.drops(map[*shape]bool{})
}

func (s *shape) drops(seen map[*shape]bool) bool {
	if s == nil || seen[s] {
		return false
	}
	seen[s] = true
	for _, m := range s.fields {
		if m.rule.op == opDrop || m.shape.drops(seen) {
			return true
		}
	}
	return s.elem.drops(seen)
}
