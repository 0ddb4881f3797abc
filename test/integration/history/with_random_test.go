package history_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

var everything = []string{"Buyer.Rank", "Buyer.Notes", "Lines", "Slip", "Notes", "Tags", "Tracking.Seals", "Tracking.Marks"}

// loadShop loads an order as it is, with all that belongs to it, and reports whether
// there is one.
func (s scene) loadShop(id uint) (shopOrder, bool) {
	s.Helper()
	tx := s.DB.DB.Session(&gorm.Session{NewDB: true})
	for _, path := range everything {
		tx = tx.Preload(path)
	}
	var o shopOrder
	found := tx.Limit(1).Find(&o, id)
	s.ok(found.Error)
	return o, found.RowsAffected > 0
}

// inOrder writes an order with its lists sorted.
func inOrder(o shopOrder) string {
	slices.SortFunc(o.Lines, func(a, b shopLine) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(o.Notes, func(a, b *shopNote) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(o.Tags, func(a, b shopTag) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(o.Tracking, func(a, b shopParcel) int { return cmp.Compare(a.Box, b.Box) })
	for _, p := range o.Tracking {
		slices.SortFunc(p.Seals, func(a, b shopSeal) int { return cmp.Compare(a.Code, b.Code) })
		slices.SortFunc(p.Marks, func(a, b shopSealer) int { return cmp.Compare(a.No, b.No) })
	}
	if o.Buyer != nil {
		slices.SortFunc(o.Buyer.Notes, func(a, b shopNote) int { return cmp.Compare(a.ID, b.ID) })
	}
	text, err := json.MarshalIndent(o, "", " ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

// shopDeed changes something, or nothing if there is nothing to change.
func shopDeed(r *rand.Rand, db *gorm.DB) error {
	order, line, note, tag, buyer := uint(1+r.IntN(2)), uint(1+r.IntN(4)), uint(1+r.IntN(4)), uint(1+r.IntN(3)), uint(1+r.IntN(2))
	box, seal, rank := 1+r.IntN(2), string(rune('a'+r.IntN(3))), 1+r.IntN(2)
	word := fmt.Sprint("w", r.IntN(1000))
	here := func(model any) bool {
		var n int64
		return db.Session(&gorm.Session{NewDB: true}).Unscoped().Model(model).Where(model).Count(&n).Error == nil && n > 0
	}
	create := func(model, value any) error {
		if here(model) {
			return nil
		}
		return db.Omit("Buyer", "Rank").Create(value).Error
	}
	parcel, sealer := shopParcel{OrderNo: order, Box: box}, shopSealer{Firm: "x", No: rank}
	switch r.IntN(26) {
	case 0, 1:
		return create(&shopOrder{ID: order}, &shopOrder{ID: order, State: word, BuyerID: &buyer})
	case 2:
		return db.Model(&shopOrder{ID: order}).Update("state", word).Error
	case 3:
		return db.Model(&shopOrder{ID: order}).Update("buyer_id", buyer).Error
	case 4:
		return db.Model(&shopOrder{ID: order}).Update("buyer_id", nil).Error
	case 5:
		return db.Delete(&shopOrder{ID: order}).Error
	case 6:
		return create(&shopBuyer{ID: buyer}, &shopBuyer{ID: buyer, Name: word, RankID: rank})
	case 7:
		return db.Model(&shopBuyer{ID: buyer}).Updates(map[string]any{"name": word, "rank_id": rank}).Error
	case 8:
		return db.Delete(&shopBuyer{ID: buyer}).Error
	case 9:
		return create(&shopRank{ID: rank}, &shopRank{ID: rank, Name: word})
	case 10, 11:
		return create(&shopLine{ID: line}, &shopLine{ID: line, OrderID: order, Item: word})
	case 12:
		return db.Model(&shopLine{ID: line}).Updates(map[string]any{"order_id": order, "qty": r.IntN(9)}).Error
	case 13:
		return db.Delete(&shopLine{ID: line}).Error
	case 14:
		return db.Unscoped().Delete(&shopLine{ID: line}).Error
	case 15:
		return db.Unscoped().Model(&shopLine{ID: line}).Update("deleted_at", nil).Error
	case 16:
		return create(&shopNote{ID: note}, &shopNote{ID: note, OwnerID: order, OwnerType: "shop_orders", Text: word})
	case 17:
		kind := []string{"shop_orders", "shop_buyers"}[r.IntN(2)]
		return db.Model(&shopNote{ID: note}).Updates(map[string]any{"owner_id": order, "owner_type": kind}).Error
	case 18:
		return db.Delete(&shopNote{ID: note}).Error
	case 19:
		if !here(&shopOrder{ID: order}) {
			return nil
		}
		return db.Model(&shopOrder{ID: order}).Association("Tags").Append(&shopTag{ID: tag, Name: word})
	case 20:
		return db.Model(&shopOrder{ID: order}).Association("Tags").Delete(&shopTag{ID: tag})
	case 21:
		return create(&parcel, &parcel)
	case 22:
		if here(&parcel) {
			return db.Model(&parcel).Association("Marks").Append(&sealer)
		}
		return db.Model(&sealer).Update("name", word).Error
	case 23:
		return db.Delete(&parcel).Error
	case 24:
		return create(&shopSeal{Code: seal}, &shopSeal{Code: seal, OrderNo: &order, Box: &box})
	default:
		return db.Model(&shopSeal{Code: seal}).Updates(map[string]any{"order_no": order, "box": box, "intact": r.IntN(2) == 0}).Error
	}
}

type shopThen struct {
	order shopOrder
	there bool
	at    history.Moment
	time  time.Time
}

// playShop plays a random history and returns what both orders were after each step.
func playShop(s scene, seed uint64, steps int) (thens [3][]shopThen) {
	s.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	for range steps {
		s.do("deed", func(db *gorm.DB) error { return shopDeed(r, db) })
		last, err := history.Search(s.DB.DB).Newest().Limit(1).Find(s.ctx)
		s.ok(err)
		if len(last) == 0 {
			continue
		}
		now := time.Now()
		time.Sleep(10 * time.Microsecond)
		for id := uint(1); id <= 2; id++ {
			o, there := s.loadShop(id)
			thens[id] = append(thens[id], shopThen{o, there, history.After(last[0]), now})
		}
	}
	return thens
}

// seeds is how many histories are played: each takes seconds on a server.
func seeds(g testdb.Target) uint64 {
	if g.Dialect == testdb.SQLite {
		return 3
	}
	return 1
}

// Every order at every moment, with all that belonged to it, is what GORM's Preload
// had loaded then.
func TestAsOfWithIsWhatPreloadHadLoaded(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for seed := range seeds(g) {
			s := openShop(t, g)
			seen := 0
			for id, thens := range playShop(s, seed, 80) {
				for n, then := range thens {
					if g.Dialect != testdb.SQLite && n%3 > 0 {
						continue
					}
					moments := []history.Moment{then.at}
					if n%4 == 0 {
						moments = append(moments, history.At(then.time))
					}
					for _, at := range moments {
						got := shopOrder{ID: uint(id)}
						err := history.AsOf(s.ctx, s.DB.DB, &got, at, history.With(everything...))
						if !then.there {
							if err == nil {
								t.Fatalf("seed %d, step %d: order %d did not exist, and is\n%s", seed, n, id, inOrder(got))
							}
							continue
						}
						s.ok(err)
						seen++
						if is, was := inOrder(got), inOrder(then.order); is != was {
							t.Fatalf("seed %d, step %d: order %d is\n%s\nand was\n%s", seed, n, id, is, was)
						}
					}
				}
			}
			if seen < 15 {
				t.Errorf("seed %d: only %d orders", seed, seen)
			}
		}
	})
}

// Whatever happened since, all that belonged to an order can be had back, and a dry
// run says what is done and does none of it.
func TestRevertToWithHasAllOfItBack(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		for seed := range seeds(g) {
			s := openShop(t, g)
			thens := playShop(s, seed+10, 70)
			r := rand.New(rand.NewPCG(seed, 3))
			for range 2 + 2*seeds(g) {
				id := uint(1 + r.IntN(2))
				then := thens[id][r.IntN(len(thens[id]))]
				now, _ := s.loadShop(id)
				model := shopOrder{ID: id}
				dry, err := history.RevertTo(s.ctx, s.DB.DB, &model, then.at, history.With(everything...), history.DryRun(), history.Models(shopModels()...))
				s.ok(err)
				if same, _ := s.loadShop(id); inOrder(same) != inOrder(now) {
					t.Fatalf("a dry run changed\n%s\nto\n%s", inOrder(now), inOrder(same))
				}
				done, err := history.RevertTo(s.ctx, s.DB.DB, &model, then.at, history.With(everything...), history.Models(shopModels()...))
				s.ok(err)
				if fmt.Sprint(steps(dry)) != fmt.Sprint(steps(done)) {
					t.Errorf("planned %q\ndone    %q", steps(dry), steps(done))
				}
				got, there := s.loadShop(id)
				dangling(&got, then.order)
				if there != then.there || inOrder(got) != inOrder(then.order) {
					t.Fatalf("seed %d: order %d is\n%s\nand was\n%s\ndone %q", seed, id, inOrder(got), inOrder(then.order), steps(done))
				}
				again, err := history.RevertTo(s.ctx, s.DB.DB, &model, then.at, history.With(everything...), history.Models(shopModels()...))
				s.ok(err)
				for _, step := range again.Steps {
					if step.Action != "" {
						t.Fatalf("there was still something to do: %+v", step)
					}
				}
			}
		}
	})
}

// dangling forgets rows that an order refers to and that did not exist then: they are
// not the order's to delete.
func dangling(got *shopOrder, then shopOrder) {
	switch {
	case then.Buyer == nil:
		got.Buyer = nil
	case then.Buyer.Rank.ID == 0 && got.Buyer != nil:
		got.Buyer.Rank = shopRank{}
	}
}

func steps(done history.Reverted) (all []string) {
	for _, step := range done.Steps {
		all = append(all, fmt.Sprint(step.Association, ": ", step.Action, " ", step.Table, " ", step.RecordID, " ", step.Changes))
	}
	return all
}
