package auditweb_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditweb"
	"github.com/gorm-audit/auditplugin/history"
)

// Who changed this phone number, and when: found on every way that people take.
func TestWhoChangedThePhone(t *testing.T) {
	db := open(t)
	c := customer{Name: "Ada", Phone: text("+12345678900"), Settings: map[string]any{"city": "Lyon"}}
	must(t, as(db, "import", "first import", "").Create(&c).Error)
	must(t, as(db, "7", "Grace", "ticket 1234").Model(&c).Update("phone", "+19876543210").Error)
	must(t, as(db, "8", "Eve", "ticket 1235").Model(&c).Update("name", "Ada L.").Error)
	h := viewer(t, db)
	for _, page := range []string{
		"/", "/search", "/search?column=phone", "/search?q=%2B19876543210", "/search?q=customer+1", "/search?q=customers", "/search?q=%22ticket+1234%22",
		"/search?q=column:phone+actor:7+since:1d", "/search?table=customers&column=phone&became=%2B19876543210",
		"/search?table=customers&column=phone&was=%2B12345678900", "/actor?id=7&type=user",
	} {
		get(t, h, page).has(t, "Grace changed phone of customer 1", "from +12345678900 → to +19876543210", "ticket 1234")
	}
	row := get(t, h, "/row?table=customers&id=1")
	row.has(t, "Grace changed phone", "phone +19876543210 Grace", "name Ada L. Eve", "ticket 1234", "first import created it")
	get(t, h, "/row?table=customers&id=1&path=phone").has(t, "Only changes of phone", "Grace changed phone")
	get(t, h, "/row?table=customers&id=1&path=phone").lacks(t, ">Eve</bdi></a> changed name")

	r, err := history.Of(db, &c).Column("phone").First(t.Context())
	must(t, err)
	record := get(t, h, "/record?id="+r.ID)
	record.has(t, "Grace changed phone of customer 1", "Why ticket 1234", "Who Grace (user 7)", "Transaction "+r.TransactionID)
	before := get(t, h, fmt.Sprintf("/then?table=customers&id=1&at=%d", r.Seq-1))
	before.has(t, "2 fields are different now", "phone (different now) +12345678900 +19876543210", "name (different now) Ada Ada L.", "settings city: Lyon the same")
	get(t, h, fmt.Sprintf("/then?table=customers&id=1&at=%d", r.Seq)).has(t, "1 field is different now", "phone +19876543210 the same")
	get(t, h, "/then?table=customers&id=1&at=2020-01-01").has(t, "There was no such row then. It was made later.")
	get(t, h, "/transaction?id="+r.TransactionID).has(t, "1 change in one transaction", "Grace changed phone")
	get(t, h, "/stats").has(t, "customers 3", "changed 2", "Grace 1", "3 records, at most 3 a day")
}

func TestRowThatIsGone(t *testing.T) {
	db := open(t)
	c := customer{Name: "Ada", Phone: text("1")}
	must(t, as(db, "7", "Grace", "").Create(&c).Error)
	must(t, as(db, "8", "Eve", "").Delete(&c).Error)
	h := viewer(t, db)
	get(t, h, "/row?table=customers&id=1").has(t, "does not exist any more", "Its last values, and who set them", "Eve deleted it")
	get(t, h, "/then?table=customers&id=1&at=1").has(t, "The row does not exist any more.", "name (different now) Ada —")
}

// A key of several columns, and one that no path could carry.
func TestKeys(t *testing.T) {
	db := open(t)
	must(t, as(db, "7", "Grace", "").Create(&visit{Place: "../../a/b?c#d%2F", Day: 3, Note: "one"}).Error)
	must(t, as(db, "7", "Grace", "").Model(&visit{Place: "../../a/b?c#d%2F", Day: 3}).Update("note", "two").Error)
	h := viewer(t, db)
	link := regexp.MustCompile(`href="(row\?[^"]*)"`).FindStringSubmatch(get(t, h, "/").body)
	if link == nil {
		t.Fatal("no link to the row")
	}
	row := get(t, h, "/"+strings.ReplaceAll(link[1], "&amp;", "&"))
	row.has(t, "Grace changed note", "note two Grace", "place ../../a/b?c#d%2F Grace")
}

