package integration

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/datatypes"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Keyring is embedded: tags hold there, too.
type Keyring struct {
	Spare string `gorm:"size:60" audit:"mask"`
}

// Inner is inside a JSON document.
type Inner struct {
	Word  string `json:"word" audit:"mask"`
	Open  string `json:"open"`
	Gone  string `json:"gone" audit:"-"`
	Token string `json:"token"`
}

// Vault has a secret of every kind. All of them contain the word leak.
type Vault struct {
	ID       uint
	Hidden   string             `gorm:"size:60" audit:"-"`
	Masked   string             `gorm:"size:60" audit:"mask"`
	Partly   string             `gorm:"size:60" audit:"mask=4"`
	Hashed   string             `gorm:"size:60" audit:"hash"`
	Password string             `gorm:"size:60"`
	Secret   string             `gorm:"size:60" audit:"show"`
	Keyring  Keyring            `gorm:"embedded;embeddedPrefix:ring_"`
	Doc      map[string][]Inner `gorm:"serializer:json"`
	Free     datatypes.JSON
	Visible  string `gorm:"size:60"`
}

func vault(n int) Vault {
	v := fmt.Sprint("leak", n)
	return Vault{
		Hidden: v, Masked: v, Partly: "leak-leak-leak-1234", Hashed: v, Password: v, Secret: "shown", Keyring: Keyring{Spare: v},
		Doc:     map[string][]Inner{"k": {{Word: v, Open: "open", Gone: v, Token: v}}},
		Free:    datatypes.JSON(`{"api_key": "` + v + `", "list": [{"password": "` + v + `"}]}`),
		Visible: "visible",
	}
}

func TestSecrets(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		var lines, warnings bytes.Buffer
		sc := scene{models: []any{&Vault{}}, oracle: []oracle.Option{
			oracle.Ignored("vaults.hidden"),
			oracle.Redacted("vaults.masked", "vaults.partly", "vaults.hashed", "vaults.password", "vaults.ring_spare", "vaults.doc", "vaults.free"),
		}}
		s := sc.open(t, g, testdb.WithPlugin(
			auditplugin.WithHashKey([]byte("0123456789abcdef")),
			auditplugin.WithEmitter(emitter.Slog(slog.New(slog.NewJSONHandler(&lines, nil)))),
			auditplugin.WithLogger(slog.New(slog.NewJSONHandler(&warnings, nil))),
		))
		first, second := vault(1), vault(2)
		s.ok(s.db.Create(&first))
		s.ok(s.db.Model(&first).Updates(second))
		s.ok(s.db.Model(&first).UpdateColumn("hidden", "leak3"))
		s.ok(s.db.Model(&first).UpdateColumns(map[string]any{"masked": "leak4", "visible": "changed"}))
		up := vault(5)
		up.ID = first.ID
		s.ok(s.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&up))
		s.ok(s.db.Exec("UPDATE vaults SET masked = 'leak6', hashed = ? WHERE password = 'leak5'", "leak7"))
		if _, err := s.db.Raw.Exec("DELETE FROM oracle_changes WHERE n = (SELECT m FROM (SELECT MAX(n) AS m FROM oracle_changes) AS x)"); err != nil {
			t.Fatal(err) // the raw write is not judged by row
		}
		s.ok(s.db.Delete(&Vault{ID: first.ID}))

		announced, err := json.Marshal(s.db.Announced.Records())
		s.try(err)
		table := dump(s)
		for where, text := range map[string]string{"table": table, "log": lines.String(), "warnings": warnings.String(), "announced": string(announced)} {
			if at := strings.Index(text, "leak"); at >= 0 {
				t.Errorf("a secret is in the %s: …%s…", where, text[max(0, at-80):min(len(text), at+60)])
			}
		}
		for _, want := range []string{"shown", "visible", "1234", "hmac-sha256:", "***", "open"} {
			if !strings.Contains(table, want) {
				t.Errorf("the table does not show %q", want)
			}
		}
		s.expect("1 create vaults", "3 update vaults", "1 raw vaults", "1 delete vaults")
		s.judge()
	})
}

