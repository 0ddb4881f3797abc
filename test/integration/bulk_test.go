package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// BulkRow is one of many that a statement writes.
type BulkRow struct {
	ID        uint
	Kind      int
	Text      string
	Size      int64
	Ratio     float64
	Data      []byte
	Note      *string
	UpdatedAt time.Time
}

func bulk() scene {
	return scene{models: []any{&BulkRow{}}, seed: func(db *gorm.DB) error {
		rows := make([]BulkRow, 300)
		for i := range rows {
			rows[i] = BulkRow{ID: uint(i + 1), Kind: i % 3, Text: fmt.Sprint("text ", i%7), Size: int64(i % 5), Ratio: float64(i%4) / 4, Data: []byte{byte(i), 255}}
		}
		return db.CreateInBatches(&rows, 100).Error
	}}
}

// The records of many rows are sent with what they share apart, in statements that stay
// prepared: what they hold may grow and shrink from one to the next.
func TestBulkOfAnySize(t *testing.T) {
	bulk().capture(t, func(s *stage) {
		for n, size := range []int{1, 3, 700, 20, 6_000, 2} {
			text := strings.Repeat("ä'\\", size) + fmt.Sprint(n)
			s.ok(s.db.Model(&BulkRow{}).Where("id <= ?", 40).Update("text", text))
			s.ok(s.db.Model(&BulkRow{}).Where("id <= ?", 40).Update("text", "short"))
		}
		more := make([]BulkRow, 70)
		for i := range more {
			more[i].ID, more[i].Text = uint(1000+i), strings.Repeat("ö", i*i)
		}
		s.ok(s.db.Create(&more))
		s.ok(s.db.Where("id > ?", 300).Delete(&BulkRow{}))
	})
}

// An UPDATE that assigns values stores the same in all rows: what SQLite made of them is
// read from one.
func TestBulkUpdateOfValues(t *testing.T) {
	now := time.Date(2024, 2, 29, 13, 14, 15, 123_456_000, time.UTC)
	words := "words"
	bulk().capture(t, func(s *stage) {
		all := func() *gorm.DB { return s.db.Model(&BulkRow{}).Where("id > ?", 0) }
		for _, values := range []map[string]any{
			{"text": "7", "size": "7", "ratio": "7.5"}, // the columns' types decide
			{"note": &words, "data": []byte("\x00\xff"), "updated_at": now},
			{"note": nil, "data": nil},
			{"note": "", "data": []byte{}, "size": 1},
			{"text": "7"}, // as it is
		} {
			s.ok(all().Updates(values))
		}
		s.ok(s.db.Model(&BulkRow{}).Where("text = ? AND kind IN ?", "7", []int{0, 1}).Updates(map[string]any{"text": "8", "kind": 2}))
		s.ok(all().Update("size", gorm.Expr("id")))
		s.ok(all().Where("length(text) > ?", 0).Update("text", "9"))
		// MySQL refuses a subquery of the table itself, and takes one of a subquery.
		s.ok(s.db.Model(&BulkRow{}).Where("id IN (?)", s.db.Table("(?) AS x", s.db.Model(&BulkRow{}).Select("id").Where("size > ?", 200)).Select("id")).Update("ratio", 0.1))
		s.ok(all().UpdateColumn("text", "10"))
		s.ok(s.db.Model(&BulkRow{}).Where("id = ?", 1).Update("text", "11"))
		s.ok(s.db.Model(&BulkRow{}).Where("id = ?", 1000).Update("text", "11"))
	})
}

// Spaces at the end of a key, an actor or a reason stay, however many records there are: a
// server may take a parameter for a CHAR, which has none.
func TestBulkOfTextsThatEndInSpaces(t *testing.T) {
	scene{models: []any{&Setting{}}}.capture(t, func(s *stage) {
		ctx := audit.WithReason(audit.WithActor(s.Context(), audit.Actor{ID: "ada  "}), "why ")
		var all []Setting
		for n := range 40 {
			all = append(all, Setting{Name: fmt.Sprint(n) + strings.Repeat(" ", n%3), Value: "x "})
		}
		s.ok(s.db.WithContext(ctx).Create(&all))
		for n, e := range s.trail() {
			if e.RecordID != all[n].Name || e.ActorID != "ada  " || e.Reason != "why " {
				s.Errorf("recorded is %q by %q, %q", e.RecordID, e.ActorID, e.Reason)
			}
		}
	})
}
