package auditweb_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditweb"
	"github.com/gorm-audit/auditplugin/history"
)

// hostile would run, or turn the line round, if a page let it.
const hostile = "<script>window.pwned=1</script>\" onmouseover=x ' javascript:alert(1) \u202egnp\u0000 {{.}} &amp;"

// every is a page or an export of each kind about a customer's records.
func every(t *testing.T, db *gorm.DB, c *customer) []string {
	t.Helper()
	r, err := history.Of(db, c).First(t.Context())
	must(t, err)
	id := fmt.Sprint(c.ID)
	return []string{
		"/", "/search", "/search?table=customers&id=" + id, "/record?id=" + r.ID, "/record.json?id=" + r.ID, "/row?table=customers&id=" + id,
		"/row?table=customers&id=" + id + "&with=all", "/row?table=customers&id=" + id + "&path=phone", fmt.Sprintf("/then?table=customers&id=%s&at=%d", id, r.Seq),
		"/then?table=customers&id=" + id + "&at=0d", "/actor?id=" + strings.ReplaceAll(escaped(r.Actor.ID), "+", "%20"), "/transaction?id=" + r.TransactionID, "/stats", "/search.csv", "/search.json",
	}
}

func escaped(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// Text of a record stays text: no page has an unescaped byte of it.
func TestHostileText(t *testing.T) {
	db := open(t)
	ctx := audit.WithActor(t.Context(), audit.Actor{ID: hostile, Type: hostile, Name: hostile})
	ctx = audit.WithRequest(audit.WithMessage(audit.WithReason(ctx, hostile), hostile), audit.Request{ID: hostile, IP: hostile, UserAgent: hostile})
	tx := db.WithContext(audit.WithMetadata(ctx, map[string]any{hostile: hostile}))
	c := customer{Name: hostile, Phone: text(hostile), Settings: map[string]any{hostile: []any{hostile}}, Tenant: hostile}
	must(t, tx.Create(&c).Error)
	must(t, tx.Model(&c).Updates(&customer{Name: "one two three four " + hostile, Settings: map[string]any{hostile: hostile}}).Error)
	h := viewer(t, db, auditweb.Title(hostile), auditweb.Labels(map[string]string{"phone": hostile}),
		auditweb.Link(func(_, id string) string { return "javascript:alert(" + id + ")" }))
	pages := every(t, db, &c)
	for _, at := range []string{"search?q=", "search?table=", "search?column=", "search?since=", "row?id=1&table=", "row?table=customers&id=", "row?table=customers&id=1&path=", "record?id=", "actor?id=", "transaction?id=", "then?table=customers&id=1&at=", "search?after=", "stats?table=", ""} {
		pages = append(pages, "/"+at+escaped(hostile))
	}
	for _, page := range pages {
		g := get(t, h, page)
		if g.status >= 500 {
			t.Errorf("%s: %d", page, g.status)
		}
		if strings.HasPrefix(g.header.Get("Content-Type"), "text/html") {
			g.body = regexp.MustCompile(` value="[^"]*"`).ReplaceAllString(g.body, "") // what was typed comes back as it was
			g.lacks(t, "<script>w", `" onmouseover`, "\u202e", "\x00", `href="javascript:`)
		} else {
			g.lacks(t, "\u202egnp\x00")
		}
		if g.header.Get("X-Content-Type-Options") != "nosniff" || g.header.Get("Content-Security-Policy") != auditweb.CSP {
			t.Errorf("%s: headers %v", page, g.header)
		}
	}
}

// What is secret in the records is in no page, although rows are read from the table.
func TestSecretsInNoPage(t *testing.T) {
	db := open(t)
	c := customer{Name: "Ada", Password: "amber-meadow", IBAN: "FR7630006000011234567890", Secret: "violet-harbour", Settings: map[string]any{"api_token": "silver-lagoon"}}
	must(t, as(db, "7", "Grace", "").Create(&c).Error)
	must(t, as(db, "7", "Grace", "").Model(&c).Updates(map[string]any{"password": "crimson-orchard", "secret": "x-violet-harbour", "name": "Eve"}).Error)
	h := viewer(t, db)
	pages := append(every(t, db, &c), "/search?text=amber-meadow", "/search?text=FR76300060")
	for _, page := range pages {
		g := get(t, h, page)
		body := strings.ReplaceAll(g.body, "amber-meadow", "")
		if !strings.Contains(page, "text=") {
			body = g.body
		} else if strings.Contains(g.words(), "Grace") {
			t.Errorf("%s: found by a secret value", page)
		}
		for _, secret := range []string{"amber-meadow", "crimson-orchard", "violet-harbour", "silver-lagoon", "FR7630006000"} {
			if strings.Contains(body, secret) && !strings.Contains(page, "text=") {
				t.Errorf("%s shows %s", page, secret)
			}
		}
	}
	get(t, h, "/row?table=customers&id=1").has(t, "password hidden", "iban hidden, ends in 7890", "name Eve")
}

// Nothing is shown to those who may not see it, and nothing is asked for them.
func TestAuthorize(t *testing.T) {
	db := open(t)
	c := customer{Name: "Ada"}
	must(t, as(db, "7", "Grace", "").Create(&c).Error)
	style := regexp.MustCompile(`static/style-[0-9a-f]+\.css`).FindString(get(t, viewer(t, db), "/").body)
	h := viewer(t, db, auditweb.Authorize(func(r *http.Request) (auditweb.Viewer, error) {
		if r.Header.Get("Cookie") == "" {
			return auditweb.Viewer{}, errors.New("no session of amber-meadow")
		}
		return auditweb.Viewer{Name: "Ops"}, nil
	}))
	for _, page := range append(every(t, db, &c), "/"+style, "/health", "/nothing", "/delivery") {
		g := get(t, h, page)
		if g.status != http.StatusForbidden {
			t.Errorf("%s: %d", page, g.status)
		}
		g.lacks(t, "Ada", "amber-meadow", "Grace")
	}
	if g := get(t, viewer(t, db, auditweb.HealthOpen(), auditweb.Authorize(func(*http.Request) (auditweb.Viewer, error) { return auditweb.Viewer{}, errors.New("no") })), "/health"); g.status != http.StatusOK || g.body != "ok\n" {
		t.Errorf("health: %d %s", g.status, g.body)
	}
}

// Who may not see values sees none, and cannot find out by asking.
func TestWithoutValues(t *testing.T) {
	db := open(t)
	c := customer{Name: "amber-meadow", Phone: text("violet-harbour")}
	ctx := audit.WithMetadata(audit.WithActor(t.Context(), audit.Actor{ID: "7", Name: "Grace"}), map[string]any{"k": "silver-lagoon"})
	must(t, db.WithContext(ctx).Create(&c).Error)
	must(t, db.WithContext(ctx).Model(&c).Update("phone", "crimson-orchard").Error)
	for _, export := range []bool{false, true} {
		h := viewer(t, db, auditweb.Authorize(func(*http.Request) (auditweb.Viewer, error) {
			return auditweb.Viewer{Name: "Ops", CanExport: export}, nil
		}),
			auditweb.Names(history.NameColumn("id", func(context.Context, []string) (map[string]string, error) {
				return map[string]string{"1": "amber-meadow"}, nil
			})))
		for _, page := range every(t, db, &c) {
			g := get(t, h, page)
			g.lacks(t, "amber-meadow", "violet-harbour", "crimson-orchard", "silver-lagoon")
			if isExport := strings.Contains(page, ".csv") || strings.Contains(page, ".json"); isExport && (g.status == http.StatusOK) != export {
				t.Errorf("%s: %d", page, g.status)
			}
		}
		get(t, h, "/").has(t, "Grace changed phone of customer 1", "hidden", "Seen by Ops")
		if g := get(t, h, "/search?table=customers&column=phone&became=crimson-orchard"); g.status != http.StatusForbidden {
			t.Errorf("a value can be asked for: %d", g.status)
		}
		get(t, h, "/search?text=crimson-orchard").has(t, "Nothing matches")
	}
}

// With a scope, nothing of others is on any page, under any address.
func TestScope(t *testing.T) {
	db := open(t)
	mine, other := customer{Name: "mine", Tenant: "a"}, customer{Name: "amber-meadow", Tenant: "b"}
	tenant := func(name string) context.Context {
		ctx := audit.WithActor(t.Context(), audit.Actor{ID: "u-" + name, Name: "User of " + name})
		return audit.WithTenant(ctx, name)
	}
	must(t, db.WithContext(tenant("a")).Create(&mine).Error)
	must(t, db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.WithContext(tenant("b")).Create(&other).Error)
		return tx.WithContext(tenant("b")).Model(&other).Update("phone", "violet-harbour").Error
	}))
	h := viewer(t, db, auditweb.Scope(func(_ context.Context, q history.Query) history.Query {
		return q.Tenant("a")
	}))
	for _, page := range append(every(t, db, &other), "/search?text=amber-meadow", "/search?tx=x", "/search?actor=u-b", "/search.csv?table=customers&id=2") {
		get(t, h, page).lacks(t, "violet-harbour", "User of b")
		if !strings.Contains(page, "text=") {
			get(t, h, page).lacks(t, "amber-meadow")
		}
	}
	get(t, h, "/").has(t, "User of a created customer 1")
	get(t, h, "/row?table=customers&id=1").has(t, "name mine User of a")
	// A row that others changed, too: what it is now is theirs to tell.
	must(t, db.WithContext(tenant("b")).Model(&mine).Update("name", "amber-meadow").Error)
	row := get(t, h, "/row?table=customers&id=1")
	row.has(t, "Some of its changes are not for you to see")
	row.lacks(t, "amber-meadow")
	get(t, h, "/then?table=customers&id=1&at=0d").lacks(t, "amber-meadow")
	get(t, h, "/row?table=customers&id=1&with=all").lacks(t, "amber-meadow")
}

