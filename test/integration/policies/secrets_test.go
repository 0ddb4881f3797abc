package policies

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// vault has a secret in every place a tag can stand.
type vault struct {
	Code     string `gorm:"primaryKey;size:64" audit:"mask"`
	Label    string `gorm:"size:64"`
	Gone     string `audit:"-"`
	Masked   string `audit:"mask"`
	Tail     string `audit:"mask=4"`
	Hashed   string `audit:"hash"`
	Password string
	Unique   string         `gorm:"size:64;uniqueIndex" audit:"mask"`
	Bytes    []byte         `audit:"mask"`
	Inner    inner          `gorm:"embedded;embeddedPrefix:inner_"`
	Document inner          `gorm:"serializer:json"`
	Free     map[string]any `gorm:"serializer:json"`
	Entries  []entry        `gorm:"foreignKey:VaultCode;references:Code;constraint:OnDelete:CASCADE,OnUpdate:CASCADE"`
}

type inner struct {
	Label  string
	Masked string  `audit:"mask" json:"masked"`
	Gone   string  `audit:"-" json:"gone"`
	Hashed string  `audit:"hash" json:"hashed"`
	Token  string  `json:"api_token"`
	Deeper []inner `gorm:"-" json:"deeper,omitempty"`
}

// entry goes with its vault.
type entry struct {
	ID        uint
	VaultCode string `gorm:"size:64" audit:"mask"`
	Pin       string
}

// secrets makes values that must not be found, and remembers them.
type secrets struct {
	n      int
	values []string
}

func (c *secrets) next() string {
	c.n++
	v := fmt.Sprintf("zz%04dsecretzz", c.n)
	c.values = append(c.values, v)
	return v
}

func (c *secrets) inner(depth int) inner {
	in := inner{Label: "label", Masked: c.next(), Gone: c.next(), Hashed: c.next(), Token: c.next()}
	if depth > 0 {
		in.Deeper = []inner{c.inner(depth - 1)}
	}
	return in
}

func (c *secrets) vault() *vault {
	return &vault{
		Code: c.next(), Label: "label", Gone: c.next(), Masked: c.next(), Tail: c.next() + "tail", Hashed: c.next(),
		Password: c.next(), Unique: c.next(), Bytes: []byte(c.next()), Inner: c.inner(0), Document: c.inner(2),
		Free: map[string]any{"label": "x", "client_secret": c.next(), "list": []any{map[string]any{"pin": c.next()}}},
	}
}

// in reports the secrets that text holds, in any spelling a log might use.
func (c *secrets) in(text string) []string {
	var leaks []string
	lower := strings.ToLower(text)
	for _, v := range c.values {
		// Of a text in base64 all but its ends is the same at one of three offsets.
		found := strings.Contains(lower, v) || strings.Contains(lower, hex.EncodeToString([]byte(v)))
		for offset := range 3 {
			inside := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", offset) + v))
			found = found || strings.Contains(text, inside[4:16])
		}
		if found {
			leaks = append(leaks, v)
		}
	}
	return leaks
}

func TestSecretsNowhere(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		for _, prepare := range []bool{false, true} {
			t.Run(fmt.Sprintf("prepare %v", prepare), func(t *testing.T) {
				var log, slogged, warnings lines
				var h heard
				c := &secrets{}
				d := g.Open(t, testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(&vault{}, &entry{}) }),
					testdb.WithGORM(func(config *gorm.Config) { config.PrepareStmt = prepare }),
					testdb.WithPlugin(
						auditplugin.WithEmitter(emitter.JSON(&log), emitter.Slog(textLogger(&slogged))),
						auditplugin.WithHashKey([]byte("0123456789abcdef")), auditplugin.WithErrorHandler(h.handle),
						auditplugin.WithLogger(textLogger(&warnings)),
					))
				errs := writeSecrets(t, d, c)
				if n := len(d.Announced.Records()); n < 15 {
					t.Errorf("only %d records:\n%s", n, brief(d.Announced.Records()))
				}
				text := said(t, d)

				// Now the audit INSERT fails, and the database's own words quote the record.
				exec(t, d, breakages["updates refused"].breaks[g.Dialect])
				keeper := again(t, d, auditplugin.WithHashKey([]byte("0123456789abcdef")), auditplugin.WithErrorHandler(h.handle),
					auditplugin.WithLogger(textLogger(&warnings)), auditplugin.WithFailurePolicy(auditplugin.KeepWrite), auditplugin.WithEmitter(emitter.JSON(&log)))
				err := d.Model(&vault{}).Where("label = ?", "label").Update("masked", c.next()).Error
				if !errors.Is(err, auditplugin.ErrAuditFailed) {
					t.Errorf("a write without its record returned %v", err)
				}
				must(t, keeper.Model(&vault{}).Where("label = ?", "label").Update("masked", c.next()))
				told := h.take()
				if len(told) == 0 {
					t.Error("the handler heard of no lost record")
				}
				for _, err := range append(append(errs, err), told...) {
					if leaks := c.in(err.Error()); leaks != nil {
						t.Errorf("%v in the error %q", leaks, err)
					}
				}
				for where, text := range map[string]string{"records": text, "records at the end": said(t, keeper), "JSON log": log.String(), "text log": slogged.String()} {
					if leaks := c.in(text); leaks != nil {
						t.Errorf("%v in the %s:\n%s", leaks, where, text)
					}
					if where == "records at the end" {
						continue
					}
					for _, shown := range []string{"***", "***tail", "hmac-sha256:9f9f5111:", "label"} {
						if !strings.Contains(text, shown) {
							t.Errorf("no %q in the %s", shown, where)
						}
					}
				}
				if leaks := c.in(warnings.String()); leaks != nil || !strings.Contains(warnings.String(), "without an actor") {
					t.Errorf("%v in the warnings:\n%s", leaks, warnings.String())
				}
			})
		}
	})
}

