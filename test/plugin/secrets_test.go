package plugin_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// vault has a secret in every place a tag can stand.
type vault struct {
	Code     string `gorm:"primaryKey" audit:"mask"`
	Label    string
	Gone     string `audit:"-"`
	Masked   string `audit:"mask"`
	Tail     string `audit:"mask=4"`
	Hashed   string `audit:"hash"`
	Password string
	Bytes    []byte         `audit:"mask"`
	Inner    secretInner    `gorm:"embedded;embeddedPrefix:inner_"`
	Document secretInner    `gorm:"serializer:json"`
	Free     map[string]any `gorm:"serializer:json"`
}

type secretInner struct {
	Label  string
	Masked string        `audit:"mask" json:"masked"`
	Gone   string        `audit:"-" json:"gone"`
	Hashed string        `audit:"hash" json:"hashed"`
	Token  string        `json:"api_token"`
	Deeper []secretInner `gorm:"-" json:"deeper,omitempty"`
}

// canaries makes secrets, and remembers them.
type canaries struct {
	n      int
	values []string
}

func (c *canaries) next() string {
	c.n++
	v := fmt.Sprintf("canary%04dxq", c.n)
	c.values = append(c.values, v)
	return v
}

func (c *canaries) inner(depth int) secretInner {
	in := secretInner{Label: "label", Masked: c.next(), Gone: c.next(), Hashed: c.next(), Token: c.next()}
	if depth > 0 {
		in.Deeper = []secretInner{c.inner(depth - 1)}
	}
	return in
}

func (c *canaries) vault() *vault {
	return &vault{
		Code: c.next(), Label: "label", Gone: c.next(), Masked: c.next(), Tail: c.next() + "tail", Hashed: c.next(),
		Password: c.next(), Bytes: []byte(c.next()), Inner: c.inner(0), Document: c.inner(2),
		Free: map[string]any{"label": "x", "client_secret": c.next(), "list": []any{map[string]any{"pin": c.next()}}},
	}
}

// found reports the secrets that text holds, in any spelling a log might use.
func (c *canaries) found(text string) []string {
	var leaks []string
	lower := strings.ToLower(text)
	for _, v := range c.values {
		inside := base64.StdEncoding.EncodeToString([]byte(v))
		if strings.Contains(lower, v) || strings.Contains(lower, hex.EncodeToString([]byte(v))) || strings.Contains(text, inside[:12]) {
			leaks = append(leaks, v)
		}
	}
	return leaks
}

// dump is every value of the audit table, byte by byte.
func dump(t *testing.T, db *gorm.DB) string {
	t.Helper()
	var b strings.Builder
	for _, row := range stored(t, db) {
		for _, v := range row {
			fmt.Fprintf(&b, "%s=%s\n", v.column, v.String)
		}
	}
	return b.String()
}

func TestSecretsNowhere(t *testing.T) {
	for _, prepare := range []bool{false, true} {
		for _, portable := range []bool{false, true} {
			t.Run(fmt.Sprintf("prepare %v, portable %v", prepare, portable), func(t *testing.T) {
				var log, slogged lines
				var h heard
				c := &canaries{}
				db, memory := openDB(t, &vault{}), emitter.Memory()
				opts := []auditplugin.Option{
					auditplugin.WithEmitter(emitter.Table(), emitter.JSON(&log), emitter.Slog(textLogger(&slogged)), memory),
					auditplugin.WithHashKey([]byte(hashKey)), auditplugin.WithErrorHandler(h.handle), auditplugin.WithLogger(slog.New(slog.NewJSONHandler(&log, nil))),
				}
				if portable {
					opts = append(opts, auditplugin.WithPortableImages())
				}
				use(t, db, opts...)
				db = db.Session(&gorm.Session{PrepareStmt: prepare})

				errs := writeSecrets(t, db, c)
				n := len(memory.Records())
				if want := 10; n != want {
					t.Errorf("%d records, want %d:\n%s", n, want, brief(memory.Records()))
				}

				// The audit INSERT fails, with a driver's text that quotes a value.
				exec(t, db, "CREATE TRIGGER no BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(ABORT, '"+c.next()+"'); END")
				err := db.Create(c.vault()).Error
				if !errors.Is(err, auditplugin.ErrAuditFailed) {
					t.Fatalf("a write without its record returned %v", err)
				}
				errs = append(errs, err)
				for _, err := range append(errs, h.all()...) {
					if leaks := c.found(err.Error()); leaks != nil {
						t.Errorf("%v in the error %q", leaks, err)
					}
				}

				kept, err := json.Marshal(memory.Records())
				if err != nil {
					t.Fatal(err)
				}
				for where, text := range map[string]string{
					"table": dump(t, db), "JSON log": log.String(), "text log": slogged.String(), "memory": fmt.Sprintf("%+v %s", memory.Records(), kept),
				} {
					if leaks := c.found(text); leaks != nil {
						t.Errorf("%v in the %s:\n%s", leaks, where, text)
					}
					for _, shown := range []string{"***", "***tail", "hmac-sha256:9f9f5111:", "label"} {
						if !strings.Contains(text, shown) {
							t.Errorf("no %q in the %s", shown, where)
						}
					}
				}
			})
		}
	}
}

