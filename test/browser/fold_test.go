package browser

import (
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	auditplugin "github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/auditweb"
)

// about is a site about one customer.
func about(t *testing.T, c customer) string {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "t.db")), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	must(t, db.AutoMigrate(&customer{}))
	must(t, db.Use(auditplugin.New(auditplugin.WithLogger(slog.New(slog.DiscardHandler)))))
	must(t, db.Create(&c).Error)
	h, err := auditweb.New(db, auditweb.Public(), auditweb.Models(&customer{}), auditweb.Limits(time.Minute, 4))
	must(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// A long value is unfolded and folded again by the same key, and what has the focus is
// seen all the time.
func TestFold(t *testing.T) {
	ctx := browser(t)
	base := about(t, customer{Name: strings.Repeat("long", 200)})
	must(t, chromedp.Run(ctx, chromedp.Navigate(base+"search"), chromedp.Focus(".fold summary", chromedp.ByQuery)))
	var high, wide float64
	for _, open := range []bool{false, true, false} {
		var is bool
		must(t, chromedp.Run(ctx,
			chromedp.Evaluate(`document.querySelector(".fold").open`, &is),
			chromedp.Evaluate(`document.activeElement.getBoundingClientRect().height`, &high),
			chromedp.Evaluate(`document.activeElement.getBoundingClientRect().width`, &wide)))
		if is != open || high < 10 || wide < 10 {
			t.Errorf("unfolded is %v; what has the focus is %v by %v", is, wide, high)
		}
		must(t, chromedp.Run(ctx, chromedp.KeyEvent("\r")))
	}
}
