package history_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"pgregory.net/rapid"
)

// deed is an operation of a history, in a transaction of its own.
type deed struct {
	code  string
	do    func(tx *gorm.DB) error
	moves []move
	// several changes are made.
	several bool
}

// move is a row whose key changes, by name.
type move struct{ from, to string }

// GoString makes rapid print it.
func (d deed) GoString() string { return d.code }

func drawDeed(t *rapid.T) deed {
	d := drawOne(t)
	if rapid.IntRange(0, 5).Draw(t, "more") > 0 {
		return d
	}
	// Two changes in one transaction; keys keep still, or nobody could follow.
	e := drawOne(t)
	if len(d.moves)+len(e.moves) > 0 {
		return d
	}
	return deed{several: true, code: d.code + "; " + e.code, do: func(tx *gorm.DB) error {
		if err := d.do(tx); err != nil {
			return err
		}
		return e.do(tx)
	}}
}

func drawOne(t *rapid.T) deed {
	switch rapid.IntRange(0, 17).Draw(t, "deed") {
	case 13, 14, 15:
		return shelfDeed(t)
	case 0, 1:
		c := drawCargo(t)
		return deed{code: fmt.Sprintf("Create(%+v)", c), do: func(tx *gorm.DB) error { return tx.Create(&c).Error }}
	case 2, 3, 4:
		return updateCargo(t)
	case 5:
		c := drawCargo(t)
		return deed{code: fmt.Sprintf("Save(%+v)", c), do: func(tx *gorm.DB) error { return tx.Save(&c).Error }}
	case 6:
		return removeCargo(t)
	case 7, 8:
		return pairingDeed(t)
	case 9:
		return movePairing(t)
	case 10, 11:
		return bossDeed(t)
	case 12:
		from, to := drawCode(t), drawCode(t)
		return deed{
			code:  fmt.Sprintf("boss %s becomes %s", from, to),
			moves: []move{{"boss " + from, "boss " + to}},
			do:    func(tx *gorm.DB) error { return tx.Model(&boss{Code: from}).Update("code", to).Error },
		}
	default:
		return workerDeed(t)
	}
}

func among[T any](t *rapid.T, name string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, name)
}

func drawName(t *rapid.T) string {
	return among(t, "text", "", "a", "it's", "ünï 😀", "12", "true", `{"a":1}`, "nul\\l ", "2026-01-02")
}

func drawCode(t *rapid.T) string { return among(t, "code", "no", "se", "fi") }

func drawID(t *rapid.T) uint { return among[uint](t, "id", 1, 2, 3) }

func drawTime(t *rapid.T) time.Time {
	return among(t, "time", time.Date(2024, 1, 2, 3, 4, 5, 123456000, time.UTC), time.Date(1999, 12, 31, 23, 59, 59, 0, time.FixedZone("", 7200)))
}

// cells are the columns of a cargo with a value each, as a map update sends them.
func drawCells(t *rapid.T) map[string]any {
	m := map[string]any{}
	note, due := drawName(t), drawTime(t)
	for name, value := range map[string]any{
		"name": drawName(t), "qty": among(t, "qty", 0, 1, -5, 1<<40), "wide": among[uint64](t, "wide", 0, 7, 1<<62),
		"price": among(t, "price", 0, 0.1, -2.5, 1e10, 1.0/3), "small": among[float32](t, "small", 0, 0.1, 3.25), "active": among(t, "active", true, false),
		"note": among(t, "note", &note, nil), "bin": among(t, "bin", nil, []byte{}, []byte("YWJj"), []byte{0, 0xff, '\n'}),
		"tags": among(t, "tags", `["a","b"]`, `[]`), "extra": among(t, "extra", `{"a":{"b":[1,2.5,"x",null]}}`, `{}`),
		"mark": uuid.UUID{15: among[byte](t, "mark", 0, 1, 2)}, "due": among(t, "due", &due, nil),
		"day": time.Date(2024, 2, among(t, "day", 1, 29), 0, 0, 0, 0, time.UTC),
	} {
		if rapid.IntRange(0, 3).Draw(t, "has "+name) == 0 {
			m[name] = value
		}
	}
	return m
}

func drawCargo(t *rapid.T) cargo {
	c := cargo{
		ID: drawID(t), Name: drawName(t), Qty: among(t, "qty", 0, 3), Price: among(t, "price", 0, 0.1), Small: among[float32](t, "small", 0, 0.1),
		Active: among(t, "active", true, false), Tags: among(t, "tags", nil, []string{"x"}), Bin: among(t, "bin", nil, []byte{0, 1}),
		Day: time.Date(2024, 2, among(t, "day", 1, 29), 0, 0, 0, 0, time.UTC), CreatedAt: drawTime(t),
	}
	if among(t, "extra", true, false) {
		c.Extra = map[string]any{"k": []any{1.5, "v", nil, true}}
	}
	if among(t, "due", true, false) {
		due := drawTime(t)
		c.Due = &due
	}
	return c
}

