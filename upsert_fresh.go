package auditplugin

import (
	"fmt"
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// withoutForeign leaves out of after the rows that another session inserted after
// before was read, so that DO NOTHING passed them over: found now, they look like
// rows of our own. How many the statement inserted tells; where that does not say
// which ones, the write is refused.
func (j *job) withoutForeign(oc clause.OnConflict, before, after []row, out outcome) ([]row, error) {
	t := j.t
	if !oc.DoNothing || len(t.key) == 0 || t.tbl.HasRules || t.tbl.Kind == catalog.View {
		return after, nil
	}
	was := make(map[string]bool, len(before))
	for _, b := range before {
		was[t.identity(b.image)] = true
	}
	fresh := func(r row) bool { return !was[t.identity(r.image)] }
	found := 0
	for _, r := range after {
		if fresh(r) {
			found++
		}
	}
	inserted, err := out.count()
	if err != nil || int64(found) <= inserted {
		return after, nil //nolint:nilerr // a driver that can not count leaves nothing to compare with
	}
	if inserted > 0 {
		return nil, fmt.Errorf("%w: %s of %s (table %s): %d rows were inserted but %d are new since their images were read",
			ErrAuditFailed, j.op, j.model.recordType, j.ref.name, inserted, found)
	}
	return slices.DeleteFunc(after, fresh), nil
}

// count is how many rows the statement changed or returned.
func (o outcome) count() (int64, error) {
	if o.rows != nil {
		return int64(len(o.rows.Rows)), nil
	}
	return o.result.RowsAffected()
}
