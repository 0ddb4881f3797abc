package auditplugin

import (
	"strings"

	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

// savepoint remembers how far the records were when it was set.
type savepoint struct {
	name    string
	len     int
	flushed int
	poison  error
}

func (s *state) samePoint(a, b string) bool {
	if s.p.server.Dialect == "postgres" {
		return a == b
	}
	return strings.EqualFold(a, b)
}

func (s *state) pointName(a sqltext.Statement) string {
	if s.p.server.Dialect == "postgres" && !a.Quoted {
		return strings.ToLower(a.Name)
	}
	return a.Name
}

func (s *state) setPoint(a sqltext.Statement) {
	name := s.pointName(a)
	if s.p.server.Dialect == "mysql" {
		// MySQL deletes an older savepoint of the same name; others shadow it.
		for i, p := range s.points {
			if s.samePoint(p.name, name) {
				s.points = append(s.points[:i], s.points[i+1:]...)
				break
			}
		}
	}
	s.points = append(s.points, savepoint{name: name, len: s.base + s.buffer.len(), flushed: s.flushed, poison: s.poison})
}

func (s *state) rollbackTo(a sqltext.Statement) {
	name := s.pointName(a)
	for i := len(s.points) - 1; i >= 0; i-- {
		p := s.points[i]
		if !s.samePoint(p.name, name) {
			continue
		}
		n := max(p.len-s.base, 0)
		s.buffer.truncate(n)
		s.keep = s.keep[:n]
		// What was flushed after the savepoint left the table with the rollback.
		s.flushed = min(s.flushed, p.flushed)
		s.poison = p.poison
		s.points = s.points[:i+1]
		return
	}
}

// point does something with a savepoint of ours.
func (s *state) point(do func(*state, sqltext.Statement), a sqltext.Statement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(s, a)
}

// release merges a savepoint into what surrounds it.
func (s *state) release(a sqltext.Statement) {
	name := s.pointName(a)
	for i := len(s.points) - 1; i >= 0; i-- {
		if s.samePoint(s.points[i].name, name) {
			s.points = s.points[:i]
			return
		}
	}
}
