package history_test

import (
	"errors"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// A row is found by the key that its records carry.
func TestQueryIdentity(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := open(t, g)
		db := s.DB.DB
		s.write(said(s.ctx, "north 7"), func(db *gorm.DB) *gorm.DB { return db.Create(&placed{Region: "north", Number: 7}) })
		s.write(said(s.ctx, "south 7"), func(db *gorm.DB) *gorm.DB { return db.Create(&placed{Region: "south", Number: 7}) })
		s.write(said(s.ctx, "gone"), func(db *gorm.DB) *gorm.DB { return db.Delete(&placed{Region: "north", Number: 7}) })
		s.matches("composite", history.Of(db, placed{Region: "north", Number: 7}), "north 7", "gone")
		s.matches("composite by table", history.OfTable(db, "placeds", "south", 7), "south 7")
		s.matches("part of the key is zero", history.Of(db, &placed{Region: "north"}))

		s.write(said(s.ctx, "hashed"), func(db *gorm.DB) *gorm.DB { return db.Create(&hashedKey{Email: "a@b.c"}) })
		s.matches("hashed key", history.Of(db, &hashedKey{Email: "a@b.c"}), "hashed")
		s.matches("hashed key, another", history.Of(db, &hashedKey{Email: "x@b.c"}))
		s.matches("hashed key by table", history.OfTable(db, "hashed_keys", "a@b.c"), "hashed")
		plain := s.Plain(t)
		if _, err := history.Of(plain, &hashedKey{Email: "a@b.c"}).Find(s.ctx); !errors.Is(err, history.ErrRedacted) {
			t.Errorf("hashed key without the plugin: %v", err)
		}
		s.matches("without the plugin", history.Of(plain, &placed{Region: "south", Number: 7}), "south 7")

		s.write(said(s.ctx, "sealed"), func(db *gorm.DB) *gorm.DB { return db.Create(&sealed{Secret: "s"}) })
		s.matches("masked key, by its pseudonym", history.Of(db, &sealed{Secret: "s"}), "sealed")
		if _, err := history.Of(plain, &sealed{Secret: "s"}).Find(s.ctx); !errors.Is(err, history.ErrRedacted) {
			t.Errorf("masked key without the plugin: %v", err)
		}

		p := person{Name: "Ada", Price: "1", Tags: []language{{Code: "en"}}}
		s.write(said(s.ctx, "tagged"), func(db *gorm.DB) *gorm.DB { return db.Create(&p) })
		s.matches("join row", history.OfTable(db, "person_languages", p.ID, p.Tags[0].ID), "tagged")
		s.matches("join rows", history.Search(db).Type("person_languages"), "tagged")
		s.matches("by model", history.Search(db).Model(&language{}), "tagged")
		if _, err := history.OfTable(db, "person_languages", p.ID).Find(s.ctx); !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("half a key: %v", err)
		}
		if _, err := history.OfTable(db, "person_languages").Find(s.ctx); !errors.Is(err, history.ErrNoKey) {
			t.Errorf("no key: %v", err)
		}
	})
}

// The table's own key counts, whatever the model says of its order.
func TestQueryKeyOrder(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := open(t, g)
		s.ok(s.DB.Migrator().DropTable(&placed{}))
		s.ok(s.DB.Exec("CREATE TABLE placeds (note varchar(191), number int NOT NULL, region varchar(64) NOT NULL, PRIMARY KEY (number, region))").Error)
		row := placed{Region: "north", Number: 7}
		s.write(said(s.ctx, "created"), func(db *gorm.DB) *gorm.DB { return db.Create(&row) })
		s.matches("by model", history.Of(s.DB.DB, &row), "created")
		s.matches("by table", history.OfTable(s.DB.DB, "placeds", 7, "north"), "created")
		s.ok(s.DB.Migrator().DropTable(&placed{}))
		s.matches("table gone", history.OfTable(s.DB.DB, "placeds", 7, "north"), "created")
	})
}