// writeSecrets writes in every way that leaves something behind and returns the
// errors of the plugin that it met.
func writeSecrets(t *testing.T, d *testdb.DB, c *secrets) []error {
	t.Helper()
	a, b := c.vault(), c.vault()
	a.Entries = []entry{{Pin: c.next()}}
	must(t, d.Create(a))
	must(t, d.Create([]*vault{b, c.vault()}))
	// Every secret changes, inside documents too.
	next := c.vault()
	next.Code = a.Code
	must(t, d.Save(next))
	must(t, d.Model(a).Where("masked = ?", next.Masked).Updates(map[string]any{"masked": c.next(), "gone": c.next()}))
	must(t, d.Model(b).UpdateColumn("code", c.next())) // the key itself
	must(t, d.Table("vaults").Where("label = ?", "label").Updates(map[string]any{"tail": c.next() + "tail", "hashed": c.next()}))
	next.Unique = c.next()
	must(t, d.Clauses(clause.OnConflict{UpdateAll: true}).Create([]*vault{next, c.vault()}))

	// Raw SQL, with literals in each of the dialect's spellings.
	must(t, d.Exec("UPDATE vaults SET masked = '"+c.next()+"' WHERE password <> ?", c.next()))
	must(t, d.Exec("INSERT INTO vaults (code, "+quoted(d, "unique")+") VALUES ('"+c.next()+"', 'it''s "+c.next()+"')"))
	switch d.Target.Dialect {
	case testdb.Postgres:
		must(t, d.Exec("UPDATE vaults SET masked = $x$"+c.next()+"$x$, password = E'\\''||'"+c.next()+"', bytes = '\\x"+hex.EncodeToString([]byte(c.next()))+"'"))
		var codes []string
		must(t, d.DB.Raw("WITH up AS (UPDATE vaults SET masked = '"+c.next()+"' RETURNING label) SELECT COALESCE(label, '') FROM up").Scan(&codes))
	case testdb.MySQL:
		must(t, d.Exec(`UPDATE vaults SET masked = "`+c.next()+`", password = 'a\'`+c.next()+`', bytes = x'`+hex.EncodeToString([]byte(c.next()))+`' /* `+c.next()+` */`))
	default:
		must(t, d.Exec(`UPDATE vaults SET masked = "`+c.next()+`", bytes = x'`+hex.EncodeToString([]byte(c.next()))+`' -- `+c.next()))
	}
	must(t, d.WithContext(audit.Skip(t.Context(), "import")).Create(c.vault()))
	refused := d.WithContext(audit.Skip(t.Context(), "")).Create(c.vault()).Error
	if !errors.Is(refused, auditplugin.ErrReasonRequired) {
		t.Errorf("a Skip without a reason returned %v", refused)
	}

	// A value that is there already: the database's own error, as without the plugin.
	twice := c.vault()
	twice.Unique = next.Unique
	err := d.Create(twice).Error
	if plain := d.Plain(t).Create(twice).Error; err == nil || errors.Is(err, auditplugin.ErrAuditFailed) || err.Error() != plain.Error() {
		t.Errorf("a secret that is there already: %v, without the plugin %v", err, plain)
	}
	must(t, d.Where("code = ?", a.Code).Delete(&vault{})) // and its entries
	return []error{refused}
}

func quoted(d *testdb.DB, name string) string {
	if d.Target.Dialect == testdb.MySQL {
		return "`" + name + "`"
	}
	return `"` + name + `"`
}
