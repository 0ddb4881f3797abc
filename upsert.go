package auditplugin

import (
	"slices"

	"gorm.io/gorm/clause"
)

// upsert captures INSERT … ON CONFLICT and its relatives, telling inserted,
// updated and untouched rows apart. PostgreSQL and MySQL note the before image
// inside the statement itself: a lock taken ahead would be on keys that may not
// exist. SQLite has one writer, so there rows are simply read first.
func (j *job) upsert(oc clause.OnConflict) (outcome, error) {
	switch s := j.p.server; {
	case s.Dialect == "postgres" && j.returnsInserted() && j.ref.simple && s.Flavor == "":
		return j.upsertPostgres(oc)
	case s.Dialect == "mysql" && len(j.t.cols) > 0:
		return j.upsertMySQL(oc)
	default:
		return j.upsertReadFirst(oc)
	}
}

// upsertReadFirst reads the rows that may conflict, runs the statement, and
// compares with what is there then.
func (j *job) upsertReadFirst(oc clause.OnConflict) (outcome, error) {
	if err := j.takeWriteLock(); err != nil {
		return outcome{}, err
	}
	vals, _ := j.db.Statement.Clauses["VALUES"].Expression.(clause.Values)
	j.target = columnNames(oc.Columns)
	before, err := j.readConflicting(vals)
	if err != nil {
		return outcome{}, err
	}
	if j.returnsInserted() {
		if query, ok := j.withReturning(j.t); ok {
			return j.upsertReturning(query, before)
		}
	}
	out, err := j.plain()
	if err != nil {
		return out, err
	}
	after, err := j.readStored(vals, before, out)
	if err != nil {
		return out, err
	}
	if after, err = j.withoutForeign(oc, before, after, out); err != nil {
		return out, err
	}
	j.compare(before, after)
	return out, nil
}

func (j *job) upsertReturning(query string, before []row) (outcome, error) {
	set, err := j.queryUser(query, j.args, len(j.t.cols))
	if err != nil {
		return outcome{}, err
	}
	theirs, added := split(set, len(j.t.cols))
	j.compare(before, j.rows(j.t, added))
	return j.insertOutcome(theirs, int64(len(added)))
}

// compare makes changes of what was stored and what was there before: rows without
// a before image were inserted. A row stored twice by one statement counts once.
func (j *job) compare(before, after []row) {
	t := j.t
	was := make(map[string]image, len(before))
	for _, b := range before {
		was[t.identity(b.image)] = b.image
	}
	last := make(map[string]int, len(after))
	for i, a := range after {
		last[t.identity(a.image)] = i
	}
	rekeyed := j.rekeyed(before)
	for i, a := range after {
		id := t.identity(a.image)
		if len(t.key) > 0 && last[id] != i {
			continue
		}
		b, existed := was[id]
		if len(t.key) == 0 {
			existed = false
		}
		if !existed {
			b, existed = rekeyed(a.image)
		}
		if existed && sameImage(b, a.image) {
			continue
		}
		j.changed(t, b, a.image)
	}
}

// rekeyed finds the before image of a row whose primary key the upsert assigned, by
// another unique key: one that it left alone, or else one that it assigned just what
// was sent, which is what the row that conflicted by it has.
func (j *job) rekeyed(before []row) func(image) (image, bool) {
	oc, _ := j.db.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	names := assignedNames(oc.DoUpdates)
	if !slices.ContainsFunc(j.t.keyNames(), func(k string) bool { return slices.Contains(names, k) }) {
		return func(image) (image, bool) { return nil, false }
	}
	type unique struct {
		at  []int
		was map[string]image
	}
	assignedElse := func(c string) bool {
		return slices.ContainsFunc(oc.DoUpdates, func(a clause.Assignment) bool {
			from, ok := a.Value.(clause.Column)
			return columnName(a) == c && (!ok || from.Table != "excluded" || from.Name != c)
		})
	}
	var kept, sent []unique
	for _, columns := range j.uniques() {
		at := positions(j.t, columns)
		if at == nil || slices.ContainsFunc(columns, assignedElse) {
			continue
		}
		u := unique{at, make(map[string]image, len(before))}
		for _, b := range before {
			if !anyNil(b.image, at) {
				u.was[identityOf(b.image, at)] = b.image
			}
		}
		if slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(names, c) }) {
			sent = append(sent, u)
		} else {
			kept = append(kept, u)
		}
	}
	kept = append(kept, sent...)
	return func(img image) (image, bool) {
		for _, u := range kept {
			if b, ok := u.was[identityOf(img, u.at)]; ok && !anyNil(img, u.at) {
				return b, true
			}
		}
		return nil, false
	}
}

