package history_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// deal and dealItem are what became of shopOrder and shopLine.
type deal struct {
	ID    uint
	State string     `gorm:"size:40"`
	Items []dealItem `gorm:"foreignKey:DealID"`
}

func (deal) TableName() string { return "deals" }

type dealItem struct {
	ID        uint
	DealID    uint
	Item      string
	DeletedAt gorm.DeletedAt
}

func (dealItem) TableName() string { return "shop_lines" }

// A foreign key and a table that were renamed.
func TestWithRenamed(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		s.do("order", func(db *gorm.DB) error { return db.Create(&shopOrder{ID: 1, State: "new"}).Error })
		s.do("lines", func(db *gorm.DB) error {
			return db.Create(&[]shopLine{{ID: 1, OrderID: 1, Item: "a"}, {ID: 2, OrderID: 1, Item: "b"}}).Error
		})
		s.do("b deleted", func(db *gorm.DB) error { return db.Unscoped().Delete(&shopLine{ID: 2}).Error })
		for _, statement := range []string{"ALTER TABLE shop_lines RENAME COLUMN order_id TO deal_id", "ALTER TABLE shop_orders RENAME TO deals"} {
			if _, err := s.Raw.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		fresh := scene{t, g.Open(t, testdb.In(s.DSN)), s.ctx} // which knows the tables as they are now
		fresh.do("a renamed", func(db *gorm.DB) error { return db.Model(&dealItem{ID: 1}).Update("item", "A").Error })
		fresh.do("deal", func(db *gorm.DB) error { return db.Model(&deal{ID: 1}).Update("state", "old").Error })
		fresh.tells("renamed", history.Of(fresh.DB.DB, &deal{ID: 1}).With("Items").Alias("order_id", "deal_id").Formerly("shop_orders"),
			": create shop_order 1 (order)",
			"Items: create shop_line 1 (lines)",
			"Items: create shop_line 2 (lines)",
			"Items: delete shop_line 2 (b deleted)",
			"Items: update deal_item 1 (a renamed)",
			": update deal 1 (deal)")
		deleted, err := history.Search(fresh.DB.DB).Model(&dealItem{}).Action(audit.Delete).First(s.ctx)
		s.ok(err)
		got := deal{ID: 1}
		s.ok(history.AsOf(s.ctx, fresh.DB.DB, &got, history.Before(deleted), history.With("Items"),
			history.Asking(func(q history.Query) history.Query { return q.Alias("order_id", "deal_id").Formerly("shop_orders") })))
		if len(got.Items) != 2 || got.Items[1].Item != "b" || got.State != "new" {
			t.Errorf("got %+v", got)
		}
	})
}

// Tables in another schema than the connection's.
func TestWithSchemas(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		if g.Dialect == testdb.SQLite {
			t.Skip("an attached database belongs to one connection")
		}
		name := "audit_" + strings.ReplaceAll(uuid.NewString(), "-", "")
		prefixed := testdb.WithGORM(func(c *gorm.Config) { c.NamingStrategy = schema.NamingStrategy{TablePrefix: name + "."} })
		create := testdb.Before(func(db *gorm.DB) error {
			t.Cleanup(func() {
				if g.Dialect == testdb.Postgres {
					_ = db.Session(&gorm.Session{NewDB: true}).Exec("DROP SCHEMA " + name + " CASCADE").Error
				} else {
					_ = db.Session(&gorm.Session{NewDB: true}).Exec("DROP SCHEMA " + name).Error
				}
			})
			return db.Session(&gorm.Session{NewDB: true}).Exec("CREATE SCHEMA " + name).Error
		})
		s := openShop(t, g, prefixed, create)
		order := shopOrder{ID: 1, Lines: []shopLine{{ID: 1, Item: "pen"}}, Tags: []shopTag{{ID: 1, Name: "red"}}}
		s.do("order", func(db *gorm.DB) error { return db.Create(&order).Error })
		was, err := history.Search(s.DB.DB).Newest().First(s.ctx)
		s.ok(err)
		s.do("line deleted", func(db *gorm.DB) error { return db.Unscoped().Delete(&shopLine{ID: 1}).Error })
		s.do("not red", func(db *gorm.DB) error { return db.Model(&order).Association("Tags").Delete(&shopTag{ID: 1}) })
		entries, err := history.Of(s.DB.DB, &shopOrder{ID: 1}).With("Lines", "Tags").Timeline(s.ctx)
		s.ok(err)
		if got := toldAs(entries); strings.Count(got, "\n") != 5 || !strings.HasSuffix(got, "Tags: removed shop_tag 1 of shop_order 1 (not red)") {
			t.Errorf("told\n%s", got)
		}
		got := shopOrder{ID: 1}
		s.ok(history.AsOf(s.ctx, s.DB.DB, &got, history.After(was), history.With("Lines", "Tags")))
		if len(got.Lines) != 1 || got.Lines[0].Item != "pen" || len(got.Tags) != 1 || got.Tags[0].Name != "red" {
			t.Errorf("got %+v", got)
		}
	})
}

// What is secret stays so in a timeline, and AsOf says what it cannot know, of the row
// and of what belongs to it.
func TestWithSecrets(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		order := shopOrder{ID: 1, Secret: pointer("hidden-1"), Buyer: &shopBuyer{ID: 1, Card: pointer("hidden-2"), Rank: shopRank{ID: 1}}}
		s.do("order", func(db *gorm.DB) error { return db.Create(&order).Error })
		was, err := history.Search(s.DB.DB).Newest().First(s.ctx)
		s.ok(err)
		s.do("secret", func(db *gorm.DB) error { return db.Model(&order).Update("secret", "hidden-3").Error })
		s.do("card", func(db *gorm.DB) error { return db.Model(&shopBuyer{ID: 1}).Update("card", "hidden-4").Error })
		var text, doc strings.Builder
		q := history.Of(s.DB.DB, &order).With("Buyer")
		s.ok(q.Text(s.ctx, &text))
		s.ok(q.JSON(s.ctx, &doc))
		if strings.Contains(text.String()+doc.String(), "hidden-") || strings.Count(text.String(), "card: *** → ***") != 1 {
			t.Errorf("told\n%s\n%s", text.String(), doc.String())
		}
		got := shopOrder{ID: 1}
		var unknown *history.UnknownError
		if err := history.AsOf(s.ctx, s.DB.DB, &got, history.After(was), history.With("Buyer")); !errors.As(err, &unknown) || !errors.Is(err, history.ErrRedacted) {
			t.Errorf("as of: %v", err)
		}
		var gaps history.Gaps
		s.ok(history.AsOf(s.ctx, s.DB.DB, &got, history.After(was), history.With("Buyer"), history.Partial(&gaps)))
		if fmt.Sprint(gaps.Redacted) != "[Buyer[1].card secret]" || got.Buyer == nil || got.Buyer.Card != nil {
			t.Errorf("gaps %+v, got %+v", gaps, got.Buyer)
		}
	})
}