func updateCargo(t *rapid.T) deed {
	id, m := drawID(t), drawCells(t)
	all := rapid.IntRange(0, 4).Draw(t, "all") == 0
	return deed{code: fmt.Sprintf("update cargo %d (all: %v): %v", id, all, m), do: func(tx *gorm.DB) error {
		if all {
			return tx.Model(&cargo{}).Where("1 = 1").Updates(m).Error
		}
		return tx.Model(&cargo{ID: id}).Updates(m).Error
	}}
}

func removeCargo(t *rapid.T) deed {
	id := drawID(t)
	how := among(t, "how", "soft", "hard", "restore")
	return deed{code: how + fmt.Sprint(" ", id), do: func(tx *gorm.DB) error {
		switch how {
		case "soft":
			return tx.Delete(&cargo{ID: id}).Error
		case "hard":
			return tx.Unscoped().Delete(&cargo{ID: id}).Error
		}
		return tx.Unscoped().Model(&cargo{ID: id}).Update("deleted_at", nil).Error
	}}
}

func drawPairing(t *rapid.T) pairing {
	return pairing{A: among(t, "a", "x", "y", `"é`), B: among(t, "b", 1, 2), Val: drawName(t), N: among(t, "n", 0, 1)}
}

func pairingDeed(t *rapid.T) deed {
	p := drawPairing(t)
	how := among(t, "how", "create", "upsert", "update", "delete")
	return deed{code: fmt.Sprintf("%s %+v", how, p), do: func(tx *gorm.DB) error {
		switch how {
		case "create":
			return tx.Create(&p).Error
		case "upsert":
			return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&p).Error
		case "update":
			return tx.Model(&pairing{A: p.A, B: p.B}).Updates(map[string]any{"val": p.Val, "n": gorm.Expr("n + 1")}).Error
		}
		return tx.Delete(&pairing{A: p.A, B: p.B}).Error
	}}
}

func movePairing(t *rapid.T) deed {
	from, to := drawPairing(t), drawPairing(t)
	columns := map[string]any{"a": to.A, "val": to.Val}
	name := fmt.Sprint("pairing ", to.A, from.B)
	if among(t, "both", true, false) {
		columns["b"] = to.B
		name = fmt.Sprint("pairing ", to.A, to.B)
	}
	return deed{
		code:  fmt.Sprintf("pairing %s %d becomes %v", from.A, from.B, columns),
		moves: []move{{fmt.Sprint("pairing ", from.A, from.B), name}},
		do: func(tx *gorm.DB) error {
			return tx.Model(&pairing{}).Where("a = ? AND b = ?", from.A, from.B).Updates(columns).Error
		},
	}
}

func bossDeed(t *rapid.T) deed {
	b := boss{Code: drawCode(t), Title: drawName(t)}
	for range rapid.IntRange(0, 2).Draw(t, "workers") {
		b.Workers = append(b.Workers, worker{ID: drawID(t), Name: drawName(t)})
	}
	how := among(t, "how", "create", "update", "delete")
	return deed{code: fmt.Sprintf("%s %+v", how, b), do: func(tx *gorm.DB) error {
		switch how {
		case "create":
			return tx.Create(&b).Error
		case "update":
			return tx.Model(&boss{Code: b.Code}).Update("title", b.Title).Error
		}
		return tx.Delete(&boss{Code: b.Code}).Error
	}}
}

func workerDeed(t *rapid.T) deed {
	w := worker{ID: drawID(t), Name: drawName(t)}
	if code := among(t, "boss", "", "no", "se"); code != "" {
		w.BossCode = &code
	}
	how := among(t, "how", "create", "save", "delete")
	return deed{code: strings.TrimSpace(fmt.Sprintf("%s %+v", how, w)), do: func(tx *gorm.DB) error {
		switch how {
		case "create":
			return tx.Create(&w).Error
		case "save":
			return tx.Save(&w).Error
		}
		return tx.Delete(&worker{ID: w.ID}).Error
	}}
}

func shelfDeed(t *rapid.T) deed {
	var rows []shelf
	for range rapid.IntRange(1, 3).Draw(t, "shelves") {
		h := shelf{ID: drawID(t), Name: drawName(t)}
		if parent := among[uint](t, "parent", 0, 1, 2, 3); parent > 0 {
			h.ParentID = &parent
		}
		rows = append(rows, h)
	}
	how := among(t, "how", "create", "update", "move", "delete", "clear")
	return deed{several: how == "clear", code: fmt.Sprintf("%s %+v", how, rows), do: func(tx *gorm.DB) error {
		ids := make([]uint, len(rows))
		for i, h := range rows {
			ids[i] = h.ID
		}
		switch how {
		case "create":
			return tx.Create(&rows).Error
		case "update":
			return tx.Model(&shelf{}).Where("id IN ?", ids).Updates(map[string]any{"checked": rows[0].Name, "name": "n"}).Error
		case "move":
			return tx.Model(&shelf{ID: rows[0].ID}).Update("parent_id", rows[0].ParentID).Error
		case "clear":
			if err := tx.Model(&shelf{}).Where("parent_id IS NOT NULL").Update("parent_id", nil).Error; err != nil {
				return err
			}
			return tx.Where("id > 0").Delete(&shelf{}).Error
		}
		return tx.Where("id IN ?", ids).Delete(&shelf{}).Error
	}}
}
