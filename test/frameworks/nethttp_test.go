package frameworks

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/audithttp"
)

func actorOf(r *http.Request) audit.Actor {
	user := userOf(r.Header.Get("Authorization")) // your own authentication
	if user == "" {
		return audit.Actor{}
	}
	return audit.Actor{ID: user, Type: "user"}
}

func netHTTP(db *gorm.DB) http.Handler {
	audited := audithttp.Middleware(
		audithttp.Actor(actorOf),
		audithttp.Tenant(func(r *http.Request) string { return r.PathValue("tenant") }),
	)
	mux := http.NewServeMux()
	mux.Handle("POST /{tenant}/orders/{id}/pay", audited(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := audit.WithReason(r.Context(), "paid by card")
		if err := db.WithContext(ctx).Model(&Order{ID: r.PathValue("id")}).Update("state", "paid").Error; err != nil {
			http.Error(w, "sorry", http.StatusInternalServerError)
		}
	})))
	return mux
}

func TestNetHTTP(t *testing.T) {
	db := open(t)
	paid(t, db, netHTTP(db))
}

// Nobody is named, so nothing is written.
func TestNobody(t *testing.T) {
	db := open(t)
	r := pay(t)
	r.Header.Del("Authorization")
	w := httptest.NewRecorder()
	netHTTP(db).ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
	var o Order
	if err := db.Take(&o, "id = ?", "12").Error; err != nil || o.State != "new" {
		t.Errorf("the order is %+v, %v", o, err)
	}
}