// Exports have all that a filter finds, exactly, and no formula.
func TestExport(t *testing.T) {
	db := open(t)
	c := customer{Name: "=HYPERLINK(1)", Phone: text("+1"), Big: 9007199254740993, Settings: map[string]any{"n": json.Number("0.1234567890123456789"), "s": "a,\"b\"\n"}}
	must(t, as(db, "@7", "-Grace", "=1+1").Create(&c).Error)
	for i := range 1200 {
		must(t, as(db, "7", "Grace", "").Model(&c).Update("phone", fmt.Sprint("n", i)).Error)
	}
	must(t, as(db, "8", "Eve", "").Model(&c).Updates(map[string]any{"phone": nil, "name": ""}).Error)
	h := viewer(t, db)
	g := get(t, h, "/search.csv?table=customers")
	lines, err := csv.NewReader(strings.NewReader(g.body)).ReadAll()
	must(t, err)
	if len(lines) != 1+2+1200+8 || g.status != http.StatusOK || !strings.HasPrefix(g.header.Get("Content-Disposition"), `attachment; filename="audit-`) {
		t.Errorf("%d lines, %d, %s", len(lines), g.status, g.header)
	}
	for _, line := range lines {
		for _, cell := range line {
			if strings.ContainsRune("=+-@", rune((cell + " ")[0])) {
				t.Errorf("a formula: %q", cell)
			}
		}
	}
	found := map[string]string{}
	for _, line := range lines {
		found[line[11]+" of "+line[2]] = line[12] + " → " + line[13]
	}
	for field, want := range map[string]string{
		"big of create": " → 9007199254740993", "name of create": " → '=HYPERLINK(1)", "name of update": "'=HYPERLINK(1) → \"\"", "settings of create": ` → {"n":0.1234567890123456789,"s":"a,\"b\"\n"}`,
	} {
		if found[field] != want {
			t.Errorf("%s: %q, not %q", field, found[field], want)
		}
	}
	var document struct {
		Export  map[string]any
		Entries []history.Entry
	}
	must(t, json.Unmarshal([]byte(get(t, h, "/search.json?actor=8").body), &document))
	if len(document.Entries) != 1 || document.Entries[0].Actor.Name != "Eve" || document.Export["newest_seq"] != 1202.0 {
		t.Errorf("%+v", document)
	}
	get(t, h, "/search?actor_type=user&action=create").has(t, "9007199254740993")
	get(t, h, "/row?table=customers&id=1").has(t, "phone nothing Eve", "name empty Eve", "big 9007199254740993", "n: 0.1234567890123456789")
}