// dump is all of the audit table as text.
func dump(s *stage) string {
	s.Helper()
	rows, err := s.db.Raw.Query("SELECT * FROM audit_logs ORDER BY seq")
	s.try(err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	s.try(err)
	var text strings.Builder
	for rows.Next() {
		values := make([]sql.RawBytes, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		s.try(rows.Scan(into...))
		for i, v := range values {
			fmt.Fprintf(&text, "%s=%s\n", columns[i], v)
		}
	}
	s.try(rows.Err())
	return text.String()
}

// Badge has a secret for a key.
type Badge struct {
	Code  string `gorm:"primaryKey;size:60" audit:"mask"`
	Owner string `gorm:"size:60"`
}

func TestSecretKey(t *testing.T) {
	scene{models: []any{&Badge{}}}.capture(t, func(s *stage) {
		b := Badge{Code: "leak1", Owner: "a"}
		s.ok(s.db.Create(&b))
		s.ok(s.db.Model(&b).Update("owner", "b"))
		s.ok(s.db.Delete(&b))
		if text := dump(s); strings.Contains(text, "leak") {
			s.Errorf("the key is in the table: %s", text)
		}
		if n := len(s.trail()); n != 3 {
			s.Errorf("%d records", n)
		}
		s.oracle = nil // the record does not say which row it is about
	})
}

// A failing audit table must not quote what it refused.
func TestSecretsInErrors(t *testing.T) {
	handler := &heard{}
	sc := scene{models: []any{&Vault{}}}
	sc.options = []testdb.Option{testdb.WithPlugin(
		auditplugin.WithHashKey([]byte("0123456789abcdef")), auditplugin.WithErrorHandler(handler.handle),
	)}
	sc.capture(t, func(s *stage) {
		v := vault(1)
		s.ok(s.db.Create(&v))
		refuseUpdates(s)
		err := s.db.Model(&v).Updates(vault(2)).Error
		s.fails(err, auditplugin.ErrAuditFailed)
		for _, err := range append(handler.all(), err) {
			if err != nil && strings.Contains(err.Error(), "leak") {
				s.Errorf("the error is %v", err)
			}
		}
		s.expect("1 create vaults")
		s.oracle = nil
	})
}

// No value makes the audit INSERT fail.
func TestHostileValues(t *testing.T) {
	scene{models: []any{&Everything{}}, told: true, oracle: []oracle.Option{oracle.Redacted("everythings.blob", "everythings.text")}}.capture(t, func(s *stage) {
		text := "quote ' \" \\ ` ; -- \r\n \x1b[31m <script> {{.}} $1 ? :name @p1"
		at := time.Unix(1, 0)
		s.ok(s.db.Create(&Everything{Text: text, Blob: bytes.Repeat([]byte{0, 0xfe, 0xff}, 100), At: at, Day: datatypes.Date(at)}))
		s.ok(s.db.Model(&Everything{ID: 1}).Update("text", strings.Repeat("ü", 200_000)[:65_000]))
		if s.db.Target.Dialect != testdb.Postgres { // it refuses these itself
			s.ok(s.db.Model(&Everything{ID: 1}).Update("text", "nul \x00 end"))
		}
		if s.db.Target.Dialect == testdb.SQLite { // the others refuse these themselves
			s.ok(s.db.Model(&Everything{ID: 1}).Update("text", "bad \xff\xfe utf"))
		}
		s.ok(s.db.Model(&Everything{ID: 1}).Update("blob", bytes.Repeat([]byte{1}, 60_000)))
		// The table holds what it can: text is repaired there, not in what is announced.
		if trail := s.judgeTable(); len(trail) != len(s.db.Announced.Records()) {
			s.Errorf("%d records, %d announced", len(trail), len(s.db.Announced.Records()))
		}
	})
}

func TestLargeValues(t *testing.T) {
	sc := scene{models: []any{&Setting{}}}
	sc.options = []testdb.Option{testdb.WithPlugin(auditplugin.WithMaxValueBytes(100))}
	sc.capture(t, func(s *stage) {
		s.ok(s.db.Create(&Setting{Name: "big", Value: strings.Repeat("x", 150)}))
		shown, ok := s.entry(0).After["value"].(map[string]any)
		if !ok || fmt.Sprint(shown["bytes"]) != "150" || len(fmt.Sprint(shown["sha256"])) != 64 {
			s.Errorf("the value is shown as %v", s.entry(0).After["value"])
		}
		s.oracle = nil // the value is not there to compare
	})
}

// More changes than the buffer holds, some of them taken back.
func TestBufferLimit(t *testing.T) {
	sc := toldSettings()
	sc.options = []testdb.Option{testdb.WithPlugin(auditplugin.WithBufferLimit(5))}
	sc.capture(t, func(s *stage) {
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			for i := range 12 {
				s.try(put(tx, fmt.Sprint("kept", i)))
			}
			s.ok(tx.SavePoint("sp"))
			for i := range 12 {
				s.try(put(tx, fmt.Sprint("undone", i)))
			}
			s.ok(tx.RollbackTo("sp"))
			return put(tx, "last")
		}))
		s.fails(s.db.Transaction(func(tx *gorm.DB) error {
			for i := range 12 {
				s.try(put(tx, fmt.Sprint("never", i)))
			}
			return errOnPurpose
		}), errOnPurpose)
		if n := len(s.db.Announced.Batches()); n != 1 {
			s.Errorf("announced in %d batches", n)
		}
		s.expect("13 create settings")
		s.try(s.db.Plugin.Close(context.Background()))
	})
}
