package policies

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/audithttp"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// order demands both by itself.
type order struct {
	ID   uint
	Item string `gorm:"size:191"`
}

func (order) AuditName() string { return "sales_order" }

func (order) AuditRequires() audit.Requirement { return audit.RequireActor | audit.RequireReason }

func TestRequired(t *testing.T) {
	nobody := context.Background()
	ada := audit.WithActor(nobody, audit.Actor{ID: "1", Name: "Ada"})
	because := audit.WithReason(nobody, "ticket 1234")
	both := audit.WithReason(ada, "ticket 1234")
	changeOrder := func(db *gorm.DB) error { return db.Model(&order{ID: 1}).Update("item", secret).Error }
	createAccount := func(db *gorm.DB) error { return db.Create(&account{Name: secret}).Error }
	deleteAccount := func(db *gorm.DB) error { return db.Delete(&account{}, "name <> ?", secret).Error }
	cases := map[string]struct {
		opts  []auditplugin.Option
		ctx   context.Context
		write func(*gorm.DB) error
		want  error
		names string // what the error and the event name
	}{
		"no actor, by option":           {[]auditplugin.Option{auditplugin.WithRequiredActor()}, because, createAccount, auditplugin.ErrActorRequired, "create of account"},
		"no reason, by option":          {[]auditplugin.Option{auditplugin.WithRequiredReason(&account{})}, ada, deleteAccount, auditplugin.ErrReasonRequired, "delete of account"},
		"reason of another model":       {[]auditplugin.Option{auditplugin.WithRequiredReason("notes")}, nobody, createAccount, nil, ""},
		"no actor, by method":           {nil, because, changeOrder, auditplugin.ErrActorRequired, "update of sales_order"},
		"no reason, by method":          {nil, ada, changeOrder, auditplugin.ErrReasonRequired, "update of sales_order"},
		"both given":                    {nil, both, changeOrder, nil, ""},
		"raw SQL without a reason":      {nil, ada, func(db *gorm.DB) error { return db.Exec("DELETE FROM orders WHERE item = '" + secret + "'").Error }, auditplugin.ErrReasonRequired, "raw of sales_order"},
		"a Skip that gives no reason":   {nil, audit.Skip(both, ""), changeOrder, auditplugin.ErrReasonRequired, "update of sales_order"},
		"a Skip whose reason is enough": {nil, audit.Skip(nobody, "import"), changeOrder, nil, ""},
	}
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		base := g.Open(t, testdb.Before(migrate), testdb.Before(func(db *gorm.DB) error {
			return errors.Join(db.AutoMigrate(&order{}), db.Create(&order{ID: 1}).Error)
		}))
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				d := again(t, base, c.opts...)
				// Raw SQL is measured by a model once the plugin has met it.
				must(t, d.WithContext(both).Model(&order{ID: 1}).Update("item", name))
				for _, how := range []string{"alone", "rolled back", "committed all the same"} {
					reset(t, d)
					exec(t, d, "UPDATE orders SET item = 'tea'")
					db := d.WithContext(c.ctx)
					var err error
					switch how {
					case "alone":
						err = c.write(db)
					default:
						err = db.Transaction(func(tx *gorm.DB) error {
							must(t, tx.WithContext(both).Create(&note{Text: "before"}))
							werr := c.write(tx)
							if how == "rolled back" {
								return errors.Join(werr, errGiveUp)
							}
							if !errors.Is(werr, c.want) {
								t.Errorf("%s: the write returned %v", how, werr)
							}
							return nil
						})
					}
					switch {
					case how == "committed all the same":
						if err != nil {
							t.Errorf("%s: the commit returned %v", how, err)
						}
					case c.want != nil && !errors.Is(err, c.want) || c.want == nil && how == "alone" && err != nil:
						t.Errorf("%s: the write returned %v, want %v", how, err, c.want)
					case c.want != nil && (!strings.Contains(err.Error(), c.names) || strings.Contains(err.Error(), secret)):
						t.Errorf("%s: the error says %q", how, err)
					}
					if c.want == nil {
						continue
					}
					left := content(t, d, "SELECT name FROM accounts UNION ALL SELECT item FROM orders")
					if !strings.Contains(left, "Ada") || !strings.Contains(left, "tea") || strings.Contains(left, secret) {
						t.Errorf("%s: after the refusal there is\n%s", how, left)
					}
					for place, records := range map[string][]audit.Record{"the table": trail(t, d), "announced": d.Announced.Records()} {
						events, others := 0, 0
						for _, r := range records {
							if r.Action == audit.Event && r.Outcome == audit.Failure && strings.Contains(r.Message, c.names+" refused") {
								events++
							} else {
								others++
							}
						}
						wantOthers := 0
						if how == "committed all the same" {
							wantOthers = 1
						}
						if events != 1 || others != wantOthers {
							t.Errorf("%s, %s: %d events and %d others, want 1 and %d\n%s", how, place, events, others, wantOthers, brief(records))
						}
					}
					if text := said(t, d); strings.Contains(text, secret) {
						t.Errorf("%s: the secret is in\n%s", how, text)
					}
				}
			})
		}
	})
}

