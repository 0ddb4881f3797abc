package viewer

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditweb"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

type Customer struct {
	ID        uint
	Name      string
	Phone     *string
	Balance   int64
	Active    bool
	Settings  map[string]any `gorm:"serializer:json"`
	Password  string
	Orders    []Order
	CreatedAt time.Time
	DeletedAt gorm.DeletedAt
}

type Order struct {
	ID         uint
	CustomerID uint
	State      string
}

// page gets a page and returns what people read on it.
func page(t *testing.T, h http.Handler, url string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
	text := strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(w.Body.String(), " "))), " ")
	if w.Code != http.StatusOK {
		t.Errorf("%s: %d %s", url, w.Code, text)
	}
	return text
}

func TestPages(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(&Customer{}, &Order{}) })).DB
		ctx := audit.WithRequest(audit.WithReason(audit.WithActor(t.Context(), audit.Actor{ID: "7", Type: "user", Name: "Grace"}), "ticket 1234"), audit.Request{ID: "r1", IP: "192.0.2.7"})
		phone := "+12345678900"
		c := Customer{Name: "Ada", Phone: &phone, Balance: 9007199254740993, Active: true, Settings: map[string]any{"city": "Lyon"}, Password: "amber-meadow"}
		if err := db.WithContext(ctx).Create(&c).Error; err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{
			db.WithContext(ctx).Create(&Order{CustomerID: c.ID, State: "paid"}).Error,
			db.WithContext(ctx).Model(&c).Update("phone", "+19876543210").Error,
			db.WithContext(ctx).Model(&c).Select("Settings").Updates(&Customer{Settings: map[string]any{"city": "Oslo"}}).Error,
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		h, err := auditweb.New(db, auditweb.Public(), auditweb.Limits(time.Minute, 4), auditweb.Models(&Customer{}, &Order{}),
			auditweb.Scope(func(_ context.Context, q history.Query) history.Query {
				return q.Scopes(func(tx *gorm.DB) *gorm.DB { return tx.Where("actor_id = ?", "7") })
			}))
		if err != nil {
			t.Fatal(err)
		}
		r, err := history.Of(db, &c).Column("phone").First(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprint(c.ID)
		const told = "Grace changed phone of customer"
		for url, want := range map[string]string{
			"/": told, "/search?table=customers&column=phone": told, "/search?q=customer+" + id: told, "/search?q=%2B19876543210": told, "/search?text=TICKET+1234": told,
			"/search?table=customers&path=settings.city": "settings city from Lyon → to Oslo", "/search?table=customers&column=phone&became=%2B19876543210": told,
			"/search?table=customers&column=phone&was=%2B12345678900": told, "/search?reason=ticket&since=1h&actor=7": told, "/search?request=r1&tx=" + r.TransactionID: told,
			"/record?id=" + r.ID:                                          "From address 192.0.2.7",
			"/row?table=customers&id=" + id:                               "phone +19876543210 Grace",
			"/row?with=all&table=customers&id=" + id:                      "Grace created order",
			"/row?path=settings.city&table=customers&id=" + id:            "Grace changed settings",
			fmt.Sprintf("/then?table=customers&id=%s&at=%d", id, r.Seq-1): "phone (different now) +12345678900 +19876543210",
			"/then?at=0d&table=customers&id=" + id:                        "balance 9007199254740993 the same active yes the same settings city: Oslo the same password hidden the same",
			"/actor?id=7&type=user":                                       "192.0.2.7 4", "/transaction?id=" + r.TransactionID: told,
			"/stats?days=7": "4 records, at most 4 a day", "/stats?table=customers": "created 1", "/search.csv": "phone,'+12345678900,'+19876543210", "/health": "ok",
		} {
			text := page(t, h, url)
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %s", url, want, text)
			}
			if strings.Contains(text, "amber-meadow") {
				t.Errorf("%s shows a secret", url)
			}
		}
	})
}