// writeSecrets writes in every way that leaves something behind, ten records in
// all, and returns the errors of the plugin that it met.
func writeSecrets(t *testing.T, db *gorm.DB, c *canaries) []error {
	t.Helper()
	a, b := c.vault(), c.vault()
	must(t, db.Create(a))
	must(t, db.Create(b))
	// Every secret changes, inside documents too.
	next := c.vault()
	next.Code = a.Code
	must(t, db.Save(next))
	must(t, db.Model(a).Where("masked = ?", next.Masked).Updates(map[string]any{"masked": c.next(), "gone": c.next()}))
	must(t, db.Model(b).UpdateColumn("code", c.next())) // the key itself
	must(t, db.Exec("UPDATE vaults SET masked = '"+c.next()+"' WHERE password <> ?", c.next()))
	must(t, db.Exec(`INSERT INTO vaults (code, password) VALUES ("`+c.next()+`", x'`+hex.EncodeToString([]byte(c.next()))+`')`))
	must(t, db.WithContext(audit.Skip(t.Context(), "import")).Create(c.vault()))
	refused := db.WithContext(audit.Skip(t.Context(), "")).Create(c.vault()).Error
	if !errors.Is(refused, auditplugin.ErrReasonRequired) {
		t.Fatalf("a Skip without a reason returned %v", refused)
	}
	must(t, db.Where("code = ?", a.Code).Delete(&vault{}))
	return []error{refused}
}

// A secret that changed counts as changed, though nothing of it shows.
func TestChangedSecretCounts(t *testing.T) {
	db, memory := openDB(t, &vault{}), emitter.Memory()
	use(t, db, auditplugin.WithEmitter(memory), auditplugin.WithHashKey([]byte(hashKey)))
	c := &canaries{}
	v := c.vault()
	must(t, db.Create(v))
	for _, step := range []struct {
		column  string
		value   any
		records int
	}{
		{"masked", c.next(), 1},
		{"masked", nil, 1}, // to NULL: that it is gone shows
		{"password", c.next(), 1},
		{"hashed", c.next(), 1},
		{"gone", c.next(), 0}, // never recorded
		{"label", "label", 0}, // unchanged
	} {
		memory.Reset()
		must(t, db.Model(v).UpdateColumn(step.column, step.value))
		records := memory.Records()
		if len(records) != step.records {
			t.Errorf("%s: %d records, want %d", step.column, len(records), step.records)
			continue
		}
		if step.records == 1 && (len(records[0].Changed) != 1 || records[0].Changed[0] != step.column || len(records[0].Changes) != 1) {
			t.Errorf("%s: changed are %v, %v", step.column, records[0].Changed, records[0].Changes)
		}
	}
}

// Two rows with the same value hash alike, in one column and under one key only.
func TestHashKey(t *testing.T) {
	hashes := func(key string) []any {
		db, memory := openDB(t, &hashTagged{}), emitter.Memory()
		use(t, db, auditplugin.WithEmitter(memory), auditplugin.WithHashKey([]byte(key)))
		must(t, db.WithContext(context.Background()).Create([]hashTagged{{Email: "ada@example.com"}, {Email: "ada@example.com"}, {Email: "bob@example.com"}}))
		var out []any
		for _, r := range memory.Records() {
			out = append(out, r.After["email"])
		}
		return out
	}
	one, other := hashes(hashKey), hashes("fedcba9876543210")
	if one[0] != one[1] || one[0] == one[2] || one[0] == other[0] {
		t.Errorf("hashes are %v and, under another key, %v", one, other)
	}
	if text, _ := one[0].(string); !strings.HasPrefix(text, "hmac-sha256:9f9f5111:") || len(text) != len("hmac-sha256:9f9f5111:")+64 {
		t.Errorf("a hash is %q", text)
	}
}
