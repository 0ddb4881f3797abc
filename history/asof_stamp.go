package history

import (
	"time"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
)

// stamped reports whether a record says of itself that it was made at the moment at: it
// set one of the row's own times to that (UpdatedAt, CreatedAt, DeletedAt), which GORM
// takes before the statement and the record's Time after it.
func (t *rowTable) stamped(r *audit.Record, at time.Time) bool {
	for i := range t.columns {
		c := &t.columns[i]
		v, ok := r.After[c.name]
		if !ok || v == nil || !c.stamps {
			continue
		}
		value := t.fromRecord(i, v).value
		if n, ok := value.(int64); ok && c.field != nil {
			value = timeOfNumber(c.field, n)
		}
		if stamp, ok := value.(time.Time); ok && sameStamp(stamp, at) {
			return true
		}
	}
	return false
}

// isStamp recognises columns that GORM sets to the present time by itself.
func isStamp(name string, f *schema.Field) bool {
	if f == nil {
		return name == "updated_at" || name == "created_at" || name == "deleted_at"
	}
	_, deletes := newField(f).(schema.DeleteClausesInterface)
	return f.AutoCreateTime > 0 || f.AutoUpdateTime > 0 || deletes
}

// timeOfNumber reads a time that a model keeps as a number.
func timeOfNumber(f *schema.Field, n int64) any {
	switch max(f.AutoCreateTime, f.AutoUpdateTime) {
	case schema.UnixSecond:
		return time.Unix(n, 0)
	case schema.UnixMillisecond:
		return time.UnixMilli(n)
	case schema.UnixNanosecond:
		return time.Unix(0, n)
	}
	return nil
}

// sameStamp compares a stored time with one that may still have its nanoseconds.
func sameStamp(stored, at time.Time) bool {
	return stored.Equal(at) || stored.Equal(at.Truncate(time.Microsecond)) || stored.Equal(at.Round(time.Microsecond))
}
