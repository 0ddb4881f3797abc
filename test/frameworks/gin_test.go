package frameworks

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/audithttp"
)

func ginEngine(db *gorm.DB) http.Handler {
	annotate := audithttp.Annotate(audithttp.Actor(actorOf))
	engine := gin.New()
	engine.Use(func(c *gin.Context) {
		c.Request = annotate(c.Request)
		c.Request = c.Request.WithContext(audit.WithTenant(c.Request.Context(), c.Param("tenant")))
	})
	engine.POST("/:tenant/orders/:id/pay", func(c *gin.Context) {
		ctx := audit.WithReason(c.Request.Context(), "paid by card")
		if err := db.WithContext(ctx).Model(&Order{ID: c.Param("id")}).Update("state", "paid").Error; err != nil {
			c.Status(http.StatusInternalServerError)
		}
	})
	return engine
}

func TestGin(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	db := open(t)
	paid(t, db, ginEngine(db))
}