func TestPaging(t *testing.T) {
	db := open(t)
	c := customer{Name: "Ada", Phone: text("start")}
	must(t, as(db, "7", "Grace", "").Create(&c).Error)
	for i := range 119 {
		must(t, as(db, "7", "Grace", "").Model(&c).Update("phone", fmt.Sprintf("number-%03d", i)).Error)
	}
	h := viewer(t, db)
	seqs := regexp.MustCompile(`record\?id=([0-9a-f-]+)"><time`)
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	prev := regexp.MustCompile(`rel="prev" href="([^"]+)"`)
	for _, first := range []string{"/search", "/row?table=customers&id=1", "/actor?id=7"} {
		var pages [][]string
		var last got
		url := first
		for range 5 {
			last = get(t, h, url)
			var ids []string
			for _, m := range seqs.FindAllStringSubmatch(last.body, -1) {
				ids = append(ids, m[1])
			}
			pages = append(pages, ids)
			m := next.FindStringSubmatch(last.body)
			if m == nil {
				break
			}
			url = "/" + strings.ReplaceAll(m[1], "&amp;", "&")
			if len(pages) == 1 { // written meanwhile: moves no page
				must(t, as(db, "9", "Somebody else", "").Create(&customer{Name: "new"}).Error)
			}
		}
		if len(pages) != 3 || len(pages[0]) != 50 || len(pages[1]) != 50 || len(pages[2]) < 20 {
			t.Fatalf("%s: %d pages", first, len(pages))
		}
		seen := map[string]bool{}
		for _, id := range slices.Concat(pages...) {
			if seen[id] {
				t.Errorf("%s: %s twice", first, id)
			}
			seen[id] = true
		}
		m := prev.FindStringSubmatch(last.body)
		if m == nil {
			t.Fatalf("%s: no way back", first)
		}
		back := get(t, h, "/"+strings.ReplaceAll(m[1], "&amp;", "&"))
		var ids []string
		for _, m := range seqs.FindAllStringSubmatch(back.body, -1) {
			ids = append(ids, m[1])
		}
		if !slices.Equal(ids, pages[1]) {
			t.Errorf("%s: the way back leads elsewhere", first)
		}
	}
}

// Every link of every page leads somewhere, wherever the handler is mounted.
func TestPrefixes(t *testing.T) {
	db := open(t)
	c := customer{Name: "Ada", Phone: text("1")}
	must(t, as(db, "7", "Grace", "").Create(&c).Error)
	must(t, as(db, "7", "Grace", "").Model(&c).Update("phone", "2").Error)
	inner := viewer(t, db)
	links := regexp.MustCompile(`(?:href|src)="([^"]+)"`)
	for _, prefix := range []string{"", "/audit", "/a/b/c"} {
		mux := http.NewServeMux()
		mux.Handle(prefix+"/", http.StripPrefix(prefix, inner))
		base, err := url.Parse(prefix + "/")
		must(t, err)
		seen := map[string]bool{}
		todo := []*url.URL{base, base.ResolveReference(&url.URL{Path: "no/such/page"})}
		for len(todo) > 0 {
			at := todo[0]
			todo = todo[1:]
			if seen[at.String()] || len(seen) > 150 {
				continue
			}
			seen[at.String()] = true
			g := get(t, mux, at.String())
			if g.status != http.StatusOK && !strings.Contains(at.Path, "no/such") {
				t.Errorf("%s: %d\n%s", at, g.status, g.words())
			}
			if !strings.HasPrefix(g.header.Get("Content-Type"), "text/html") {
				continue
			}
			for _, m := range links.FindAllStringSubmatch(g.body, -1) {
				to, err := at.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
				must(t, err)
				if !strings.HasPrefix(to.Path, prefix+"/") {
					t.Errorf("%s: %s leads out of %s", at, m[1], prefix)
				}
				to.Fragment = ""
				todo = append(todo, to)
			}
		}
		if len(seen) < 20 {
			t.Errorf("%q: only %d pages and files", prefix, len(seen))
		}
	}
}

