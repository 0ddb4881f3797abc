package history_test

import (
	"errors"
	"testing"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/history"
)

type buyer struct {
	ID        uint
	Name      string
	Purchases []purchase
}

type purchase struct {
	ID      uint
	BuyerID uint
	Buyer   buyer
	State   string
}

// A row and a table by the names that records have, without a model.
func TestRowAsRecordsNameIt(t *testing.T) {
	db := open(t, []any{&buyer{}, &purchase{}})
	ann := buyer{Name: "Ann", Purchases: []purchase{{State: "paid"}, {State: "sent"}}}
	must(t, db.Create(&ann).Error)
	must(t, db.Model(&ann.Purchases[0]).Update("state", "packed").Error)
	for want, q := range map[string]history.Query{
		"create update":        history.Search(db).Row("purchases", "1"),
		"create":               history.Search(db).Row("buyers", "1"),
		"":                     history.Search(db).Row("buyers", "2"),
		"create create update": history.Search(db).InTable("purchases"),
	} {
		records, err := q.Find(t.Context())
		must(t, err)
		if got := actions(records); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	if n, err := history.Search(db).InTable("purchases", "buyers").Count(t.Context()); err != nil || n != 4 {
		t.Errorf("both tables: %d, %v", n, err)
	}
	for name, q := range map[string]history.Query{"no table": history.Search(db).Row("", "1"), "no id": history.Search(db).Row("buyers", ""), "no tables": history.Search(db).InTable()} {
		if _, err := q.Find(t.Context()); !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// All associations of a model are those of its fields, and not what GORM notes of the
// other side: a purchase's buyer, and no other purchases.
func TestAssociationsOfBothSides(t *testing.T) {
	db := open(t, []any{&buyer{}, &purchase{}})
	ann := buyer{Name: "Ann", Purchases: []purchase{{State: "paid"}, {State: "sent"}}}
	must(t, db.Create(&ann).Error)
	entries, err := history.Of(db, &purchase{ID: 1}).With(clause.Associations).Timeline(t.Context())
	must(t, err)
	for _, e := range entries {
		if e.Table == "purchases" && e.RecordID != "1" {
			t.Errorf("%s of %s %s, by %s", e.Action, e.Table, e.RecordID, e.Association)
		}
	}
	if len(entries) != 2 {
		t.Errorf("%d entries: %+v", len(entries), entries)
	}
}
