package frameworks

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/audithttp"
)

func echoServer(db *gorm.DB) http.Handler {
	e := echo.New()
	e.Use(echo.WrapMiddleware(audithttp.Middleware(audithttp.Actor(actorOf))))
	e.POST("/:tenant/orders/:id/pay", func(c echo.Context) error {
		ctx := audit.WithTenant(c.Request().Context(), c.Param("tenant"))
		ctx = audit.WithReason(ctx, "paid by card")
		return db.WithContext(ctx).Model(&Order{ID: c.Param("id")}).Update("state", "paid").Error
	})
	return e
}

func TestEcho(t *testing.T) {
	db := open(t)
	paid(t, db, echoServer(db))
}
