package browser

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	auditplugin "github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditweb"
)

// desk is a support desk's trail: many customers, and one phone number that two people
// changed a while ago.
func desk(t *testing.T) string {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "t.db")), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	must(t, db.AutoMigrate(&customer{}))
	must(t, db.Use(auditplugin.New(auditplugin.WithLogger(slog.New(slog.DiscardHandler)))))
	by := func(id, name, reason string) *gorm.DB {
		return db.WithContext(audit.WithReason(audit.WithActor(t.Context(), audit.Actor{ID: id, Type: "user", Name: name}), reason))
	}
	casey := customer{Name: "Casey Brook", Phone: "+441632960001"}
	must(t, by("1", "Jonas Weber", "").Create(&casey).Error)
	must(t, by("2", "Maya Lindqvist", "ticket 4711").Model(&casey).Update("phone", "+441632960002").Error)
	must(t, by("3", "Tom Herrera", "ticket 4712: typing mistake").Model(&casey).Update("phone", "+441632960003").Error)
	for range 80 {
		must(t, by("1", "Jonas Weber", "").Create(&customer{Name: "Somebody Else", Phone: "none"}).Error)
	}
	h, err := auditweb.New(db, auditweb.Public(), auditweb.Models(&customer{}), auditweb.Limits(time.Minute, 4))
	must(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// step is one click, and what is typed or chosen then.
type step struct{ on, text string }

func (s step) do() chromedp.Action {
	switch {
	case s.text == "":
		return chromedp.Click(s.on, chromedp.ByQuery)
	case strings.HasPrefix(s.on, "select"):
		return chromedp.SetValue(s.on, s.text, chromedp.ByQuery)
	}
	return chromedp.SendKeys(s.on, s.text, chromedp.ByQuery)
}

// Somebody who has never seen the pages finds out who changed a phone number, and when,
// with at most three clicks from the start page, without scripts, too.
func TestWhoChangedThePhone(t *testing.T) {
	ctx := browser(t)
	base := desk(t)
	const box, search, row = "#q", ".box button", `main a[href*="row?"]`
	ways := map[string][]step{
		"the number in the box":          {{box, "+441632960003"}, {search, ""}},
		"the number from before":         {{box, "+441632960002"}, {search, ""}},
		"the row in the box":             {{box, "customer 1"}, {search, ""}},
		"the customer's name, and a row": {{box, "Casey Brook"}, {search, ""}, {row, ""}},
		"the form":                       {{`select[name="table"]`, "customers"}, {`input[name="column"]`, "phone"}, {".go button", ""}},
	}
	for way, steps := range ways {
		if len(steps) > 3 {
			t.Errorf("%s: %d clicks", way, len(steps))
		}
		must(t, chromedp.Run(ctx, emulation.SetScriptExecutionDisabled(len(steps) == 3), chromedp.Navigate(base)))
		within, cancel := context.WithTimeout(ctx, time.Minute)
		for _, s := range steps {
			must(t, chromedp.Run(within, chromedp.WaitVisible(s.on, chromedp.ByQuery), s.do()))
		}
		var text string
		missing := []string{"not asked"}
		for len(missing) > 0 && within.Err() == nil {
			missing = nil
			_ = chromedp.Run(within, chromedp.Text("main", &text, chromedp.ByQuery)) // the next page may be on its way
			for _, want := range []string{"Tom Herrera", "changed phone", "+441632960002", "+441632960003", "ticket 4712", time.Now().UTC().Format("January 2006")} {
				if !strings.Contains(text, want) {
					missing = append(missing, want)
				}
			}
			if len(missing) > 0 {
				time.Sleep(100 * time.Millisecond)
			}
		}
		cancel()
		if len(missing) > 0 {
			t.Errorf("%s: no %q in\n%s", way, missing, text)
		}
	}
}
