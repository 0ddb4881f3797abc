package history_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// One timeline tells of a row and what belonged to it, for the time that it did.
func TestWithTellsOfWhatBelonged(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		ann, bob := shopBuyer{ID: 1, Name: "Ann", RankID: 1}, shopBuyer{ID: 2, Name: "Bob", RankID: 2}
		order, other := shopOrder{ID: 1, BuyerID: pointer(uint(1))}, shopOrder{ID: 2, BuyerID: pointer(uint(2))}
		s.do("ranks", func(db *gorm.DB) error {
			return db.Create(&[]shopRank{{1, "gold"}, {2, "silver"}}).Error
		})
		s.do("buyers", func(db *gorm.DB) error { return db.Omit("Rank").Create([]*shopBuyer{&ann, &bob}).Error })
		s.do("orders", func(db *gorm.DB) error { return db.Omit("Buyer").Create([]*shopOrder{&order, &other}).Error })
		s.do("ann renamed", func(db *gorm.DB) error { return db.Model(&ann).Update("name", "Anne").Error })
		s.do("line here", func(db *gorm.DB) error { return db.Create(&shopLine{ID: 1, OrderID: 1, Item: "pen"}).Error })
		s.do("line there", func(db *gorm.DB) error { return db.Create(&shopLine{ID: 2, OrderID: 2, Item: "ink"}).Error })
		s.do("line comes", func(db *gorm.DB) error { return db.Model(&shopLine{ID: 2}).Update("order_id", 1).Error })
		s.do("line grows", func(db *gorm.DB) error { return db.Model(&shopLine{ID: 2}).Update("qty", 3).Error })
		s.do("line goes", func(db *gorm.DB) error { return db.Model(&shopLine{ID: 2}).Update("order_id", 2).Error })
		s.do("line is elsewhere", func(db *gorm.DB) error { return db.Model(&shopLine{ID: 2}).Update("qty", 4).Error })
		s.do("line is taken out", func(db *gorm.DB) error { return db.Delete(&shopLine{ID: 1}).Error })
		s.do("line is deleted", func(db *gorm.DB) error { return db.Unscoped().Delete(&shopLine{ID: 1}).Error })
		s.do("another line of that key", func(db *gorm.DB) error { return db.Create(&shopLine{ID: 1, OrderID: 2}).Error })
		s.do("buyer changes", func(db *gorm.DB) error { return db.Model(&order).Update("buyer_id", 2).Error })
		s.do("ann again", func(db *gorm.DB) error { return db.Model(&ann).Update("name", "Ann").Error })
		s.do("bob renamed", func(db *gorm.DB) error { return db.Model(&bob).Update("name", "Rob").Error })
		s.do("silver renamed", func(db *gorm.DB) error { return db.Model(&shopRank{ID: 2}).Update("name", "tin").Error })
		s.do("gold renamed", func(db *gorm.DB) error { return db.Model(&shopRank{ID: 1}).Update("name", "red").Error })
		s.do("bob's note", func(db *gorm.DB) error {
			return db.Create(&shopNote{ID: 1, OwnerID: 2, OwnerType: "shop_buyers"}).Error
		})
		s.do("order's note", func(db *gorm.DB) error {
			return db.Create(&shopNote{ID: 2, OwnerID: 1, OwnerType: "shop_orders"}).Error
		})
		s.do("other's note", func(db *gorm.DB) error {
			return db.Create(&shopNote{ID: 3, OwnerID: 2, OwnerType: "shop_orders"}).Error
		})
		s.do("note handed over", func(db *gorm.DB) error {
			return db.Model(&shopNote{ID: 1}).Updates(map[string]any{"owner_type": "shop_orders", "owner_id": 1}).Error
		})
		s.do("slip", func(db *gorm.DB) error { return db.Create(&shopSlip{ID: 1, OrderID: pointer(uint(1))}).Error })
		s.do("slip lost", func(db *gorm.DB) error { return db.Model(&shopSlip{ID: 1}).Update("order_id", nil).Error })
		s.do("slip nobody's", func(db *gorm.DB) error { return db.Model(&shopSlip{ID: 1}).Update("text", "x").Error })
		s.do("order deleted", func(db *gorm.DB) error { return db.Delete(&order).Error })
		s.do("bob after", func(db *gorm.DB) error { return db.Model(&bob).Update("name", "Bob").Error })
		q := history.Of(s.DB.DB, &shopOrder{ID: 1})

		s.tells("lines", q.With("Lines"),
			": create shop_order 1 (orders)",
			"Lines: create shop_line 1 (line here)",
			"Lines: update shop_line 2 (line comes)",
			"Lines: update shop_line 2 (line grows)",
			"Lines: update shop_line 2 (line goes)",
			"Lines: soft_delete shop_line 1 (line is taken out)",
			"Lines: delete shop_line 1 (line is deleted)",
			": update shop_order 1 (buyer changes)",
			": delete shop_order 1 (order deleted)")
		s.tells("buyers, their ranks and notes", q.With("Buyer.Rank", "Buyer.Notes").Action(audit.Update),
			"Buyer: update shop_buyer 1 (ann renamed)",
			": update shop_order 1 (buyer changes)",
			"Buyer: update shop_buyer 2 (bob renamed)",
			"Buyer.Rank: update shop_rank 2 (silver renamed)",
			"Buyer.Notes: update shop_note 1 (note handed over)")
		s.tells("notes", q.With("Notes").Newest().Limit(3),
			": delete shop_order 1 (order deleted)",
			"Notes: update shop_note 1 (note handed over)",
			"Notes: create shop_note 2 (order's note)")
		s.tells("slip", q.With("Slip").Model(&shopSlip{}),
			"Slip: create shop_slip 1 (slip)",
			"Slip: update shop_slip 1 (slip lost)")
		s.tells("columns", q.With("Lines").Column("qty"), "Lines: update shop_line 2 (line grows)")
		var paged []audit.Record
		for next := ""; ; {
			records, cursor, err := q.With("Lines", "Buyer").Limit(2).After(next).Page(s.ctx)
			s.ok(err)
			paged = append(paged, records...)
			if next = cursor; next == "" {
				break
			}
		}
		whole, err := q.With("Lines", "Buyer").Find(s.ctx)
		s.ok(err)
		if fmt.Sprint(messages(paged)) != fmt.Sprint(messages(whole)) || len(whole) != 11 {
			t.Errorf("by pages %q, at once %q", messages(paged), messages(whole))
		}
	})
}

