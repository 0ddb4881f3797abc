package auditplugin

import "slices"

// storesAlike reports whether SQLite will store the same in all rows of an UPDATE, so
// that one of them tells what became of the others: it assigns values, no expressions,
// and no trigger changes them.
func (j *job) storesAlike(names []string, before *held) bool {
	t := j.t
	if j.p.server.Dialect != "sqlite" || j.p.cfg.portable || before.len() < 2 || !j.predictable(names) {
		return false
	}
	for _, a := range j.assignments() {
		if _, ok := t.index[columnName(a)]; !ok || isExpression(a.Value) {
			return false
		}
	}
	return true
}

// fromOne makes the after images of what was assigned as it stands in one of the rows.
func (j *job) fromOne(names []string, before *held, out outcome) error {
	t := j.t
	if affected, err := out.result.RowsAffected(); err != nil || affected != int64(before.len()) {
		return j.readBack(before)
	}
	rows, err := j.readBy(t, t.keyNames(), [][]any{before.key(0)}, "")
	if err != nil {
		return err
	}
	if len(rows) != 1 || t.identity(rows[0].image) != before.identity(0) {
		return j.readBack(before)
	}
	after, stored := make(image, len(t.cols)), rows[0].image
	assigned := make([]bool, len(t.cols))
	for i, c := range t.cols {
		assigned[i] = slices.Contains(names, c.Name)
	}
	for row := range before.len() {
		b := before.image(row)
		for i := range after {
			if after[i] = b[i]; assigned[i] {
				after[i] = stored[i]
			}
		}
		if !sameImage(b, after) {
			j.log.note(t, b, after)
		}
	}
	return nil
}
