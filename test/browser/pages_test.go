package browser

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	auditplugin "github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditweb"
)

// hostile is text that would run, break out, or turn lines round if a page let it.
const hostile = "<script>window.pwned=1</script>\"' onmouseover=window.pwned=1 javascript:window.pwned=1 \u202eabc <img src=x onerror=window.pwned=1>"

type customer struct {
	ID       uint
	Name     string
	Phone    string
	Settings map[string]any `gorm:"serializer:json"`
	Password string
}

// site is a server with a trail that is as hostile as can be, mounted below a prefix.
func site(t *testing.T) string {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "t.db")), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	must(t, db.AutoMigrate(&customer{}))
	must(t, db.Use(auditplugin.New(auditplugin.WithApplication(hostile), auditplugin.WithLogger(slog.New(slog.DiscardHandler)))))
	ctx := audit.WithActor(t.Context(), audit.Actor{ID: hostile, Type: "user", Name: hostile})
	ctx = audit.WithRequest(audit.WithMessage(audit.WithReason(ctx, hostile), hostile), audit.Request{ID: hostile, IP: "192.0.2.1", UserAgent: hostile})
	ctx = audit.WithMetadata(ctx, map[string]any{hostile: hostile})
	tx := db.WithContext(ctx)
	c := customer{Name: hostile, Phone: "1", Settings: map[string]any{hostile: hostile}, Password: "secret"}
	must(t, tx.Create(&c).Error)
	for i := range 60 {
		must(t, tx.Model(&c).Update("phone", fmt.Sprint(strings.Repeat("x", 300), i)).Error)
	}
	must(t, tx.Model(&c).Updates(&customer{Name: "a long text " + hostile, Settings: map[string]any{"city": hostile}}).Error)
	viewer, err := auditweb.New(db, auditweb.Public(), auditweb.Title(hostile), auditweb.Models(&customer{}), auditweb.Limits(time.Minute, 4),
		auditweb.Link(func(_, id string) string { return "javascript:window.pwned=1//" + id }))
	must(t, err)
	mux := http.NewServeMux()
	mux.Handle("/a/b/", http.StripPrefix("/a/b", viewer))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/a/b/"
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// browser starts Chromium, once for a test.
func browser(t *testing.T) context.Context {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed here: pages are not looked at in a browser")
	}
	// Not the test's own folder: Chromium may write to it after it was told to end.
	profile, err := os.MkdirTemp("", "viewer")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.UserDataDir(profile), chromedp.WSURLReadTimeout(2*time.Minute))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, end := context.WithTimeout(ctx, 12*time.Minute) // a busy machine; it takes half a minute otherwise
	t.Cleanup(end)
	must(t, chromedp.Run(ctx))
	return ctx
}

// watched notes what the browser complains about.
type watched struct {
	mu   sync.Mutex
	said []string
}

func watch(ctx context.Context) *watched {
	w := &watched{}
	chromedp.ListenTarget(ctx, func(event any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError || strings.Contains(e.Entry.Text, "Content Security Policy") {
				w.said = append(w.said, e.Entry.Text+" "+e.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			w.said = append(w.said, e.ExceptionDetails.Error())
		}
	})
	return w
}

func (w *watched) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

// pages are found from the start page: one of each kind, by following links.
func pages(t *testing.T, ctx context.Context, base string) []string {
	t.Helper()
	var found []string
	kinds := map[string]bool{}
	next := []string{base}
	for len(next) > 0 && len(kinds) < 20 {
		url := next[0]
		next = next[1:]
		kind, _, _ := strings.Cut(strings.TrimPrefix(url, base), "?")
		if kinds[kind] || strings.Contains(kind, ".") {
			continue
		}
		kinds[kind] = true
		found = append(found, url)
		var links []string
		must(t, chromedp.Run(ctx, chromedp.Navigate(url),
			chromedp.Evaluate(`[...document.querySelectorAll("a[href]")].map(a => new URL(a.getAttribute("href"), document.baseURI).href.split("#")[0])`, &links)))
		for _, l := range links {
			if strings.HasPrefix(l, base) {
				next = append(next, l)
			}
		}
	}
	for _, kind := range []string{"", "search", "record", "row", "then", "actor", "transaction", "stats"} {
		if !kinds[kind] {
			t.Errorf("no link leads to a page of the kind %q", kind)
		}
	}
	return append(found, base+"search?q=%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E", base+"search?since=%3Cb%3E", base+"row?table=%3Cb%3E&id=1", base+"no/such/page")
}

// Nothing of a record runs on any page, the browser has nothing to complain about, and
// every page fits a phone and a desk, by day and by night.
func TestPages(t *testing.T) {
	ctx := browser(t)
	base := site(t)
	w := watch(ctx)
	must(t, chromedp.Run(ctx, log.Enable(), runtime.Enable()))
	axe := axeSource(t)
	all := pages(t, ctx, base)
	w.take() // each is visited again below
	for _, url := range all {
		for _, width := range []int64{1440, 768, 360, 320} {
			var pwned bool
			var wide, inner int
			must(t, chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(width, 900, 1, width < 500),
				chromedp.Navigate(url),
				chromedp.Evaluate(`for (const e of document.querySelectorAll("a, bdi, input, [title]")) e.dispatchEvent(new MouseEvent("mouseover")); typeof window.pwned !== "undefined"`, &pwned),
				chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide), chromedp.Evaluate(`window.innerWidth`, &inner)))
			if pwned {
				t.Errorf("%s: text of a record has run", url)
			}
			if int64(wide) > width || int64(inner) > width {
				t.Errorf("%s: %d px wide on a screen of %d", url, max(wide, inner), width)
			}
		}
		for _, scheme := range []string{"light", "dark"} {
			checkAxe(t, ctx, axe, url, scheme)
		}
		for _, said := range w.take() {
			if strings.Contains(said, "status of 4") {
				continue // the pages that say so
			}
			t.Errorf("%s: %s", url, said)
		}
	}
}

