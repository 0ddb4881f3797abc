package companion

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gorm.io/datatypes"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"github.com/gorm-audit/auditplugin/trigger"
)

// Hashed has columns that are hashed, and one whose kind can not be.
type Hashed struct {
	ID    uint
	Mail  *string        `audit:"hash" gorm:"size:300"`
	Ref   datatypes.UUID `audit:"hash"`
	Pin   int64          `audit:"hash" gorm:"column:door"`
	Share float64        `audit:"hash"`
}

// Triggers hash as the plugin does, with a key that nobody else can read.
func TestHashKeyTable(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, testdb.WithPlugin(auditplugin.WithCompanion(), auditplugin.WithHashKey([]byte(strings.Repeat("a key that is longer than a block ", 3)))))
		if err := db.AutoMigrate(&Hashed{}); err != nil {
			t.Fatal(err)
		}
		err := trigger.Install(db.DB, trigger.For(&Hashed{}), trigger.HashKeyTable())
		if g.Dialect == testdb.SQLite {
			if !errors.Is(err, trigger.ErrInvalid) {
				t.Errorf("SQLite, which can not hash: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if found, err := trigger.Check(t.Context(), db.DB, trigger.For(&Hashed{}), trigger.HashKeyTable()); err != nil || len(found) != 0 {
			t.Errorf("%v, %v", found, err)
		}
		statements, err := trigger.Generate(db.DB, trigger.For(&Hashed{}), trigger.HashKeyTable())
		if err != nil || strings.Contains(strings.Join(statements, " "), "a key that") {
			t.Errorf("the key is in the statements (%v)", err)
		}
		mail, other, id := "ada@example.com", "ü "+strings.Repeat("x", 290), datatypes.NewUUIDv4()
		ok(t, db.Create(&Hashed{ID: 1, Mail: &mail, Ref: id, Pin: -42, Share: 0.5}))
		ok(t, db.Model(&Hashed{ID: 1}).Updates(Hashed{Mail: &other, Pin: 7}))
		ok(t, db.Model(&Hashed{ID: 1}).Update("mail", nil))
		ok(t, db.Delete(&Hashed{ID: 1}))
		want := oracle.Trail(t, db.Raw, g.Dialect)
		exec(t, db.Raw, fmt.Sprintf("INSERT INTO hasheds (id, mail, ref, door, share) VALUES (1, '%s', '%s', -42, 0.5)", mail, id),
			fmt.Sprintf("UPDATE hasheds SET mail = '%s', door = 7", other), "UPDATE hasheds SET mail = NULL", "DELETE FROM hasheds")
		got := oracle.Trail(t, db.Raw, g.Dialect)[len(want):]
		if len(got) != len(want) {
			t.Fatalf("%d and %d records", len(got), len(want))
		}
		for i := range want {
			for _, image := range []map[string]any{want[i].Before, want[i].After} {
				if image["share"] != nil {
					image["share"] = "***" // no text that SQL could hash
				}
			}
			same(t, g.Dialect, want[i], got[i])
		}
		if !strings.HasPrefix(fmt.Sprint(got[0].After["mail"]), "hmac-sha256:") {
			t.Errorf("recorded is %v", got[0].After)
		}
		if g.Dialect == testdb.Postgres {
			onlyTheOwnerReads(t, db)
		}
	})
}

func onlyTheOwnerReads(t *testing.T, db *testdb.DB) {
	t.Helper()
	user := fmt.Sprintf("curious%d", rand.IntN(1e6))
	exec(t, db.Raw, "CREATE ROLE "+user+" LOGIN", "GRANT USAGE ON SCHEMA "+schemaOf(t, db)+" TO "+user, "GRANT ALL ON hasheds TO "+user)
	t.Cleanup(func() { exec(t, db.Raw, "DROP OWNED BY "+user, "DROP ROLE "+user) })
	conn, err := db.Raw.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	run := func(query string) (_ sql.Result, err error) { return conn.ExecContext(t.Context(), query) }
	if _, err := run("SET ROLE " + user); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"SELECT * FROM auditplugin_hash_key", "SELECT auditplugin_hash('', 'guess')"} {
		if _, err := run(query); err == nil {
			t.Errorf("another user may %s", query)
		}
	}
	if _, err := run("INSERT INTO hasheds (id, mail, ref, door, share) VALUES (2, 'a', '00000000-0000-7000-8000-000000000001', 1, 1)"); err != nil {
		t.Errorf("another user may not write: %v", err)
	}
	if _, err := run("RESET ROLE"); err != nil {
		t.Error(err)
	}
}
