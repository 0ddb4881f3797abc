package plugin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
)

type vaultItem struct {
	Email string `gorm:"primaryKey" audit:"hash"`
	Slot  int    `gorm:"primaryKey;autoIncrement:false"`
	Word  string `audit:"mask"`
}

// How records name a row is told by the plugin as the records do.
func TestLookup(t *testing.T) {
	db := openDB(t, &user{}, &vaultItem{})
	memory := emitter.Memory()
	p := use(t, db, auditplugin.WithEmitter(memory, emitter.Table(emitter.Name("trail"))), auditplugin.WithHashKey([]byte(hashKey)))
	if got := p.AuditTable(); got != "main.trail" {
		t.Errorf("audit table %q", got)
	}
	ctx := context.Background()
	for _, table := range []string{"vault_items", "main.vault_items"} {
		names, types, err := p.KeyColumns(ctx, db, nil, table)
		if err != nil || !slices.Equal(names, []string{"email", "slot"}) || !slices.Equal(types, []string{"TEXT", "INTEGER"}) {
			t.Errorf("key of %s: %v %v, %v", table, names, types, err)
		}
	}
	if names, _, err := p.KeyColumns(ctx, db, nil, "nowhere"); err != nil || len(names) != 0 {
		t.Errorf("key of no table: %v, %v", names, err)
	}
	// Inside a transaction its connection is asked: the table is not there yet
	// for anybody else.
	err := db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec("CREATE TABLE fresh (b text, a text NOT NULL, PRIMARY KEY (a))").Error; err != nil {
			return err
		}
		names, _, err := p.KeyColumns(ctx, tx, nil, "fresh")
		if !slices.Equal(names, []string{"a"}) {
			t.Errorf("key of a table of this transaction: %v", names)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}

	if err := db.Create(&vaultItem{Email: "a@b.c", Slot: 1, Word: "w"}).Error; err != nil {
		t.Fatal(err)
	}
	after := memory.Records()[0].After
	s := parsed(t, db, &vaultItem{})
	for column, value := range map[string]any{"email": "a@b.c", "slot": int64(1), "word": "w"} {
		for name, s := range map[string]*schema.Schema{"model": s, "seen": nil} {
			if got, err := p.Shown(s, "vault_items", column, value); err != nil || got != after[column] {
				t.Errorf("%s of %s: %v, %v; recorded %v", column, name, got, err, after[column])
			}
		}
	}
}

func parsed(t *testing.T, db *gorm.DB, model any) *schema.Schema {
	t.Helper()
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(model); err != nil {
		t.Fatal(err)
	}
	return stmt.Schema
}

func TestLookupWithoutTableOrPlugin(t *testing.T) {
	db := openDB(t, &vaultItem{})
	if got := use(t, db, auditplugin.WithEmitter(emitter.Memory())).AuditTable(); got != "" {
		t.Errorf("audit table %q without one", got)
	}
	off := auditplugin.New(auditplugin.WithEnabled(false))
	if err := openDB(t, &vaultItem{}).Use(off); err != nil {
		t.Fatal(err)
	}
	if names, _, err := off.KeyColumns(context.Background(), db, nil, "vault_items"); err != nil || names != nil {
		t.Errorf("turned off: %v, %v", names, err)
	}
	s := parsed(t, db, &vaultItem{})
	if _, err := off.Shown(s, "vault_items", "email", "x"); !errors.Is(err, auditplugin.ErrHashKey) {
		t.Errorf("turned off, without the key: %v", err)
	}
	off = auditplugin.New(auditplugin.WithEnabled(false), auditplugin.WithHashKey([]byte(hashKey)))
	if v, err := off.Shown(s, "vault_items", "email", "x"); err != nil || !strings.HasPrefix(v.(string), "hmac-sha256:") {
		t.Errorf("turned off: %v, %v", v, err)
	}
	if v, err := off.Shown(nil, "vault_items", "password", "x"); err != nil || v != "***" {
		t.Errorf("turned off, without the model: %v, %v", v, err)
	}
}
