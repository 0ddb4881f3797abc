package plugin_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

type owner struct {
	ID      uint
	Name    string
	Secret  string         `audit:"mask"`
	Options map[string]any `gorm:"serializer:json"`
	Things  []thing        `gorm:"constraint:OnDelete:CASCADE"`
	Gone    gorm.DeletedAt
}

type thing struct {
	ID      uint
	OwnerID uint
	Name    string
}

// A table alone is written in a shorter way than one with others beside it. It must
// hold the same.
func TestTableAloneHoldsTheSame(t *testing.T) {
	boom := errors.New("boom")
	for name, do := range map[string]func(tx *gorm.DB) error{
		"create": func(tx *gorm.DB) error {
			return tx.Create([]owner{{ID: 7, Name: "a\xff\x00b", Secret: "x", Options: map[string]any{"password": "p", "n": 1}}, {ID: 8}}).Error
		},
		"update": func(tx *gorm.DB) error {
			return tx.Model(&owner{ID: 1}).Updates(map[string]any{"name": "new", "secret": "other", "options": `{"a":{"b":2}}`}).Error
		},
		"nothing":     func(tx *gorm.DB) error { return tx.Model(&owner{ID: 1}).Update("name", "first").Error },
		"many":        func(tx *gorm.DB) error { return tx.Model(&thing{}).Where("1=1").Update("name", "same").Error },
		"soft delete": func(tx *gorm.DB) error { return tx.Delete(&owner{ID: 1}).Error },
		"restore": func(tx *gorm.DB) error {
			if err := tx.Delete(&owner{ID: 1}).Error; err != nil {
				return err
			}
			return tx.Unscoped().Model(&owner{ID: 1}).Update("gone", nil).Error
		},
		"cascade": func(tx *gorm.DB) error { return tx.Unscoped().Delete(&owner{}, []uint{1, 2}).Error },
		"delete":  func(tx *gorm.DB) error { return tx.Delete(&thing{}, "id > 1000").Error },
		"raw":     func(tx *gorm.DB) error { return tx.Exec("UPDATE things SET name = 'raw' WHERE id < 5").Error },
		"skipped": func(tx *gorm.DB) error {
			return tx.WithContext(audit.Skip(tx.Statement.Context, "why not")).Model(&owner{ID: 1}).Update("name", "skipped").Error
		},
		"event": func(tx *gorm.DB) error {
			return auditplugin.Event(tx, audit.Record{RecordType: "sign-in", Message: "hello", Before: map[string]any{"x": "y"}, Cause: "this", SchemaVersion: 9})
		},
		"savepoint": func(tx *gorm.DB) error {
			err := tx.Transaction(func(inner *gorm.DB) error {
				for i := range 20 {
					if err := inner.Create(&thing{OwnerID: 1, Name: fmt.Sprint(i)}).Error; err != nil {
						return err
					}
				}
				return boom
			})
			if !errors.Is(err, boom) {
				return err
			}
			return tx.Create(&thing{ID: 5000, OwnerID: 2}).Error
		},
		"mixed": func(tx *gorm.DB) error {
			for i := range 5 {
				if err := tx.Create(&thing{ID: 6000 + uint(i), OwnerID: 1}).Error; err != nil {
					return err
				}
				ctx := audit.WithReason(tx.Statement.Context, fmt.Sprint("reason ", i/2))
				if err := tx.WithContext(ctx).Model(&thing{ID: uint(i) + 1}).Update("name", "mixed").Error; err != nil {
					return err
				}
			}
			return tx.Delete(&thing{ID: 6002}).Error
		},
	} {
		t.Run(name, func(t *testing.T) {
			var held [2]string
			for i, e := range []audit.Emitter{emitter.Table(), &spyTable{}} {
				db := openDB(t, &owner{}, &thing{})
				exec(t, db, "PRAGMA foreign_keys = ON")
				exec(t, db, "INSERT INTO owners (id, name, secret, options) VALUES (1, 'first', 's', '{\"a\":{\"b\":1}}'), (2, 'second', 's', NULL)")
				exec(t, db, "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i+1 FROM n WHERE i < 1500) INSERT INTO things SELECT i, 1 + i % 2, 'thing' || i FROM n")
				p := use(t, db, auditplugin.WithEmitter(e), auditplugin.WithBufferLimit(6), auditplugin.WithMaxValueBytes(64))
				ctx := audit.WithMetadata(audit.WithActor(t.Context(), audit.Actor{ID: "42", Name: "A\xffda"}), map[string]any{"k": []int{1}})
				ctx = audit.WithRequest(ctx, audit.Request{ID: "r", UserAgent: strings.Repeat("é", 600)})
				if err := db.WithContext(ctx).Transaction(do); err != nil {
					t.Fatal(err)
				}
				held[i] = contents(t, db) + fmt.Sprint(p.Stats())
			}
			if held[0] != held[1] {
				t.Errorf("alone the table holds\n%.3000s\nwant\n%.3000s", held[0], held[1])
			}
		})
	}
}

// contents is what the audit table holds, byte by byte, without what no two runs
// have in common. Records that are a cause are named by their order.
func contents(t *testing.T, db *gorm.DB) string {
	t.Helper()
	var b strings.Builder
	seen := map[string]string{}
	last := ""
	for _, row := range stored(t, db) {
		for _, v := range row {
			switch v.column {
			case "seq", "occurred_at", "source":
				continue
			case "transaction_id":
				v.String = fmt.Sprint(len(v.String))
			case "id":
				if v.String <= last {
					t.Errorf("id %s comes after %s", v.String, last)
				}
				last = v.String
				seen[v.String] = fmt.Sprint("record ", len(seen))
				continue
			case "cause":
				if n, ok := seen[v.String]; ok {
					v.String = n
				}
			}
			// Of a soft delete the time differs.
			fmt.Fprintf(&b, "%s=%v %.18q ", v.column, v.Valid, v.String)
			if !strings.Contains(v.String, `"gone":"2`) && !strings.Contains(v.String, `"to":"2`) && !strings.Contains(v.String, `"from":"2`) {
				b.WriteString(v.String)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
