package history_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// bill and its parts refer to each other by foreign keys that the database enforces.
type bill struct {
	ID      uint
	Text    string `gorm:"size:40"`
	PayerID uint
	Payer   payer
	Items   []billItem `gorm:"constraint:OnDelete:CASCADE"`
	Labels  []label    `gorm:"many2many:bill_labels;constraint:OnDelete:CASCADE"`
}

type payer struct {
	ID   uint
	Name string `gorm:"size:40"`
}

type billItem struct {
	ID       uint
	BillID   uint
	Text     string    `gorm:"size:40"`
	Remarks  []remark  `gorm:"constraint:OnDelete:CASCADE"`
	Settled  time.Time //
	Discount string    `gorm:"size:40" audit:"mask"`
}

type remark struct {
	ID         uint
	BillItemID uint
	Text       string `gorm:"size:40"`
}

type label struct {
	ID   uint
	Name string `gorm:"size:40"`
}

func openBills(t *testing.T, g testdb.Target) (scene, bill, audit.Record) {
	t.Helper()
	s := scene{t, g.Open(t, migrated(&payer{}, &label{}, &bill{}, &billItem{}, &remark{})), t.Context()}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b := bill{
		Text: "first", Payer: payer{Name: "Ann"}, Labels: []label{{Name: "red"}, {Name: "blue"}},
		Items: []billItem{{Text: "pen", Settled: at, Remarks: []remark{{Text: "dry"}, {Text: "old"}}}, {Text: "ink", Settled: at}},
	}
	s.do("create", func(db *gorm.DB) error { return db.Create(&b).Error })
	last, err := history.Search(s.DB.DB).Newest().First(s.ctx)
	s.ok(err)
	return s, b, last
}

func (s scene) loadBill(id uint) string {
	s.Helper()
	var b bill
	ordered := func(db *gorm.DB) *gorm.DB { return db.Order("id") }
	s.ok(s.DB.DB.Preload("Payer").Preload("Items", ordered).Preload("Items.Remarks", ordered).Preload("Labels", ordered).First(&b, id).Error)
	return fmt.Sprintf("%+v", b)
}

var wholeBill = history.With("Payer", "Items.Remarks", "Labels")

// All that went with a row comes back, in an order that foreign keys allow, and all
// that came is taken away before what it refers to.
func TestRevertToWithForeignKeys(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s, b, created := openBills(t, g)
		was := s.loadBill(b.ID)
		s.do("everything deleted", func(db *gorm.DB) error {
			return errors.Join(db.Delete(&bill{ID: b.ID}).Error, db.Delete(&b.Payer).Error, db.Delete(&b.Labels).Error)
		})
		var left int64
		s.ok(s.DB.DB.Model(&remark{}).Count(&left).Error)
		if left != 0 {
			t.Fatalf("%d remarks were not taken along", left)
		}
		ctx := audit.WithReason(s.ctx, "deleted by mistake")
		// The masked discounts are in no record.
		if _, err := history.RevertTo(ctx, s.DB.DB, &b, history.After(created), wholeBill); !errors.Is(err, history.ErrRedacted) {
			t.Errorf("secrets: %v", err)
		}
		done, err := history.RevertTo(ctx, s.DB.DB, &b, history.After(created), wholeBill, history.SkipUnknown())
		s.ok(err)
		if is := strings.ReplaceAll(s.loadBill(b.ID), "0 UTC", ""); is != strings.ReplaceAll(was, "0 UTC", "") {
			t.Errorf("got  %s\nwant %s", is, was)
		}
		n := 0
		for _, step := range done.Steps {
			if step.Action == audit.Create {
				n++
			}
		}
		if n != 10 || len(done.Steps) != 10 { // payer, bill, 2 items, 2 remarks, 2 labels, 2 rows of the join table
			t.Errorf("%d rows of %q", n, steps(done))
		}
		records, err := history.Search(s.DB.DB).Reason("by mistake").Find(s.ctx)
		s.ok(err)
		for _, r := range records {
			if r.Cause == "" || r.TransactionID != records[0].TransactionID {
				t.Errorf("recorded as %+v", r)
			}
		}
		if len(records) != 10 {
			t.Errorf("%d records", len(records))
		}

		// What came since goes, and what moved comes back.
		s.do("another bill", func(db *gorm.DB) error {
			return db.Create(&bill{ID: 77, PayerID: b.PayerID, Items: []billItem{{ID: 70, Text: "cup", Settled: time.Unix(1, 0)}}}).Error
		})
		s.do("changes", func(db *gorm.DB) error {
			return errors.Join(
				db.Model(&billItem{ID: b.Items[1].ID}).Update("bill_id", 77).Error,
				db.Model(&billItem{ID: 70}).Update("bill_id", b.ID).Error,
				db.Create(&billItem{ID: 71, BillID: b.ID, Settled: time.Unix(1, 0), Remarks: []remark{{Text: "new"}}}).Error,
				db.Delete(&remark{ID: b.Items[0].Remarks[1].ID}).Error,
				db.Model(&b).Association("Labels").Replace(&b.Labels[0], &label{ID: 9, Name: "green"}),
				db.Model(&payer{ID: b.PayerID}).Update("name", "Bob").Error)
		})
		done, err = history.RevertTo(ctx, s.DB.DB, &b, history.After(created), wholeBill, history.SkipUnknown())
		s.ok(err)
		if is := strings.ReplaceAll(s.loadBill(b.ID), "0 UTC", ""); is != strings.ReplaceAll(was, "0 UTC", "") {
			t.Errorf("got  %s\nwant %s\nby %q", is, was, steps(done))
		}
		var elsewhere bill
		s.ok(s.DB.DB.Preload("Items").First(&elsewhere, 77).Error)
		if len(elsewhere.Items) != 0 { // item 70 did not exist then, and is deleted
			t.Errorf("the other bill: %+v", elsewhere)
		}

		// To before it was: it goes, with what it owns; the payer and the labels, which
		// it only refers to, stay.
		done, err = history.RevertTo(ctx, s.DB.DB, &b, history.AtSeq(0), wholeBill)
		s.ok(err)
		var bills, items, remarks, payers, labels int64
		for model, n := range map[any]*int64{&bill{}: &bills, &billItem{}: &items, &remark{}: &remarks, &payer{}: &payers, &label{}: &labels} {
			s.ok(s.DB.DB.Model(model).Count(n).Error)
		}
		if bills != 1 || items != 0 || remarks != 0 || payers != 1 || labels != 3 {
			t.Errorf("left: %d bills, %d items, %d remarks, %d payers, %d labels by %q", bills, items, remarks, payers, labels, steps(done))
		}
	})
}

