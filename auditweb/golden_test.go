package auditweb_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditweb"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/relay"
)

// The models of the pages that are kept: people, their groups and their orders.
type person struct {
	ID        uint
	Name      string
	Phone     *string
	Note      string
	Address   map[string]any `gorm:"serializer:json"`
	Password  string
	Groups    []group `gorm:"many2many:person_groups"`
	Orders    []order
	UpdatedAt time.Time
}

type group struct {
	ID   uint
	Name string
}

type order struct {
	ID       uint
	PersonID uint
	Person   *person
	State    string
}

// goldenNow is when the pages are looked at.
var goldenNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// recordID is the id of the record with a seq.
func recordID(seq int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", seq) }

// told are records of each kind, as the plugin, its helpers and companion triggers write
// them.
func told() []audit.Record {
	grace, ada := audit.Actor{ID: "7", Type: "user", Name: "Grace"}, audit.Actor{ID: "8", Type: "agent", Name: "Ada", SessionID: "s-1", OnBehalfOf: audit.Principal{ID: "1", Type: "person", Name: "Casey"}}
	image := map[string]any{"id": int64(1), "name": "Casey", "phone": nil, "note": "", "address": map[string]any{"city": "Lyon", "zip": "69003"}, "password": "***", "updated_at": "2026-11-01T08:00:00Z"}
	update := func(column string, from, to any, changes ...audit.Change) audit.Record {
		if changes == nil {
			changes = []audit.Change{{Path: column, From: from, To: to}}
		}
		return audit.Record{Action: audit.Update, Before: map[string]any{column: from}, After: map[string]any{column: to}, Changed: []string{column}, Changes: changes, RecordType: "person", Table: "people", RecordID: "1"}
	}
	by := func(r audit.Record, who audit.Actor, reason string) audit.Record {
		r.Actor, r.Reason = who, reason
		return r
	}
	cut := map[string]any{"truncated": true, "bytes": int64(70000), "sha256": strings.Repeat("ab", 32)}
	erased := map[string]any{"erased": true}
	all := []audit.Record{
		{Action: audit.Event, RecordType: "person", Table: "people", Message: "changes of table people are recorded from here on", Metadata: map[string]any{"trail_begins": true}},
		{Action: audit.Event, RecordType: "person", Table: "people", RecordID: "1", After: image, Message: "as it was when recording began", Metadata: map[string]any{"baseline": true}},
		by(update("phone", nil, "+12345678900"), grace, "ticket 1234"),
		by(update("phone", "+12345678900", "+19876543210"), ada, "ticket 1235: called, has a new number"),
		by(update("address", image["address"], map[string]any{"city": "Oslo", "zip": "0150"}, audit.Change{Path: "address.city", From: "Lyon", To: "Oslo"}, audit.Change{Path: "address.zip", From: "69003", To: "0150"}), grace, "moved"),
		by(update("note", "Please leave parcels with the neighbour at number nine.", "Please leave parcels with the neighbour at number seven."), grace, ""),
		by(update("note", "Please leave parcels with the neighbour at number seven.", "Wants an invoice on paper, and no calls."), grace, ""),
		by(update("note", "Wants an invoice on paper, and no calls.", cut), grace, "pasted a contract"),
		by(update("note", cut, erased), grace, history.ErasedText),
		by(update("password", "***", "***"), grace, "asked for a new one"),
		{Action: audit.Update, Before: map[string]any{"note": erased}, After: map[string]any{"note": "fixed\u202e by hand\t\x1b[1m 日本語 שלום 😀"}, Changed: []string{"note"}, Changes: []audit.Change{{Path: "note", From: erased, To: "fixed\u202e by hand\t\x1b[1m 日本語 שלום 😀"}}, RecordType: "person", Table: "people", RecordID: "1", Actor: audit.Actor{ID: "analyst", Type: "db"}, Application: "psql", Metadata: map[string]any{"auditplugin": map[string]any{"by": "trigger"}}},
		by(audit.Record{Action: audit.Raw, RecordType: "people", Table: "people", Message: "UPDATE people SET note = ? WHERE note = ''", Metadata: map[string]any{"auditplugin": map[string]any{"rows": int64(3)}}}, grace, "cleaning up"),
		by(audit.Record{Action: audit.Create, RecordType: "person_groups", Table: "person_groups", RecordID: `["1","2"]`, After: map[string]any{"person_id": int64(1), "group_id": int64(2)}}, grace, ""),
		by(audit.Record{Action: audit.Create, RecordType: "order", Table: "orders", RecordID: "12", After: map[string]any{"id": int64(12), "person_id": int64(1), "state": "new"}}, audit.Actor{Type: "service", Name: "web shop"}, ""),
		by(audit.Record{Action: audit.Delete, RecordType: "order", Table: "orders", RecordID: "12", Before: map[string]any{"id": int64(12), "person_id": int64(1), "state": "new"}}, audit.Actor{}, ""),
		by(audit.Record{Action: audit.Event, RecordType: "user", RecordID: "7", Outcome: audit.Failure, Message: "sign-in refused", Metadata: map[string]any{"attempts": int64(3)}}, audit.Actor{}, ""),
	}
	for i := range all {
		r := &all[i]
		r.ID, r.TransactionID, r.SchemaVersion = recordID(i+1), fmt.Sprintf("tx-%d", i+1), audit.SchemaVersion
		r.Time = goldenNow.Add(time.Duration(i-len(all)) * 7 * time.Hour)
		if r.Outcome == "" {
			r.Outcome = audit.Success
		}
		if r.Actor.Type == "user" {
			r.IP, r.UserAgent, r.RequestID, r.Host = "192.0.2.7", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", fmt.Sprintf("req-%d", i+1), "web-1"
			r.Application, r.Source = "shop", audit.Source{File: "shop/phone.go", Line: 34, Function: "shop.changePhone"}
		}
	}
	// The group was left with the order's deletion.
	all[14].TransactionID, all[14].Cause = all[13].TransactionID, all[13].ID
	return all
}

// goldenSite is a handler about the told records, and the rows that they tell of.
func goldenSite(t *testing.T, records []audit.Record, opts ...auditweb.Option) http.Handler {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")+"?_synchronous=off"), &gorm.Config{Logger: logger.Discard, NowFunc: func() time.Time { return goldenNow }})
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { pool.Close() })
	must(t, db.AutoMigrate(&person{}, &group{}, &order{}))
	phone := "+19876543210"
	must(t, db.Create(&person{ID: 1, Name: "Casey", Phone: &phone, Note: "fixed\u202e by hand\t\x1b[1m 日本語 שלום 😀", Address: map[string]any{"city": "Oslo", "zip": "0150"}, Password: "amber-meadow", UpdatedAt: goldenNow, Groups: []group{{ID: 2, Name: "Friends"}}}).Error)
	must(t, db.Use(auditplugin.New(auditplugin.WithLogger(slog.New(slog.DiscardHandler)))))
	bound, err := emitter.Table().Bind(db)
	must(t, err)
	if len(records) > 0 {
		must(t, bound.Emit(t.Context(), records))
	}
	r, err := relay.New(db, relay.WithLogger(slog.New(slog.DiscardHandler)))
	must(t, err)
	engine, err := alert.New(db, nil, nil, alert.WithLogger(slog.New(slog.DiscardHandler)))
	must(t, err)
	opts = append([]auditweb.Option{
		auditweb.Public(), auditweb.Models(&person{}, &group{}, &order{}), auditweb.Relay(r), auditweb.Alerts(engine), auditweb.Limits(time.Minute, 4),
		auditweb.Names(history.NameAssociation(db, &order{}, "Person", history.NameFrom(db, &person{}, "Name")), history.NameAssociation(db, &person{}, "Groups", history.NameFrom(db, &group{}, "Name"))),
	}, opts...)
	h, err := auditweb.New(db, opts...)
	must(t, err)
	h.StopClock(goldenNow)
	return h
}

