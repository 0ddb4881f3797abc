package auditplugin

import "errors"

// again gives a statement that was not captured another chance. The catalog may
// have been out of date; or the statement itself is wrong, and the application is
// told so in the database's words. PostgreSQL leaves none: there the failed
// statement has ended the transaction.
func (j *job) again(out outcome, err error) (outcome, error) {
	unread := errors.Is(err, ErrAuditFailed)
	if j.wrote || j.ctx.Err() != nil || j.p.server.Dialect == "postgres" || j.state.isLost() ||
		!unread && !isStale(j.p.server.Dialect, err) {
		return out, err
	}
	j.log, j.notes = changelog{}, nil
	out, err = j.capture()
	if err == nil || j.wrote || j.state.bare || j.state.isLost() || !errors.Is(err, ErrAuditFailed) {
		// Of a transaction out of sight nobody could refuse the commit.
		return out, err
	}
	j.log, j.notes = changelog{}, nil
	out, own := j.plain()
	if own != nil {
		return out, own
	}
	return out, err
}

// refreshed asks the catalog again when err says that it was out of date, for what
// can be read again after the application's statement. On PostgreSQL nothing can.
func (j *job) refreshed(err error) bool {
	if j.p.server.Dialect == "postgres" || j.state.isLost() || !isStale(j.p.server.Dialect, err) {
		return false
	}
	t, err := j.p.targetFor(j.ctx, j.state, j.model, j.ref)
	if err != nil {
		return false
	}
	j.t = t
	return true
}

// isOwnMistake reports whether err, met while reading images, is about what the
// application's statement says: PostgreSQL's classes "data exception" and "syntax
// error or access rule violation". The statement would have met it as well.
func isOwnMistake(dialect string, err error) bool {
	if dialect != "postgres" {
		return false
	}
	state := sqlState(err)
	return len(state) == 5 && (state[:2] == "22" || state[:2] == "42" && state != "42501")
}

// isLost reports whether the server ended the transaction.
func (s *state) isLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}
