package proof

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// What histories found in the judges themselves, as they printed it.

func TestFoundHiddenValueTwice(t *testing.T) {
	play(t, "mysql", 0, false, func(p *player, db *gorm.DB) {
		p.do(db, func(db *gorm.DB) outcome {
			v := &[]Vault{{Mail: "a@b", Card: "", Password: "b"}, {Pin: (*string)(nil), Password: "c"}, {Pin: (*string)(nil), Card: "", Note: "b"}}
			return did(db.Clauses(clause.OnConflict{Columns: columnsOf("id"), UpdateAll: true}).Create(v), v)
		}, twice)
	})
}
