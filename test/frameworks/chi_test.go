package frameworks

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/audithttp"
)

func chiRouter(db *gorm.DB) http.Handler {
	router := chi.NewRouter()
	router.Route("/{tenant}", func(router chi.Router) {
		router.Use(audithttp.Middleware(
			audithttp.Actor(actorOf),
			audithttp.Tenant(func(r *http.Request) string { return chi.URLParam(r, "tenant") }),
		))
		router.Post("/orders/{id}/pay", func(w http.ResponseWriter, r *http.Request) {
			ctx := audit.WithReason(r.Context(), "paid by card")
			if err := db.WithContext(ctx).Model(&Order{ID: chi.URLParam(r, "id")}).Update("state", "paid").Error; err != nil {
				http.Error(w, "sorry", http.StatusInternalServerError)
			}
		})
	})
	return router
}

func TestChi(t *testing.T) {
	db := open(t)
	paid(t, db, chiRouter(db))
}