// The watch sees what it is there for: a page that breaks its policy is complained about.
func TestWatchSees(t *testing.T) {
	ctx := browser(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", auditweb.CSP)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<title>x</title><p style="color: red">x</p><script>window.pwned=1</script>`)
	}))
	t.Cleanup(server.Close)
	w := watch(ctx)
	var pwned bool
	must(t, chromedp.Run(ctx, log.Enable(), runtime.Enable(), chromedp.Navigate(server.URL),
		chromedp.Evaluate(`typeof window.pwned !== "undefined"`, &pwned)))
	var said []string
	for i := 0; len(said) < 2 && i < 200; i++ { // complaints come on their own time
		said = append(said, w.take()...)
		time.Sleep(100 * time.Millisecond)
	}
	if len(said) < 2 || pwned {
		t.Errorf("%v, %q", pwned, said)
	}
}

// axeSource is the accessibility checker, if AUDIT_AXE names it (npm pack axe-core).
func axeSource(t *testing.T) string {
	t.Helper()
	name := os.Getenv("AUDIT_AXE")
	if name == "" {
		t.Log("AUDIT_AXE is not set: accessibility is not checked; it names axe.min.js of npm's axe-core")
		return ""
	}
	text, err := os.ReadFile(name) //nolint:gosec // the tester's own file
	must(t, err)
	return string(text)
}

func checkAxe(t *testing.T, ctx context.Context, axe, url, scheme string) {
	t.Helper()
	if axe == "" {
		return
	}
	var found []string
	must(t, chromedp.Run(ctx,
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
		chromedp.Navigate(url), chromedp.Evaluate(axe+"\n;true", nil),
		chromedp.Evaluate(`axe.run(document).then(r => r.violations.map(v => v.id + ": " + v.help + " at " + v.nodes.slice(0, 3).map(n => n.target.join(" ") + " (" + n.any.map(a => a.message).join("; ") + ")").join(", ")))`,
			&found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) })))
	for _, f := range found {
		t.Errorf("%s (%s): %s", url, scheme, f)
	}
}

// Without scripts the pages search, turn over, show a row as it was, and export.
func TestWithoutScripts(t *testing.T) {
	ctx := browser(t)
	base := site(t)
	must(t, chromedp.Run(ctx, emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(base)))
	step := func(what, want string, actions ...chromedp.Action) {
		t.Helper()
		var text string
		must(t, chromedp.Run(ctx, append(actions, chromedp.WaitReady("footer"), chromedp.Text("main", &text))...))
		if !strings.Contains(text, want) {
			t.Fatalf("%s: no %q in\n%s", what, want, text)
		}
	}
	href := func(selector string) string {
		t.Helper()
		var value string
		var ok bool
		must(t, chromedp.Run(ctx, chromedp.AttributeValue(selector, "href", &value, &ok, chromedp.ByQuery)))
		if !ok {
			t.Fatalf("%s has no link", selector)
		}
		return base + strings.TrimPrefix(value, "./")
	}
	step("search", "Changes found", chromedp.SendKeys("#q", "customer 1"), chromedp.Submit("#q"), chromedp.WaitVisible(".chips"))
	step("older", "created", chromedp.Navigate(href(`a[rel="next"]`)))
	step("newer", "changed", chromedp.Navigate(href(`a[rel="prev"]`)))
	export := href(".export a")
	step("row", "Its values", chromedp.Navigate(href(".note a")))
	step("as it was", "One change", chromedp.Navigate(href(".actions a")))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, export, nil)
	must(t, err)
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/csv") {
		t.Errorf("export: %s, %s", response.Status, kind)
	}
}
