package history_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// Keys are shown with the names of what they stand for, which is asked for once.
func TestNames(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		s.do("ranks", func(db *gorm.DB) error {
			return db.Create(&[]shopRank{{2, "editor"}, {3, "owner"}, {4, "gone\n"}}).Error
		})
		ann := shopBuyer{ID: 1, Name: "Ann", RankID: 2}
		s.do("ann", func(db *gorm.DB) error { return db.Omit("Rank").Create(&ann).Error })
		for _, rank := range []int{3, 4, 99} {
			s.do("rank", func(db *gorm.DB) error { return db.Model(&shopBuyer{ID: 1}).Update("rank_id", rank).Error })
		}
		s.do("gone", func(db *gorm.DB) error { return db.Delete(&shopRank{ID: 4}).Error })
		order := shopOrder{ID: 1, Tags: []shopTag{{ID: 1, Name: "red"}, {ID: 2, Name: "blue"}}}
		s.do("order", func(db *gorm.DB) error { return db.Create(&order).Error })
		s.do("not red", func(db *gorm.DB) error { return db.Model(&order).Association("Tags").Delete(&order.Tags[0]) })

		// A role by its association, with its own label.
		byRank := history.Names(history.NameAssociation(s.DB.DB, &shopBuyer{}, "Rank", history.NameFrom(s.DB.DB, &shopRank{}, "Name")))
		s.reads(history.Of(s.DB.DB, &ann).Column("rank_id"), []history.FormatOption{byRank},
			"rank: editor (2) → owner (3)", `rank: owner (3) → gone\n (4)`, `rank: gone\n (4) → 99`)
		s.reads(history.Search(s.DB.DB).Type("shop_rank").Newest().Limit(1), []history.FormatOption{byRank},
			`delete shop_rank gone\n (4)`, "id: 4", `name: "gone\n"`)
		// By its column, in one table or in any.
		for _, column := range []string{"rank_id", "shop_buyers.rank_id", "app.shop_buyers.rank_id"} {
			s.reads(history.Of(s.DB.DB, &ann).Column("rank_id").Limit(1), []history.FormatOption{
				history.Names(history.NameColumn(column, history.NameFrom(s.DB.DB, &shopRank{}, "name"))),
			}, "rank_id: editor (2) → owner (3)")
		}
		s.reads(history.Of(s.DB.DB, &ann).Column("rank_id").Limit(1), []history.FormatOption{
			history.Names(history.NameColumn("others.rank_id", history.NameFrom(s.DB.DB, &shopRank{}, "name"))),
		}, "rank_id: 2 → 3")
		// What a join table adds and removes.
		tags := history.Names(history.NameAssociation(s.DB.DB, &shopOrder{}, "Tags", history.NameFrom(s.DB.DB, &shopTag{}, "Name")))
		s.reads(history.Search(s.DB.DB).Type("shop_order_tags"), []history.FormatOption{tags},
			"added shop_tag red (1) to shop_order 1", "added shop_tag blue (2) to shop_order 1", "removed shop_tag red (1) from shop_order 1")
		s.reads(history.Of(s.DB.DB, &order).With("Tags").Type("shop_order_tags").Newest().Limit(1), []history.FormatOption{tags}, "removed shop_tag red (1)")

		// One call for all keys of all records.
		var asked [][]string
		resolver := func(_ context.Context, keys []string) (map[string]string, error) {
			asked = append(asked, slices.Sorted(slices.Values(keys)))
			return map[string]string{"2": "two"}, nil
		}
		entries, err := history.Of(s.DB.DB, &ann).Timeline(s.ctx, history.Names(history.NameColumn("rank_id", resolver)))
		s.ok(err)
		if fmt.Sprint(asked) != "[[2 3 4 99]]" {
			t.Errorf("asked for %v", asked)
		}
		if f := entries[1].Fields[0]; f.FromName != "two" || f.ToName != "" || f.Path != "rank_id" {
			t.Errorf("%+v", f)
		}
		counted, n := countQueries(s.DB.DB)
		var keys []string
		for i := range 150 {
			keys = append(keys, fmt.Sprint(i))
		}
		names, err := history.NameFrom(counted, &shopRank{}, "name")(s.ctx, keys)
		if err != nil || fmt.Sprint(names) != "map[2:editor 3:owner 4:gone\n]" || n.Load() > 3 {
			t.Errorf("%v, %v, by %d queries", names, err, n.Load())
		}
	})
}

// reads checks the lines that a question's text has, but for times, actors and messages.
func (s scene) reads(q history.Query, opts []history.FormatOption, want ...string) {
	s.Helper()
	var b strings.Builder
	s.ok(q.Text(s.ctx, &b, opts...))
	var got []string
	for line := range strings.Lines(b.String()) {
		_, heading, ok := strings.Cut(line, " UTC  ")
		if ok {
			line, _, _ = strings.Cut(heading, "  by ")
		}
		got = append(got, strings.TrimSpace(line))
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			s.Errorf("no %q in\n%s", line, b.String())
		}
	}
}

