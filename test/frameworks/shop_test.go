package frameworks

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

// Order is what the shop sells.
type Order struct {
	ID    string
	State string
}

// open is a database with the plugin and an order.
func open(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "shop.db")), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() }) // the folder goes next
	if err := db.AutoMigrate(&Order{}); err != nil {
		t.Fatal(err)
	}
	if err := db.Create(&Order{ID: "12", State: "new"}).Error; err != nil {
		t.Fatal(err)
	}
	if err := db.Use(auditplugin.New(auditplugin.WithRequiredActor())); err != nil {
		t.Fatal(err)
	}
	return db
}

// record is the only one of the order's trail.
func record(t *testing.T, db *gorm.DB) audit.Record {
	t.Helper()
	records, err := history.Of(db, &Order{ID: "12"}).Find(context.Background())
	if err != nil || len(records) != 1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	return records[0]
}

// by demands who, why, for whom and from where.
func by(t *testing.T, r audit.Record, actor, reason, tenant, requestID string) {
	t.Helper()
	if r.Actor.ID != actor || r.Reason != reason || r.Tenant != tenant || r.RequestID != requestID {
		t.Errorf("the record says actor %q, reason %q, tenant %q, request %q; want %q, %q, %q, %q", r.Actor.ID, r.Reason, r.Tenant, r.RequestID, actor, reason, tenant, requestID)
	}
}

// userOf stands for the application's own authentication.
func userOf(authorization string) string {
	user, _ := strings.CutPrefix(authorization, "Bearer token-of-")
	return user
}

// pay is a request to a server: Ada pays an order of acme's.
func pay(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/acme/orders/12/pay", nil)
	r.RemoteAddr = "192.0.2.1:40000"
	r.Header.Set("Authorization", "Bearer token-of-ada")
	r.Header.Set("X-Request-Id", "r1")
	r.Header.Set("User-Agent", "curl/8")
	return r
}

// paid sends the request, and demands its record.
func paid(t *testing.T, db *gorm.DB, server http.Handler) {
	t.Helper()
	w := httptest.NewRecorder()
	server.ServeHTTP(w, pay(t))
	if w.Code/100 != 2 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	r := record(t, db)
	by(t, r, "ada", "paid by card", "acme", "r1")
	if r.IP != "192.0.2.1" || r.UserAgent != "curl/8" || r.Actor.Type != "user" {
		t.Errorf("the record is %+v", r)
	}
}