func TestErrorPages(t *testing.T) {
	db := open(t)
	must(t, as(db, "7", "Grace", "").Create(&customer{Name: "Ada", Password: "p"}).Error)
	h := viewer(t, db)
	for page, want := range map[string]int{
		"/nothing": 404, "/record?id=nothing": 404, "/row?table=customers&id=99": 404, "/row?table=nothing&id=1": 404, "/then?table=customers&id=99&at=1": 404,
		"/actor?id=nobody": 404, "/transaction?id=nothing": 404, "/static/nothing.js": 404, "/delivery": 404, "/static/": 404, "/search/": 404,
		"/record": 400, "/row": 400, "/row?table=customers": 400, "/then?table=customers&id=1&at=soon": 400, "/then?table=customers&id=1": 400, "/actor": 400, "/transaction": 400,
		"/search?since=yesterday": 400, "/search?until=0000-00-00": 400, "/search?action=explode": 400, "/search?id=1": 400, "/search?became=1": 400, "/search?after=xyz": 400, "/search?before=xyz": 400,
		"/search?q=%22open": 400, "/search?q=actor:": 400, "/search?a=%zz": 400, "/stats?days=400": 400, "/search?table=customers&column=password&became=p": 400,
		"/search.csv?since=yesterday": 400, "/record.json?id=nothing": 404, "/search?text=nothing+like+it": 200, "/search?table=nothing": 200, "/row?table=customers&id=1&path=": 200,
	} {
		g := get(t, h, page)
		if g.status != want {
			t.Errorf("%s: %d, not %d\n%s", page, g.status, want, g.words())
		}
		if g.header.Get("Content-Security-Policy") != auditweb.CSP {
			t.Errorf("%s: without its policy", page)
		}
	}
	get(t, h, "/search?since=yesterday").has(t, "“since”", "yesterday", "write 2026-11-23")
	get(t, h, "/search?text=nothing+like+it").has(t, "Nothing found", "Nothing matches this.")
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		if g := ask(t, h, method, "/search"); g.status != http.StatusMethodNotAllowed || g.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, g.status)
		}
	}
	if g := ask(t, h, http.MethodHead, "/search.csv"); g.status != http.StatusOK || g.body != "" {
		t.Errorf("HEAD: %d %q", g.status, g.body)
	}
}

// A row of a join table reads as what it adds; an event as what it says.
func TestEvents(t *testing.T) {
	db := open(t)
	ctx := audit.WithActor(t.Context(), audit.Actor{ID: "7", Type: "user", Name: "Grace"})
	must(t, db.WithContext(audit.Skip(ctx, "too many")).Create(&customer{Name: "Ada"}).Error)
	must(t, db.WithContext(ctx).Exec("UPDATE customers SET name = 'x' WHERE id = 1").Error)
	h := viewer(t, db)
	start := get(t, h, "/")
	start.has(t, "Grace ran SQL on", "Grace noted")
	start.lacks(t, "'x'")
}

// For whom somebody acted, and whose data they are, is on the record's page and can be
// searched for.
func TestOnBehalfAndTenant(t *testing.T) {
	db := open(t)
	agent := audit.Actor{ID: "7", Type: "agent", Name: "Ada", SessionID: "s-1", OnBehalfOf: audit.Principal{ID: "9", Type: "customer", Name: "Grace"}}
	ctx := audit.WithTenant(audit.WithActor(t.Context(), agent), "acme")
	must(t, db.WithContext(ctx).Create(&customer{Name: "one"}).Error)
	must(t, as(db, "8", "Eve", "").Create(&customer{Name: "two"}).Error)
	h := viewer(t, db)
	r, err := history.Search(db).Tenant("acme").First(t.Context())
	must(t, err)
	get(t, h, "/record?id="+r.ID).has(t, "On behalf of Grace (customer 9)", "Session s-1", "Tenant acme")
	for _, q := range []string{"tenant=acme", "for=9", "q=tenant:acme", "q=for:9"} {
		page := get(t, h, "/search?"+q)
		page.has(t, "Ada created customer 1")
		page.lacks(t, "Eve")
	}
}