// Rows of a join table read as what they add and remove.
func TestWithJoinTables(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		order := shopOrder{ID: 1}
		red, blue := shopTag{ID: 1, Name: "red"}, shopTag{ID: 2, Name: "blue"}
		s.do("tags", func(db *gorm.DB) error { return db.Create([]*shopTag{&red, &blue}).Error })
		s.do("order", func(db *gorm.DB) error { return db.Create(&order).Error })
		s.do("red before", func(db *gorm.DB) error { return db.Model(&red).Update("name", "Red").Error })
		s.do("both", func(db *gorm.DB) error {
			return db.Model(&order).Omit("Tags.*").Association("Tags").Append(&red, &blue)
		})
		s.do("red renamed", func(db *gorm.DB) error { return db.Model(&red).Update("name", "RED").Error })
		s.do("not red", func(db *gorm.DB) error { return db.Model(&order).Association("Tags").Delete(&red) })
		s.do("red after", func(db *gorm.DB) error { return db.Model(&red).Update("name", "red").Error })
		s.do("blue renamed", func(db *gorm.DB) error { return db.Model(&blue).Update("name", "BLUE").Error })
		s.tells("tags", history.Of(s.DB.DB, &order).With("Tags"),
			": create shop_order 1 (order)",
			"Tags: added shop_tag 1 of shop_order 1 (both)",
			"Tags: added shop_tag 2 of shop_order 1 (both)",
			"Tags: update shop_tag 1 (red renamed)",
			"Tags: removed shop_tag 1 of shop_order 1 (not red)",
			"Tags: update shop_tag 2 (blue renamed)")
		var text strings.Builder
		s.ok(history.Of(s.DB.DB, &order).With("Tags").Text(s.ctx, &text))
		if got := text.String(); strings.Count(got, "added shop_tag 2  by Grace (7)\n    both\n2") != 1 || strings.Contains(got, "shop_tag_id") {
			t.Errorf("as text:\n%s", got)
		}
		records, err := history.Search(s.DB.DB).Type("shop_order_tags").Find(s.ctx)
		s.ok(err)
		entries := history.Timeline(records, history.Associations(s.DB.DB, &shopOrder{}))
		if len(entries) != 3 || entries[2].Link == nil || !entries[2].Link.Removed || entries[2].Link.ID != "1" || entries[2].Link.OwnerID != "1" {
			t.Errorf("found otherwise: %+v", entries)
		}
	})
}

