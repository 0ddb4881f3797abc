package history_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// topic refers to its own table, in each of the ways.
type topic struct {
	ID       uint
	Name     string `gorm:"size:40"`
	ParentID *uint
	Parent   *topic
	Children []topic `gorm:"foreignKey:ParentID"`
	Related  []topic `gorm:"many2many:topic_relations"`
}

// token and tokenUse have keys that databases keep in ways of their own, account a key
// that is hashed in the records, region one that foreign keys do not refer to.
type token struct {
	ID   uuid.UUID  `gorm:"type:char(36);primaryKey"`
	Uses []tokenUse `gorm:"foreignKey:TokenID"`
}

type tokenUse struct {
	ID      uint
	TokenID uuid.UUID `gorm:"type:char(36)"`
	Note    string    `gorm:"size:40"`
}

type account struct {
	Email  string    `gorm:"primaryKey;size:64" audit:"hash"`
	Logins []loginAt `gorm:"foreignKey:Login;references:Email"`
}

type loginAt struct {
	ID    uint
	Login string `gorm:"size:64"`
	Note  string `gorm:"size:40"`
}

type region struct {
	ID    uint
	Code  string `gorm:"size:10;uniqueIndex"`
	Towns []town `gorm:"foreignKey:RegionCode;references:Code"`
}

type town struct {
	ID         uint
	Name       string `gorm:"size:40"`
	RegionCode string `gorm:"size:10"`
	Region     region `gorm:"foreignKey:RegionCode;references:Code"`
}

func openShapes(t *testing.T, g testdb.Target, options ...testdb.Option) scene {
	t.Helper()
	options = append(options, testdb.WithGORM(func(c *gorm.Config) { c.DisableForeignKeyConstraintWhenMigrating = true }),
		migrated(&topic{}, &token{}, &tokenUse{}, &account{}, &loginAt{}, &region{}, &town{}), testdb.WithPlugin(auditplugin.WithHashKey(hashKey)))
	return scene{t, g.Open(t, options...), t.Context()}
}

