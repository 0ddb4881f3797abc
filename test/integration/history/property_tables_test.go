package history_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"pgregory.net/rapid"
)

// Random histories of one model's rows in two tables, with the same keys: every row at
// every moment is asked for by table, and every operation undone by its records.
func TestHistoriesInTwoTables(t *testing.T) {
	tables := []string{"pairings", "pairings_2024"}
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, testdb.Before(func(db *gorm.DB) error {
			for _, name := range tables {
				if err := db.Session(&gorm.Session{NewDB: true}).Table(name).AutoMigrate(&pairing{}); err != nil {
					return err
				}
			}
			return nil
		}))
		ctx, plain := context.Background(), db.Plain(t)
		look := func(r *rapid.T) (all map[string]map[pairing]pairing, text string) {
			all = map[string]map[pairing]pairing{}
			for _, name := range tables {
				var rows []pairing
				if err := plain.Table(name).Order("a, b").Find(&rows).Error; err != nil {
					r.Fatalf("look: %v", err)
				}
				all[name] = map[pairing]pairing{}
				for _, row := range rows {
					all[name][pairing{A: row.A, B: row.B}] = row
				}
				text += fmt.Sprintf("%s %+v\n", name, rows)
			}
			return all, text
		}
		type moment struct {
			seq         int64
			transaction string
			rows        map[string]map[pairing]pairing
			text        string
		}
		rapid.Check(t, func(r *rapid.T) {
			for _, name := range append([]string{"audit_logs"}, tables...) {
				if _, err := db.Raw.Exec("DELETE FROM " + name); err != nil {
					r.Fatalf("clear: %v", err)
				}
			}
			note := func(transaction string) moment {
				m := moment{transaction: transaction}
				if err := db.Raw.QueryRow("SELECT COALESCE(MAX(seq), 0) FROM audit_logs").Scan(&m.seq); err != nil {
					r.Fatalf("note: %v", err)
				}
				m.rows, m.text = look(r)
				return m
			}
			moments := []moment{note("")}
			for range rapid.IntRange(1, 8).Draw(r, "operations") {
				table, d := among(r, "table", tables...), pairingDeed(r)
				before := moments[len(moments)-1].seq
				// Wrong operations, such as a second row with one key, are part of life.
				_ = db.Transaction(func(tx *gorm.DB) error { return d.do(tx.Table(table)) })
				m := note("")
				if m.seq > before {
					last, err := history.Search(db.DB).Newest().First(ctx)
					if err != nil || last.Table != table {
						r.Fatalf("%s in %s is recorded in %s, %v", d.code, table, last.Table, err)
					}
					m.transaction = last.TransactionID
				}
				moments = append(moments, m)
			}
			for _, m := range moments {
				for _, table := range tables {
					for _, key := range []pairing{{A: "x", B: 1}, {A: "y", B: 2}, {A: `"é`, B: 1}} {
						got := key
						err := history.AsOf(ctx, db.Table(table), &got, history.AtSeq(m.seq))
						want, existed := m.rows[table][key]
						if existed && (err != nil || got != want) || !existed && !errors.Is(err, history.ErrNotFound) {
							r.Fatalf("%+v of %s: %+v, %v; it was %+v (%v)", key, table, got, err, want, existed)
						}
					}
				}
			}
			for n := len(moments) - 1; n > 0; n-- {
				if moments[n].transaction == "" {
					continue
				}
				if _, err := history.RevertTransaction(ctx, db.DB, moments[n].transaction); err != nil {
					r.Fatalf("undoing %d: %v", n, err)
				}
				if _, text := look(r); text != moments[n-1].text {
					r.Fatalf("undoing %d: got\n%swas\n%s", n, text, moments[n-1].text)
				}
			}
		})
	})
}
