package neighbour

import "errors"

// SQLState is the five characters of a PostgreSQL error, or "". Both pgx and lib/pq have
// the method.
func SQLState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}