// Composite keys, on both sides and of both kinds.
func TestWithCompositeKeys(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		s.do("order", func(db *gorm.DB) error { return db.Create(&shopOrder{ID: 4}).Error })
		s.do("parcels", func(db *gorm.DB) error {
			return db.Create(&[]shopParcel{{OrderNo: 4, Box: 1}, {OrderNo: 4, Box: 2}, {OrderNo: 5, Box: 1}}).Error
		})
		seal := func(code string, no uint, box int) shopSeal {
			return shopSeal{Code: code, OrderNo: &no, Box: &box}
		}
		a, b, c := seal("a", 4, 1), seal("b", 4, 2), seal("c", 5, 2)
		s.do("seals", func(db *gorm.DB) error { return db.Create([]*shopSeal{&a, &b, &c}).Error })
		s.do("a broken", func(db *gorm.DB) error { return db.Model(&a).Update("intact", true).Error })
		s.do("c to order 4", func(db *gorm.DB) error { return db.Model(&c).Update("order_no", 4).Error })
		s.do("c to box 9", func(db *gorm.DB) error { return db.Model(&c).Update("box", 9).Error })
		s.do("c broken", func(db *gorm.DB) error { return db.Model(&c).Update("intact", true).Error })
		x := shopSealer{"x", 1, "X"}
		s.do("sealers", func(db *gorm.DB) error { return db.Create([]*shopSealer{&x, {"x", 2, "Y"}}).Error })
		s.do("x seals", func(db *gorm.DB) error {
			return db.Model(&shopParcel{OrderNo: 4, Box: 2}).Omit("Marks.*").Association("Marks").Append(&x)
		})
		s.do("x renamed", func(db *gorm.DB) error { return db.Model(&x).Update("name", "XX").Error })
		s.tells("all", history.Of(s.DB.DB, &shopOrder{ID: 4}).With("Tracking.Seals", "Tracking.Marks"),
			": create shop_order 4 (order)",
			`Tracking: create shop_parcel ["4","1"] (parcels)`,
			`Tracking: create shop_parcel ["4","2"] (parcels)`,
			"Tracking.Seals: create shop_seal a (seals)",
			"Tracking.Seals: create shop_seal b (seals)",
			"Tracking.Seals: update shop_seal a (a broken)",
			"Tracking.Seals: update shop_seal c (c to order 4)",
			"Tracking.Seals: update shop_seal c (c to box 9)",
			`Tracking.Marks: added shop_sealer ["x","1"] of shop_parcel ["4","2"] (x seals)`,
			`Tracking.Marks: update shop_sealer ["x","1"] (x renamed)`)
	})
}

// What was made in the transaction that made it belong is told, and rows that are
// older than their records are found as well.
func TestWithBeginnings(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		order := shopOrder{Buyer: &shopBuyer{Name: "Ann", Rank: shopRank{ID: 3, Name: "new"}}, Lines: []shopLine{{Item: "pen"}}}
		s.do("all at once", func(db *gorm.DB) error { return db.Create(&order).Error })
		entries, err := history.Of(s.DB.DB, &order).With("Buyer.Rank", "Lines").Timeline(s.ctx)
		s.ok(err)
		var types []string
		for _, e := range entries {
			types = append(types, e.Association+":"+e.RecordType)
		}
		if got := fmt.Sprint(types); got != "[Buyer.Rank:shop_rank Buyer:shop_buyer :shop_order Lines:shop_line]" {
			t.Errorf("made at once: %s", got)
		}
		for _, statement := range []string{
			"INSERT INTO shop_orders (id, buyer_id, state) VALUES (70, 71, 'old')", "INSERT INTO shop_buyers (id, name, rank_id) VALUES (71, 'old', 0)",
			"INSERT INTO shop_lines (id, order_id, item) VALUES (72, 70, 'old'), (73, 70, 'old')",
		} {
			if _, err := s.Raw.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		s.do("old buyer", func(db *gorm.DB) error { return db.Model(&shopBuyer{ID: 71}).Update("name", "new").Error })
		s.do("old line", func(db *gorm.DB) error { return db.Model(&shopLine{ID: 72}).Update("item", "new").Error })
		s.do("old line deleted", func(db *gorm.DB) error { return db.Unscoped().Delete(&shopLine{ID: 73}).Error })
		s.tells("unrecorded", history.Of(s.DB.DB, &shopOrder{ID: 70}).With("Buyer", "Lines"),
			"Buyer: update shop_buyer 71 (old buyer)", "Lines: update shop_line 72 (old line)", "Lines: delete shop_line 73 (old line deleted)")
	})
}

