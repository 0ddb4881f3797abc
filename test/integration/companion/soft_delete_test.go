package companion

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Seat has GORM's soft delete without NULL.
type Seat struct {
	ID   int            `gorm:"primaryKey;autoIncrement:false"`
	Gone gorm.DeletedAt `gorm:"zeroValue:1970-01-01 00:00:01"`
}

// Triggers tell soft deletes by the value that GORM's conditions ask for.
func TestTriggersOfSoftDeleteWithoutNull(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := open(t, g, &Seat{})
		install(t, db, &Seat{})
		exec(t, db.Raw,
			"INSERT INTO seats (id, gone) VALUES (1, '1970-01-01 00:00:01')",
			"UPDATE seats SET gone = '2026-01-01 00:00:00'",
			"UPDATE seats SET gone = '2026-01-02 00:00:00'",
			"UPDATE seats SET gone = '1970-01-01 00:00:01'",
		)
		expect(t, db, "trigger: create seats 1", "trigger: soft_delete seats 1", "trigger: update seats 1", "trigger: restore seats 1")
		forget(t, db)
		ok(t, db.Unscoped().Model(&Seat{ID: 1}).Update("gone", time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)))
		expect(t, db, "plugin: soft_delete seats 1")
	})
}
