package neighbour

import "strings"

// SQLite's drivers have an error type each, of which we import none: what all of them
// share is the text that SQLite itself gives.

// SQLiteBusy reports whether another writer was in the way, or the statement was
// interrupted.
func SQLiteBusy(err error) bool {
	return says(err, "database is locked", "database table is locked", "interrupted")
}

// SQLiteStale reports whether a name means nothing (any more).
func SQLiteStale(err error) bool {
	return says(err, "no such column", "no such table", "no column named")
}

// says reports whether err, or one inside it, contains one of the texts. Errors of ours
// do not quote the driver's.
func says(err error, texts ...string) bool {
	for _, t := range texts {
		if strings.Contains(err.Error(), t) {
			return true
		}
	}
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		return inner != nil && says(inner, texts...)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if says(inner, texts...) {
				return true
			}
		}
	}
	return false
}