// A row of an association that somebody is changing is waited for, and then set back
// as well.
func TestRevertToWithWaitsForRows(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s, b, created := openBills(t, g)
		was := s.loadBill(b.ID)
		s.do("changed", func(db *gorm.DB) error { return db.Model(&b).Update("text", "wrong").Error })
		tx := s.DB.DB.Begin()
		s.ok(tx.Model(&billItem{ID: b.Items[1].ID}).Update("text", "pending").Error)
		result := make(chan error, 1)
		go func() {
			_, err := history.RevertTo(s.ctx, s.DB.DB, &b, history.After(created), wholeBill)
			result <- err
		}()
		select {
		case err := <-result:
			t.Errorf("it did not wait: %v", err)
			result <- err
		case <-time.After(300 * time.Millisecond):
		}
		s.ok(tx.Commit().Error)
		s.ok(<-result)
		if is := s.loadBill(b.ID); is != was {
			t.Errorf("got  %s\nwant %s", is, was)
		}
	})
}

type rack struct {
	ID    uint   `gorm:"primaryKey;autoIncrement:false"`
	Slots []slot `gorm:"foreignKey:RackID"`
}

type slot struct {
	ID     uint `gorm:"primaryKey;autoIncrement:false"`
	RackID uint
	Label  string `gorm:"size:20;unique"`
}

// A unique value that one row freed and another took goes back to where it was.
func TestRevertToWithUniqueValues(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, migrated(&rack{}, &slot{}))
		ctx := context.Background()
		must(t, db.Create(&rack{ID: 1, Slots: []slot{{ID: 1, Label: "a"}, {ID: 2, Label: "b"}, {ID: 3, Label: "c"}}}).Error)
		then := history.After(lastRecord(t, db.DB))
		must(t, db.Model(&slot{ID: 1}).Update("label", "new").Error)
		must(t, db.Model(&slot{ID: 2}).Update("label", "a").Error)
		must(t, db.Model(&slot{ID: 3}).Update("label", "b").Error)
		_, err := history.RevertTo(ctx, db.DB, &rack{ID: 1}, then, history.With("Slots"))
		must(t, err)
		var labels []string
		must(t, db.Model(&slot{}).Order("id").Pluck("label", &labels).Error)
		if !slices.Equal(labels, []string{"a", "b", "c"}) {
			t.Errorf("restored %v", labels)
		}
	})
}