// The number of queries does not depend on the number of rows.
func TestWithBoundedQueries(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		asked := func(lines int) int {
			order := shopOrder{BuyerID: pointer(uint(1))}
			for i := range lines {
				order.Lines = append(order.Lines, shopLine{Item: fmt.Sprint(i)})
				order.Notes = append(order.Notes, &shopNote{Text: fmt.Sprint(i)})
				order.Tags = append(order.Tags, shopTag{Name: fmt.Sprint(i)})
			}
			s.do("order", func(db *gorm.DB) error { return db.CreateInBatches([]*shopOrder{&order}, 1).Error })
			counted, n := countQueries(s.DB.DB)
			records, err := history.Of(counted, &order).With("Buyer", "Lines", "Notes", "Tags").Find(s.ctx)
			s.ok(err)
			if len(records) != 1+4*lines {
				t.Errorf("%d lines: %d records", lines, len(records))
			}
			return int(n.Load())
		}
		few, many := asked(2), asked(120)
		if few != many {
			t.Errorf("%d queries for 2 rows of each, %d for 120", few, many)
		}
		if many := asked(1200); many > 3*few {
			t.Errorf("%d queries for 2 rows of each, %d for 1,200", few, many)
		}
	})
}

func TestWithMistakes(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		s.ok(s.AutoMigrate(&shopHidden{}, &shopHiddenPart{}))
		for name, q := range map[string]history.Query{
			"unknown":    history.Of(s.DB.DB, &shopOrder{ID: 1}).With("Linse"),
			"nested":     history.Of(s.DB.DB, &shopOrder{ID: 1}).With("Lines.Nothing"),
			"empty":      history.Of(s.DB.DB, &shopOrder{ID: 1}).With(""),
			"no row":     history.Search(s.DB.DB).With("Lines"),
			"table only": history.OfTable(s.DB.DB, "shop_orders", 1).With("Lines"),
		} {
			if _, err := q.Find(s.ctx); !errors.Is(err, history.ErrInvalidQuery) {
				t.Errorf("%s: %v", name, err)
			}
			for _, err := range q.All(s.ctx) {
				if !errors.Is(err, history.ErrInvalidQuery) {
					t.Errorf("%s, all: %v", name, err)
				}
			}
		}
		order, with := &shopOrder{ID: 1}, history.With("Lines")
		_, blamed := history.Blame(s.ctx, s.DB.DB, order, with)
		_, differs := history.Diff(s.ctx, s.DB.DB, order, history.AtSeq(0), history.AtSeq(1), with)
		_, undone := history.Revert(s.ctx, s.DB.DB, audit.Record{ID: "x"}, with)
		_, allUndone := history.RevertTransaction(s.ctx, s.DB.DB, "x", with)
		refused := 0
		for _, states := range history.Versions(s.ctx, s.DB.DB, order, with) {
			for _, rows := range history.AsOfAll[shopOrder](s.ctx, s.DB.DB, history.AtSeq(0), with) {
				for i, err := range []error{blamed, differs, undone, allUndone, states, rows} {
					if !errors.Is(err, history.ErrInvalidQuery) {
						t.Errorf("function %d: %v", i, err)
					}
					refused++
				}
			}
		}
		if refused != 6 {
			t.Errorf("%d functions were asked", refused)
		}
		if _, err := history.Of(s.DB.DB, &shopHidden{ID: 1}).With("Parts").Find(s.ctx); !errors.Is(err, history.ErrRedacted) {
			t.Errorf("a masked foreign key: %v", err)
		}
		if _, err := history.Of(s.DB.DB, &shopOrder{}).With("Lines").Count(s.ctx); !errors.Is(err, history.ErrNoKey) {
			t.Errorf("no key: %v", err)
		}
	})
}

type shopHidden struct {
	ID    uint
	Parts []shopHiddenPart `gorm:"foreignKey:HiddenID"`
}

type shopHiddenPart struct {
	ID       uint
	HiddenID uint `audit:"mask"`
}
