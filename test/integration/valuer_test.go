package integration

import (
	"database/sql/driver"
	"fmt"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"
)

// Nonced is stored otherwise each time, as text is that is encrypted with a nonce.
type Nonced string

var seals atomic.Int64

// Value implements driver.Valuer.
func (s Nonced) Value() (driver.Value, error) {
	return fmt.Sprintf("%d:%s", seals.Add(1), string(s)), nil
}

// Scan implements sql.Scanner.
func (s *Nonced) Scan(v any) error {
	*s = Nonced(fmt.Sprintf("%s", v))
	return nil
}

// Envelope has a value that nobody can tell twice.
type Envelope struct {
	ID    uint
	Text  Nonced  `gorm:"type:varchar(60)"`
	Other *Nonced `gorm:"type:varchar(60)"`
	Size  int
}

// What is recorded is what was stored, not what the value says when it is asked again.
func TestValuerOfChance(t *testing.T) {
	seed := func(db *gorm.DB) error {
		more := make([]Envelope, 80)
		for i := range more {
			more[i].Text = "seed"
		}
		return db.Create(&more).Error
	}
	scene{models: []any{&Envelope{}}, seed: seed}.capture(t, func(s *stage) {
		other := Nonced("other")
		s.ok(s.db.Create(&Envelope{Text: "one", Other: &other}))
		more := make([]Envelope, 70)
		for i := range more {
			more[i].Text, more[i].Size = "many", i
		}
		s.ok(s.db.Create(&more))
		s.ok(s.db.Model(&Envelope{ID: 1}).Updates(Envelope{Text: "by key", Other: &other}))
		s.ok(s.db.Model(&Envelope{}).Where("id < ?", 60).Updates(map[string]any{"text": Nonced("many"), "size": 3}))
		s.ok(s.db.Model(&Envelope{ID: 2}).Update("other", &other))
		s.ok(s.db.Save(&Envelope{ID: 3, Text: "saved"}))
		s.ok(s.db.Save(&[]Envelope{{ID: 4, Text: "upserted"}, {ID: 1000, Text: "new"}}))
		s.expect("72 create envelopes", "63 update envelopes")
	})
}