// What was looked at can be recorded; and where that fails, nothing is shown.
func TestOnAccess(t *testing.T) {
	db := open(t)
	c := customer{Name: "Ada"}
	must(t, as(db, "7", "Grace", "").Create(&c).Error)
	var seen []string
	fail := errors.New("cannot")
	var err error
	h := viewer(t, db, auditweb.OnAccess(func(_ *http.Request, a auditweb.Access) error {
		seen = append(seen, a.Page+"?"+a.Query)
		return err
	}))
	for _, page := range []string{"/row?table=customers&id=1", "/search.csv?actor=7"} {
		err = nil
		get(t, h, page)
		err = fail
		if g := get(t, h, page); g.status != http.StatusServiceUnavailable || strings.Contains(g.body, "Ada") {
			t.Errorf("%s: %d", page, g.status)
		}
	}
	if want := "row?table=customers&id=1 row?table=customers&id=1 search.csv?actor=7 search.csv?actor=7"; strings.Join(seen, " ") != want {
		t.Errorf("%s", seen)
	}
}

// A database that does not answer is said to be so, without its words.
func TestDatabaseAway(t *testing.T) {
	db := open(t)
	h := viewer(t, db)
	pool, err := db.DB()
	must(t, err)
	must(t, pool.Close())
	for _, page := range []string{"/", "/search", "/search.csv", "/row?table=customers&id=1", "/stats", "/health"} {
		if g := get(t, h, page); g.status != http.StatusServiceUnavailable || strings.Contains(g.body, "sql:") {
			t.Errorf("%s: %d %s", page, g.status, g.words())
		}
	}
}

