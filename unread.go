package auditplugin

import "gorm.io/gorm/clause"

var errUnreadable = &quietError{text: "auditplugin: the role may read no column of the table"}

// createUnread captures an INSERT by a role that may not read the table: what was
// sent is all that can be known, and only where every row or none was inserted.
func (j *job) createUnread() (outcome, error) {
	oc, upsert := j.db.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if upsert && !oc.DoNothing {
		return j.unread()
	}
	out, err := j.plain()
	if err != nil {
		return out, err
	}
	vals, _ := j.db.Statement.Clauses["VALUES"].Expression.(clause.Values)
	if n := out.affected(); upsert && n > 0 && n < int64(len(vals.Values)) {
		return out, j.auditError(errUnreadable)
	}
	j.note("image", "sent")
	for _, img := range j.sent(vals, out) {
		j.changed(j.t, nil, img)
	}
	return out, nil
}

// unread runs a statement whose images can not be read. Nearly always it has to
// read the table itself, and the database refuses it in its own words. Where it
// does change rows, that must not commit.
func (j *job) unread() (outcome, error) {
	out, err := j.plain()
	if err != nil || out.affected() == 0 {
		return out, err
	}
	return out, j.auditError(errUnreadable)
}
