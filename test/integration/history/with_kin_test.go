package history_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// kinOf asks the tables which rows belong to an order now, soft-deleted ones included,
// as records name them.
func (s scene) kinOf(id uint) map[string]bool {
	s.Helper()
	kin := map[string]bool{}
	find := func(table, format string, columns int, query string, args ...any) (found [][]any) {
		rows, err := s.DB.DB.Session(&gorm.Session{NewDB: true}).Raw(query, args...).Rows()
		s.ok(err)
		defer rows.Close()
		for rows.Next() {
			vals := make([]any, columns)
			into := make([]any, columns)
			for i := range vals {
				into[i] = &vals[i]
			}
			s.ok(rows.Scan(into...))
			for i, v := range vals {
				if b, ok := v.([]byte); ok {
					vals[i] = string(b)
				}
			}
			kin[table+" "+fmt.Sprintf(format, vals...)] = true
			found = append(found, vals)
		}
		s.ok(rows.Err())
		return found
	}
	kin[fmt.Sprint("shop_orders ", id)] = true
	find("shop_lines", "%v", 1, "SELECT id FROM shop_lines WHERE order_id = ?", id)
	find("shop_slips", "%v", 1, "SELECT id FROM shop_slips WHERE order_id = ?", id)
	find("shop_notes", "%v", 1, "SELECT id FROM shop_notes WHERE owner_type = 'shop_orders' AND owner_id = ?", id)
	find("shop_tags", "%v", 1, "SELECT shop_tag_id FROM shop_order_tags WHERE shop_order_id = ?", id)
	find("shop_order_tags", `["%v","%v"]`, 2, "SELECT shop_order_id, shop_tag_id FROM shop_order_tags WHERE shop_order_id = ?", id)
	find("shop_parcels", `["%v","%v"]`, 2, "SELECT order_no, box FROM shop_parcels WHERE order_no = ?", id)
	find("shop_seals", "%v", 1, "SELECT code FROM shop_seals s JOIN shop_parcels p ON p.order_no = s.order_no AND p.box = s.box WHERE p.order_no = ?", id)
	const marks = " FROM shop_parcel_sealers m JOIN shop_parcels p ON p.order_no = m.shop_parcel_order_no AND p.box = m.shop_parcel_box WHERE p.order_no = ?"
	find("shop_parcel_sealers", `["%v","%v","%v","%v"]`, 4, "SELECT m.shop_parcel_order_no, m.shop_parcel_box, m.shop_sealer_firm, m.shop_sealer_no"+marks, id)
	find("shop_sealers", `["%v","%v"]`, 2, "SELECT m.shop_sealer_firm, m.shop_sealer_no"+marks, id)
	for _, buyer := range find("shop_buyers", "%v", 1, "SELECT buyer_id FROM shop_orders WHERE buyer_id IS NOT NULL AND id = ?", id) {
		find("shop_ranks", "%v", 1, "SELECT rank_id FROM shop_buyers WHERE id = ?", buyer[0])
		find("shop_notes", "%v", 1, "SELECT id FROM shop_notes WHERE owner_type = 'shop_buyers' AND owner_id = ?", buyer[0])
	}
	return kin
}

// A timeline has exactly the records of the rows that belonged right before or right
// after their transaction.
func TestWithFindsExactlyWhatBelonged(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for seed := range seeds(g) {
			s := openShop(t, g)
			r := rand.New(rand.NewPCG(seed, 2))
			var want [3][]string
			var before [3]map[string]bool
			last := int64(0)
			for range 120 {
				s.do("deed", func(db *gorm.DB) error { return shopDeed(r, db) })
				records, err := history.Search(s.DB.DB).Scopes(func(db *gorm.DB) *gorm.DB { return db.Where("seq > ?", last) }).Find(s.ctx)
				s.ok(err)
				for id := uint(1); id <= 2; id++ {
					after := s.kinOf(id)
					for _, rec := range records {
						row := rec.Table + " " + rec.RecordID
						if after[row] || before[id][row] {
							want[id] = append(want[id], named(rec))
						}
						last = max(last, rec.Seq)
					}
					before[id] = after
				}
			}
			for id := uint(1); id <= 2; id++ {
				q := history.Of(s.DB.DB, &shopOrder{ID: id}).With(everything...)
				var got []string
				for rec, err := range q.All(s.ctx) {
					s.ok(err)
					got = append(got, named(rec))
				}
				if fmt.Sprint(got) != fmt.Sprint(want[id]) || len(got) < 10 {
					t.Fatalf("seed %d, order %d: found\n%q\nwant\n%q", seed, id, got, want[id])
				}
			}
		}
	})
}

func named(r audit.Record) string {
	return fmt.Sprint(r.Seq, " ", r.Action, " ", r.Table, " ", r.RecordID)
}