var hashedAsset = regexp.MustCompile(`static/(\w+)-[0-9a-f]{12}`)

// Each page is what it was. UPDATE_GOLDEN=1 writes testdata/pages anew: look at what
// becomes different, in a browser, too.
func TestGoldenPages(t *testing.T) {
	whole := goldenSite(t, told())
	hidden := goldenSite(t, told(), auditweb.Authorize(func(*http.Request) (auditweb.Viewer, error) { return auditweb.Viewer{Name: "Eve"}, nil }))
	empty, single := goldenSite(t, nil), goldenSite(t, told()[2:3])
	for name, of := range map[string]struct {
		h   http.Handler
		url string
	}{
		"start": {whole, "/"}, "start-empty": {empty, "/"}, "start-single": {single, "/"}, "start-hidden": {hidden, "/"},
		"search": {whole, "/search?table=people&column=phone"}, "search-all": {whole, "/search"}, "search-none": {whole, "/search?table=people&actor=99"},
		"record": {whole, "/record?id=" + recordID(4)}, "record-hidden": {hidden, "/record?id=" + recordID(4)}, "record-event": {whole, "/record?id=" + recordID(16)}, "record-baseline": {whole, "/record?id=" + recordID(2)},
		"record-raw": {whole, "/record?id=" + recordID(12)}, "record-companion": {whole, "/record?id=" + recordID(11)}, "record-link": {whole, "/record?id=" + recordID(13)}, "record-erased": {whole, "/record?id=" + recordID(9)},
		"row": {whole, "/row?table=people&id=1"}, "row-field": {whole, "/row?table=people&id=1&path=phone"}, "row-with": {whole, "/row?table=people&id=1&with=all"}, "row-hidden": {hidden, "/row?table=people&id=1"}, "row-gone": {whole, "/row?table=orders&id=12"},
		"then": {whole, "/then?table=people&id=1&at=3"}, "then-time": {whole, "/then?table=people&id=1&at=2026-11-21"}, "actor": {whole, "/actor?id=7&type=user"}, "transaction": {whole, "/transaction?id=tx-14"},
		"stats": {whole, "/stats"}, "delivery": {whole, "/delivery"}, "problem": {whole, "/no/such/page"}, "problem-filter": {whole, "/search?since=yesterday-ish"},
	} {
		g := get(t, of.h, of.url)
		if problem := strings.HasPrefix(name, "problem"); problem == (g.status == http.StatusOK) {
			t.Errorf("%s: status %d", of.url, g.status)
		}
		body := hashedAsset.ReplaceAllString(g.body, "static/$1")
		file := filepath.Join("testdata", "pages", name+".html")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			must(t, os.MkdirAll(filepath.Dir(file), 0o755))
			must(t, os.WriteFile(file, []byte(body), 0o644))
			continue
		}
		want, err := os.ReadFile(file)
		must(t, err)
		if body != string(want) {
			t.Errorf("%s (%s) is another page than %s", name, of.url, file)
			was, is := strings.Split(string(want), "\n"), strings.Split(body, "\n")
			for i := range min(len(was), len(is)) {
				if was[i] != is[i] {
					t.Errorf("line %d was\n%s\nand is\n%s", i+1, was[i], is[i])
					break
				}
			}
		}
	}
}