// A model that an option names is known before its first write.
func TestRequiredOfNamedModel(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(&order{}) }),
			testdb.WithPlugin(auditplugin.WithFailurePolicy(auditplugin.FailWrite, &order{})))
		for _, err := range []error{
			d.Exec("INSERT INTO orders (id, item) VALUES (1, '" + secret + "')").Error,
			d.Table("orders").Create(map[string]any{"id": 1, "item": secret}).Error,
		} {
			if !errors.Is(err, auditplugin.ErrReasonRequired) || !strings.Contains(err.Error(), "sales_order") {
				t.Errorf("it returned %v", err)
			}
		}
		if got := content(t, d, "SELECT * FROM orders"); got != "" {
			t.Errorf("written was\n%s", got)
		}
	})
}

var errGiveUp = errors.New("the application gives up")

// From a request to the record: what the middleware found, the actor that the
// application's own context names, and who made which change.
func TestRequestFields(t *testing.T) {
	type userKey struct{}
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := open(t, g, auditplugin.WithRequiredActor(), auditplugin.WithActorFunc(func(ctx context.Context) audit.Actor {
			id, _ := ctx.Value(userKey{}).(string)
			return audit.Actor{ID: id}
		}))
		proxies := audithttp.TrustedProxies(netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
		server := httptest.NewServer(audithttp.Middleware(proxies)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := context.WithValue(r.Context(), userKey{}, r.Header.Get("X-User"))
			err := d.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
				return tx.Model(&account{ID: 1}).Update("name", "Eve").Error
			})
			if err != nil {
				http.Error(w, "refused", http.StatusForbidden)
			}
		})))
		defer server.Close()
		request := func(header map[string]string) int {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range header {
				r.Header.Set(k, v)
			}
			res, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Fatal(err)
			}
			return res.StatusCode
		}

		reset(t, d)
		status := request(map[string]string{
			"X-User": "42", "X-Request-Id": "req-7", "User-Agent": "curl/8.0", "X-Forwarded-For": "203.0.113.66, 198.51.100.7",
			"Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		})
		if status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		for place, records := range map[string][]audit.Record{"the table": trail(t, d), "announced": d.Announced.Records()} {
			if len(records) != 1 {
				t.Fatalf("%s: %s", place, brief(records))
			}
			r := records[0]
			if r.RequestID != "req-7" || r.UserAgent != "curl/8.0" || r.IP != "198.51.100.7" || r.Actor.ID != "42" ||
				r.TraceID != "4bf92f3577b34da6a3ce929d0e0e4736" || r.SpanID != "00f067aa0ba902b7" || r.After["name"] != "Eve" {
				t.Errorf("%s: %+v", place, r)
			}
		}

		// Headers as somebody sends who means no good.
		reset(t, d)
		status = request(map[string]string{
			"X-User": "42", "X-Request-Id": strings.Repeat("x", 100<<10), "User-Agent": "\xff\xfe" + strings.Repeat("\xc0", 2000),
			"X-Forwarded-For": "'; DROP TABLE audit_logs; --",
		})
		if status != http.StatusOK {
			t.Fatalf("hostile headers: status %d", status)
		}
		wantRecords(t, d, "update account 1")

		// A request of nobody is refused, and the event says which request.
		reset(t, d)
		if status = request(map[string]string{"X-Request-Id": "req-8"}); status != http.StatusForbidden {
			t.Errorf("nobody: status %d", status)
		}
		wantRecords(t, d, "event account")
		if r := trail(t, d)[0]; r.RequestID != "req-8" || r.Outcome != audit.Failure {
			t.Errorf("nobody: %+v", r)
		}
		if got := nameOf(t, d, 1); got != "Ada" {
			t.Errorf("nobody changed the row to %q", got)
		}
	})
}