// A table that refers to itself.
func TestWithOwnTable(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShapes(t, g)
		s.do("topics", func(db *gorm.DB) error {
			return db.Create(&[]topic{{ID: 1}, {ID: 2, ParentID: pointer(uint(1))}, {ID: 3, ParentID: pointer(uint(2))}, {ID: 4}}).Error
		})
		s.do("related", func(db *gorm.DB) error {
			return db.Model(&topic{ID: 2}).Omit("Related.*").Association("Related").Append(&topic{ID: 4})
		})
		was, err := history.Search(s.DB.DB).Newest().First(s.ctx)
		s.ok(err)
		for id, name := range []string{"", "top", "itself", "below", "beside"} {
			if name != "" {
				s.do(name, func(db *gorm.DB) error { return db.Model(&topic{ID: uint(id)}).Update("name", name).Error })
			}
		}
		s.do("moved", func(db *gorm.DB) error { return db.Model(&topic{ID: 3}).Update("parent_id", 1).Error })
		s.tells("all", history.Of(s.DB.DB, &topic{ID: 2}).With(clause.Associations),
			"Parent: create topic 1 (topics)", // made in the same transaction
			": create topic 2 (topics)",
			"Children: create topic 3 (topics)",
			"Related: added topic 4 of topic 2 (related)",
			"Parent: update topic 1 (top)",
			": update topic 2 (itself)",
			"Children: update topic 3 (below)",
			"Related: update topic 4 (beside)",
			"Children: update topic 3 (moved)")
		got := topic{ID: 2}
		s.ok(history.AsOf(s.ctx, s.DB.DB, &got, history.After(was), history.With("Parent.Children", "Children", "Related")))
		if got.Parent == nil || len(got.Parent.Children) != 1 || got.Parent.Children[0].ID != 2 || len(got.Children) != 1 || got.Children[0].Name != "" || len(got.Related) != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

// Keys of other kinds.
func TestWithKeys(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShapes(t, g)
		tok := token{ID: uuid.New(), Uses: []tokenUse{{ID: 1, Note: "a"}}}
		acc := account{Email: "hidden@example.test"}
		reg := region{ID: 1, Code: "no"}
		s.do("create", func(db *gorm.DB) error {
			return firstError(db.Create(&tok).Error, db.Create(&acc).Error, db.Create(&reg).Error,
				db.Create(&loginAt{ID: 1, Login: acc.Email}).Error, db.Omit("Region").Create(&town{ID: 1, RegionCode: "no", Name: "x"}).Error)
		})
		was, err := history.Search(s.DB.DB).Newest().First(s.ctx)
		s.ok(err)
		s.do("use", func(db *gorm.DB) error { return db.Delete(&tokenUse{ID: 1}).Error })
		s.do("login", func(db *gorm.DB) error { return db.Model(&loginAt{ID: 1}).Update("note", "x").Error })
		s.do("town", func(db *gorm.DB) error { return db.Delete(&town{ID: 1}).Error })
		s.do("code", func(db *gorm.DB) error { return db.Model(&reg).Update("code", "se").Error })
		s.do("another town", func(db *gorm.DB) error {
			return db.Omit("Region").Create(&town{ID: 2, RegionCode: "no", Name: "not there"}).Error
		})
		s.do("a town there", func(db *gorm.DB) error { return db.Omit("Region").Create(&town{ID: 3, RegionCode: "se"}).Error })
		s.tells("uuid", history.Of(s.DB.DB, &token{ID: tok.ID}).With("Uses").Action("delete"), "Uses: delete token_use 1 (use)")
		s.tells("hash", history.Of(s.DB.DB, &account{Email: acc.Email}).With("Logins").Action("update"), "Logins: update login_at 1 (login)")
		s.tells("no key", history.Of(s.DB.DB, &reg).With("Towns"),
			": create region 1 (create)", "Towns: create town 1 (create)", "Towns: delete town 1 (town)", ": update region 1 (code)", "Towns: create town 3 (a town there)")
		s.tells("no key, backwards", history.Of(s.DB.DB, &town{ID: 1}).With("Region"),
			": create town 1 (create)", ": delete town 1 (town)") // the region was made before the town, and renamed after it
		gotToken, gotRegion, gotTown := token{ID: tok.ID}, region{ID: 1}, town{ID: 1}
		s.ok(history.AsOf(s.ctx, s.DB.DB, &gotToken, history.After(was), history.With("Uses")))
		s.ok(history.AsOf(s.ctx, s.DB.DB, &gotRegion, history.After(was), history.With("Towns")))
		s.ok(history.AsOf(s.ctx, s.DB.DB, &gotTown, history.After(was), history.With("Region")))
		if len(gotToken.Uses) != 1 || gotToken.Uses[0].TokenID != tok.ID || len(gotRegion.Towns) != 1 || gotRegion.Towns[0].Name != "x" || gotTown.Region.Code != "no" {
			t.Errorf("got %+v, %+v, %+v", gotToken, gotRegion, gotTown)
		}
	})
}

func firstError(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// Records that are kept in another database, and one connection for all.
func TestWithElsewhere(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		audits := g.Open(t, testdb.WithoutPlugin())
		s := openShapes(t, g, testdb.WithMaxOpen(1), testdb.WithPlugin(auditplugin.WithEmitter(emitter.Table(emitter.On(audits.DB)))))
		s.do("topics", func(db *gorm.DB) error {
			return db.Create(&[]topic{{ID: 1}, {ID: 2, ParentID: pointer(uint(1))}}).Error
		})
		was, err := history.Search(s.DB.DB).In(audits.DB).Newest().First(s.ctx)
		s.ok(err)
		s.do("gone", func(db *gorm.DB) error { return db.Delete(&topic{ID: 2}).Error })
		s.tells("elsewhere", history.Of(s.DB.DB, &topic{ID: 1}).In(audits.DB).With("Children"),
			": create topic 1 (topics)", "Children: create topic 2 (topics)", "Children: delete topic 2 (gone)")
		got := topic{ID: 1}
		in := history.Asking(func(q history.Query) history.Query { return q.In(audits.DB) })
		s.ok(history.AsOf(s.ctx, s.DB.DB, &got, history.After(was), history.With("Children"), in))
		if fmt.Sprint(len(got.Children)) != "1" {
			t.Errorf("got %+v", got)
		}
		_, err = history.RevertTo(s.ctx, s.DB.DB, &got, history.After(was), history.With("Children"), in)
		s.ok(err)
		done, err := history.Erase(s.ctx, s.DB.DB, history.EraseOptions{
			Records: []history.Query{history.Of(s.DB.DB, &topic{ID: 1}).With("Children")}, Columns: []string{"name"},
		}, in)
		if err != nil || done.Records != 4 {
			t.Errorf("erased %+v, %v", done, err)
		}
	})
}