func anyNil(img image, at []int) bool {
	return slices.ContainsFunc(at, func(k int) bool { return img[k] == nil })
}

// readConflicting reads the rows that one of the VALUES could conflict with, by
// every unique key of the table.
func (j *job) readConflicting(vals clause.Values) ([]row, error) {
	lock := ""
	if j.p.server.Dialect == "postgres" {
		lock = j.lockFor(j.t, false)
	}
	return j.readByUniques(vals, lock)
}

// readByUniques reads the rows whose unique keys equal those in VALUES.
func (j *job) readByUniques(vals clause.Values, lock string) ([]row, error) {
	var found []row
	for _, unique := range j.uniques() {
		tuples := tuplesOf(vals, unique)
		if len(tuples) == 0 {
			continue
		}
		rows, err := j.readBy(j.t, unique, tuples, lock)
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return dedupe(j.t, found), nil
}

// uniques are the unique keys of the table, as far as they are known, and what the
// statement itself says it conflicts on: perhaps a partial index.
func (j *job) uniques() [][]string {
	uniques := j.t.tbl.Uniques
	if len(uniques) == 0 && len(j.t.key) > 0 {
		uniques = [][]string{j.t.keyNames()}
	}
	if len(j.target) > 0 && !slices.ContainsFunc(uniques, func(u []string) bool { return slices.Equal(u, j.target) }) {
		uniques = append(slices.Clone(uniques), j.target)
	}
	return uniques
}

func columnNames(columns []clause.Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}

// tuplesOf returns the values sent for columns, where all of them were. NULL
// conflicts with nothing.
func tuplesOf(vals clause.Values, columns []string) [][]any {
	at := make([]int, len(columns))
	for i, name := range columns {
		at[i] = -1
		for n, c := range vals.Columns {
			if c.Name == name {
				at[i] = n
			}
		}
		if at[i] < 0 {
			return nil
		}
	}
	var tuples [][]any
next:
	for _, v := range vals.Values {
		tuple := make([]any, len(at))
		for i, n := range at {
			if c, ok := v[n].(clause.Expr); v[n] == nil || ok && len(c.Vars) == 0 {
				continue next // NULL, DEFAULT, or SQL that a WHERE does not know
			}
			tuple[i] = v[n]
		}
		tuples = append(tuples, tuple)
	}
	return tuples
}

// readStored reads what the statement left behind: rows it returned, rows that
// were there before, and rows with the keys that were sent or generated.
func (j *job) readStored(vals clause.Values, before []row, out outcome) ([]row, error) {
	t := j.t
	stored, err := j.readByUniques(vals, j.readLock())
	if err != nil {
		return nil, err
	}
	var tuples [][]any
	if out.rows != nil {
		tuples, _ = returnedKeys(t, out.rows)
	}
	for _, b := range before {
		tuples = append(tuples, keyParams(t, b.image, b.raw))
	}
	if len(stored) == 0 && len(tuples) == 0 {
		// Nothing sent could conflict: a plain insert.
		generated, ok := j.insertedKeys(vals, out)
		if !ok || len(t.key) == 0 {
			j.note("image", "sent")
			for _, img := range j.sent(vals, out) {
				stored = append(stored, row{image: img})
			}
			return stored, nil
		}
		tuples = generated
	}
	if len(tuples) > 0 && len(t.key) > 0 {
		rows, err := j.readBy(t, t.keyNames(), tuples, j.readLock())
		if err != nil {
			return nil, err
		}
		stored = append(stored, rows...)
	}
	return dedupe(t, stored), nil
}
