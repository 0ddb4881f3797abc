package history_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// shopOrder has an association of every kind.
type shopOrder struct {
	ID       uint
	State    string       `gorm:"size:40"`
	BuyerID  *uint        `gorm:"index"`
	Buyer    *shopBuyer   // belongs to
	Lines    []shopLine   `gorm:"foreignKey:OrderID"` // has many, soft deleted
	Slip     shopSlip     `gorm:"foreignKey:OrderID"` // has one
	Notes    []*shopNote  `gorm:"polymorphic:Owner"`
	Tags     []shopTag    `gorm:"many2many:shop_order_tags"`
	Secret   *string      `gorm:"size:40" audit:"mask"`
	Tracking []shopParcel `gorm:"foreignKey:OrderNo;references:ID"`
}

type shopBuyer struct {
	ID     uint
	Name   string     `gorm:"size:40"`
	Card   *string    `gorm:"size:40" audit:"mask"`
	Notes  []shopNote `gorm:"polymorphic:Owner"`
	RankID int
	Rank   shopRank
}

type shopRank struct {
	ID   int    `gorm:"primaryKey;autoIncrement:false"`
	Name string `gorm:"size:40"`
}

type shopLine struct {
	ID        uint
	OrderID   uint   `gorm:"index"`
	Item      string `gorm:"size:40"`
	Qty       int
	DeletedAt gorm.DeletedAt
}

type shopSlip struct {
	ID      uint
	OrderID *uint  `gorm:"index"`
	Text    string `gorm:"size:40"`
}

type shopNote struct {
	ID        uint
	OwnerID   uint
	OwnerType string `gorm:"size:40"`
	Text      string `gorm:"size:40"`
}

type shopTag struct {
	ID   uint
	Name string `gorm:"size:40"`
}

// shopParcel has a composite key, of which the foreign key is a part.
type shopParcel struct {
	OrderNo uint         `gorm:"primaryKey;autoIncrement:false"`
	Box     int          `gorm:"primaryKey;autoIncrement:false"`
	Weight  int          //
	Seals   []shopSeal   `gorm:"foreignKey:OrderNo,Box;references:OrderNo,Box"`
	Marks   []shopSealer `gorm:"many2many:shop_parcel_sealers"`
}

type shopSeal struct {
	Code    string `gorm:"primaryKey;size:20"`
	OrderNo *uint
	Box     *int
	Intact  bool
}

type shopSealer struct {
	Firm string `gorm:"primaryKey;size:20"`
	No   int    `gorm:"primaryKey;autoIncrement:false"`
	Name string `gorm:"size:40"`
}

func shopModels() []any {
	return []any{
		&shopRank{}, &shopBuyer{}, &shopOrder{}, &shopLine{}, &shopSlip{}, &shopNote{}, &shopTag{}, &shopParcel{}, &shopSeal{}, &shopSealer{},
	}
}

// openShop opens a database without foreign keys, so that rows can be orphans.
func openShop(t *testing.T, g testdb.Target, options ...testdb.Option) scene {
	t.Helper()
	options = append(options, testdb.WithGORM(func(c *gorm.Config) { c.DisableForeignKeyConstraintWhenMigrating = true }),
		migrated(shopModels()...), testdb.WithPlugin(auditplugin.WithHashKey(hashKey)))
	return scene{t, g.Open(t, options...), t.Context()}
}

// do writes with a message.
func (s scene) do(message string, f func(db *gorm.DB) error) {
	s.Helper()
	ctx := audit.WithActor(said(s.ctx, message), audit.Actor{ID: "7", Name: "Grace"})
	if err := f(s.DB.DB.WithContext(ctx)); err != nil {
		s.Fatalf("%s: %v", message, err)
	}
}

// toldAs lists entries as association, what was done to which row, and the message.
func toldAs(entries []history.Entry) string {
	var lines []string
	for _, e := range entries {
		what := fmt.Sprint(e.Action, " ", e.RecordType, " ", e.RecordID)
		if l := e.Link; l != nil {
			verb := map[bool]string{true: "added", false: "removed"}[l.Added]
			what = fmt.Sprint(verb, " ", l.Type, " ", l.ID, " of ", l.OwnerType, " ", l.OwnerID)
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s: %s (%s)", e.Association, what, e.Message)))
	}
	return strings.Join(lines, "\n")
}

func (s scene) tells(name string, q history.Query, want ...string) {
	s.Helper()
	entries, err := q.Timeline(s.ctx)
	if err != nil {
		s.Errorf("%s: %v", name, err)
		return
	}
	if got := toldAs(entries); got != strings.Join(want, "\n") {
		s.Errorf("%s: told\n%s\nwant\n%s", name, got, strings.Join(want, "\n"))
	}
	n, err := q.Count(s.ctx)
	records, _ := q.Limit(0).Find(s.ctx)
	if err != nil || n != int64(len(records)) {
		s.Errorf("%s: counted %d of %d, %v", name, n, len(records), err)
	}
}