// Keys of several columns, and rows named in their own entries.
func TestNamesOfCompositeKeys(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		s.ok(s.AutoMigrate(&shopStamp{}))
		s.do("sealers", func(db *gorm.DB) error { return db.Create(&[]shopSealer{{"x", 1, "X1"}, {"x", 2, "X2"}}).Error })
		s.do("stamp", func(db *gorm.DB) error {
			return db.Omit("Sealer").Create(&shopStamp{ID: 1, SealerFirm: "x", SealerNo: 1}).Error
		})
		s.do("both", func(db *gorm.DB) error {
			return db.Model(&shopStamp{ID: 1}).Updates(map[string]any{"sealer_firm": "y", "sealer_no": 2}).Error
		})
		s.do("parcel", func(db *gorm.DB) error { return db.Create(&shopParcel{OrderNo: 1, Box: 2}).Error })
		s.do("marks", func(db *gorm.DB) error {
			return db.Model(&shopParcel{OrderNo: 1, Box: 2}).Omit("Marks.*").Association("Marks").Append(&shopSealer{Firm: "x", No: 2})
		})
		from := history.NameFrom(s.DB.DB, &shopSealer{}, "Name")
		opts := []history.FormatOption{history.Names(
			history.NameAssociation(s.DB.DB, &shopStamp{}, "Sealer", from), history.NameAssociation(s.DB.DB, &shopParcel{}, "Marks", from))}
		s.reads(history.Search(s.DB.DB), opts, `sealer_firm: X1 ("x")`, "sealer_no: 1", `sealer_firm: X1 ("x") → "y"`, `create shop_sealer X1 (["x","1"])`,
			`added shop_sealer X2 (["x","2"]) to shop_parcel ["1","2"]`)
	})
}

type shopStamp struct {
	ID         uint
	SealerFirm string `gorm:"size:20"`
	SealerNo   int
	Sealer     shopSealer `gorm:"foreignKey:SealerFirm,SealerNo;references:Firm,No"`
}

// No secret becomes a name, none is handed to a resolver, and errors are the caller's.
func TestNamesKeepSecrets(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		s.do("ann", func(db *gorm.DB) error {
			return db.Omit("Rank").Create(&shopBuyer{ID: 1, Name: "Ann", Card: pointer("hidden-1")}).Error
		})
		s.do("order", func(db *gorm.DB) error { return db.Create(&shopOrder{ID: 1, BuyerID: pointer(uint(1))}).Error })
		var b strings.Builder
		for _, column := range []string{"Card", "card"} {
			err := history.Of(s.DB.DB, &shopOrder{ID: 1}).Text(s.ctx, &b, history.Names(
				history.NameAssociation(s.DB.DB, &shopOrder{}, "Buyer", history.NameFrom(s.DB.DB, &shopBuyer{}, column))))
			if !errors.Is(err, history.ErrRedacted) || strings.Contains(b.String()+err.Error(), "hidden-") {
				t.Errorf("a masked name: %v %s", err, b.String())
			}
		}
		var asked []string
		spy := func(_ context.Context, keys []string) (map[string]string, error) {
			asked = append(asked, keys...)
			return nil, nil
		}
		_, err := history.Of(s.DB.DB, &shopBuyer{ID: 1}).Timeline(s.ctx, history.Names(history.NameColumn("card", spy), history.NameColumn("name", spy)))
		s.ok(err)
		if fmt.Sprint(asked) != "[Ann]" {
			t.Errorf("asked for %q", asked)
		}
		broken := errors.New("no connection")
		fails := history.Names(history.NameColumn("name", func(context.Context, []string) (map[string]string, error) { return nil, broken }))
		records, err := history.Of(s.DB.DB, &shopBuyer{ID: 1}).Find(s.ctx)
		s.ok(err)
		_, of := history.Of(s.DB.DB, &shopBuyer{ID: 1}).Timeline(s.ctx, fails)
		for name, err := range map[string]error{
			"query": of, "text": history.Text(&b, records, fails), "json": history.JSON(&b, records, fails),
		} {
			if !errors.Is(err, broken) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if entries := history.Timeline(records, fails); len(entries) != 1 || entries[0].RecordID != "1" {
			t.Errorf("without names: %+v", entries)
		}
		for name, n := range map[string]history.Namer{
			"unknown association": history.NameAssociation(s.DB.DB, &shopOrder{}, "Nothing", spy),
			"no resolver":         history.NameColumn("name", nil),
			"no column":           history.NameColumn("", spy),
			"no model":            history.NameAssociation(s.DB.DB, nil, "Buyer", spy),
			"unknown column":      history.NameColumn("name", history.NameFrom(s.DB.DB, &shopRank{}, "nothing")),
			"nobody":              {},
		} {
			if err := history.Text(&b, records, history.Names(n)); !errors.Is(err, history.ErrInvalidQuery) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