func TestOptions(t *testing.T) {
	db := open(t)
	for name, opts := range map[string][]auditweb.Option{
		"nobody said who may": {}, "no function": {auditweb.Authorize(nil)}, "no scope": {auditweb.Public(), auditweb.Scope(nil)},
		"no model": {auditweb.Public(), auditweb.Models(7)}, "no time": {auditweb.Public(), auditweb.Limits(0, 1)}, "no zone": {auditweb.Public(), auditweb.Zone(nil)},
		"names of nothing": {auditweb.Public(), auditweb.Names(history.NameAssociation(db, &customer{}, "NoSuch", func(context.Context, []string) (map[string]string, error) { return nil, nil }))},
	} {
		if _, err := auditweb.New(db, opts...); !errors.Is(err, auditweb.ErrInvalidOption) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := auditweb.New(nil, auditweb.Public()); !errors.Is(err, auditweb.ErrInvalidOption) {
		t.Errorf("no database: %v", err)
	}
}

// The policy forbids what is written into a page: no template tries.
func TestTemplatesKeepThePolicy(t *testing.T) {
	inline := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script(?: defer)?>|javascript:|https?://`)
	n := 0
	must(t, fs.WalkDir(os.DirFS("pages"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		body, err := os.ReadFile("pages/" + name)
		if found := inline.Find(body); found != nil {
			t.Errorf("%s has %q", name, found)
		}
		return err
	}))
	if n < 10 {
		t.Errorf("only %d templates", n)
	}
}
