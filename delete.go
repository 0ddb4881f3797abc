package auditplugin

import (
	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// delete captures a DELETE. Where the database returns deleted rows, they are the
// before images and nothing is read first.
func (j *job) delete() (outcome, error) {
	how := cascade{deleting: true}
	if j.returnsDeleted() && !j.cascades(j.t, how) {
		if query, ok := j.withReturning(j.t); ok {
			return j.deleteReturning(query)
		}
	}
	if err := j.refuseChance(); err != nil {
		return outcome{}, err
	}
	if err := j.takeWriteLock(); err != nil {
		return outcome{}, err
	}
	query, args := j.selectRows(selection{columns: j.t.list, lock: j.deleteLock()})
	raw, err := j.read(query, args)
	if err != nil {
		return outcome{}, err
	}
	before := dedupe(j.t, j.rows(j.t, raw))
	cs, err := j.findChildren(j.t, before, how)
	if err != nil {
		return outcome{}, err
	}
	out, err := j.plain()
	if err != nil {
		return out, err
	}
	if err := j.checkGap(out, len(before)); err != nil {
		return out, err
	}
	return out, j.finishDelete(before, cs)
}

// finishDelete records what is gone: rows that a rule or a trigger kept are still
// there and have no record.
func (j *job) finishDelete(before []row, cs []children) error {
	left := map[string]bool{}
	if len(j.t.key) > 0 && len(before) > 0 && (j.t.tbl.HasUserTriggers || j.t.tbl.HasRules || j.t.tbl.Kind == catalog.View) {
		tuples := make([][]any, len(before))
		for i, b := range before {
			tuples[i] = keyParams(j.t, b.image, b.raw)
		}
		still, err := j.readBy(j.t, j.t.keyNames(), tuples, j.readLock())
		if err != nil {
			return err
		}
		for _, s := range still {
			left[j.t.identity(s.image)] = true
		}
	}
	parents := make(map[string]parent, len(before))
	for _, b := range before {
		id := j.t.identity(b.image)
		if len(j.t.key) > 0 && left[id] {
			continue
		}
		parents[id] = parent{record: j.changed(j.t, b.image, nil).id}
	}
	return j.finishChildren(cs, parents)
}

func (j *job) deleteReturning(query string) (outcome, error) {
	if !j.wantRows {
		n := int64(0)
		err := j.streamUser(query, j.args, len(j.t.cols), func(raw []any) error {
			n++
			j.log.note(j.t, j.t.normalise(raw), nil)
			return nil
		})
		return outcome{result: result{affected: n, lastErr: j.lastInsertErr()}}, err
	}
	theirs, added, err := j.queryAdded(query, j.args, len(j.t.cols))
	if err != nil {
		return j.partial(theirs), err // here not split yet
	}
	for _, raw := range added {
		j.changed(j.t, j.t.normalise(raw), nil)
	}
	return outcome{rows: theirs}, nil
}

// returnsDeleted reports whether DELETE … RETURNING serves here.
func (j *job) returnsDeleted() bool {
	if j.p.cfg.portable || len(j.t.cols) == 0 || !j.ref.simple || j.t.tbl.HasRules {
		return false
	}
	if _, ok := j.db.Statement.Clauses["FROM"]; ok && j.joins() {
		return false
	}
	switch s := j.p.server; s.Dialect {
	case "postgres":
		return j.t.tbl.CanSelect
	case "sqlite":
		return s.AtLeast(3, 35, 0) && j.t.tbl.Kind == catalog.Plain
	case "mysql":
		return s.MariaDB && s.AtLeast(10, 0, 5) && j.t.tbl.Kind == catalog.Plain
	}
	return false
}

// deleteLock: on PostgreSQL a role may delete without being allowed to lock.
func (j *job) deleteLock() string { return j.lockFor(j.t, true) }
