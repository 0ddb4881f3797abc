package frameworks

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

func fiberApp(db *gorm.DB) *fiber.App {
	app := fiber.New()
	app.Use(func(c *fiber.Ctx) error {
		// Fiber uses the memory of its texts again: what outlives the request is cloned.
		ctx := audit.WithRequest(c.UserContext(), audit.Request{
			ID: strings.Clone(c.Get(fiber.HeaderXRequestID)), IP: c.IP(), UserAgent: strings.Clone(c.Get(fiber.HeaderUserAgent)),
		})
		if user := userOf(c.Get(fiber.HeaderAuthorization)); user != "" {
			ctx = audit.WithActor(ctx, audit.Actor{ID: strings.Clone(user), Type: "user"})
		}
		c.SetUserContext(ctx)
		return c.Next()
	})
	app.Post("/:tenant/orders/:id/pay", func(c *fiber.Ctx) error {
		ctx := audit.WithTenant(c.UserContext(), strings.Clone(c.Params("tenant")))
		ctx = audit.WithReason(ctx, "paid by card")
		return db.WithContext(ctx).Model(&Order{ID: c.Params("id")}).Update("state", "paid").Error
	})
	return app
}

func TestFiber(t *testing.T) {
	db := open(t)
	response, err := fiberApp(db).Test(pay(t), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(response.Body)
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	r := record(t, db)
	by(t, r, "ada", "paid by card", "acme", "r1")
	if r.UserAgent != "curl/8" || r.IP == "" {
		t.Errorf("the record is %+v", r)
	}
}
