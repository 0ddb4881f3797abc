package auditweb_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// recorded writes a record as it is.
func recorded(t *testing.T, db *gorm.DB, r audit.Record) {
	t.Helper()
	bound, err := emitter.Table().Bind(db)
	must(t, err)
	r.Outcome, r.SchemaVersion, r.Time = audit.Success, audit.SchemaVersion, goldenNow
	must(t, bound.Emit(t.Context(), []audit.Record{r}))
}

// manyLong is a record of a table of many columns with long values.
func manyLong(columns int) audit.Record {
	r := audit.Record{ID: recordID(1), Action: audit.Update, RecordType: "wide", Table: "wides", RecordID: "1", Before: map[string]any{}, After: map[string]any{}}
	for i := range columns {
		name, from := fmt.Sprintf("c%03d", i), strings.Repeat("before ", 1400)
		to := strings.Repeat("after ", 1600) + fmt.Sprintf("end-of-%03d", i)
		r.Before[name], r.After[name], r.Changed = from, to, append(r.Changed, name)
		r.Changes = append(r.Changes, audit.Change{Path: name, From: from, To: to})
	}
	return r
}

// A page stays small whatever it is about, and all that it leaves out is behind a link.
func TestPageSize(t *testing.T) {
	db := open(t)
	recorded(t, db, manyLong(150))
	h := viewer(t, db)
	record := get(t, h, "/record?id="+recordID(1))
	for _, g := range []got{record, get(t, h, "/"), get(t, h, "/row?table=wides&id=1")} {
		if g.status != http.StatusOK || len(g.body) > 700_000 {
			t.Errorf("%d, %d bytes", g.status, len(g.body))
		}
	}
	record.has(t, "c000", "c149", "How it is stored is too long for a page; the export has it.")
	if strings.Contains(record.body, "end-of-149") {
		t.Fatal("the last value is there")
	}
	get(t, h, "/record?id="+recordID(1)+"&path=c149").has(t, "end-of-149", "All of the record")
	if !strings.Contains(record.body, `<a class="more" href="record?id=`+recordID(1)+`&amp;path=c149">all of it</a>`) {
		t.Error("no link to all of it")
	}
}

// A record of very many fields is shown by and by.
func TestManyFields(t *testing.T) {
	db := open(t)
	r := manyLong(600)
	for i := range r.Changes {
		c := &r.Changes[i]
		c.From, c.To = int64(i), int64(-i-1)
		r.Before[c.Path], r.After[c.Path] = c.From, c.To
	}
	recorded(t, db, r)
	h := viewer(t, db)
	first := get(t, h, "/record?id="+recordID(1))
	first.has(t, "and 598 other fields", "c249", "and 350 more fields")
	first.lacks(t, ">c250<")
	get(t, h, "/record?id="+recordID(1)+"&skip=250").has(t, "c250", "c499", "and 100 more fields", "All of the record")
	get(t, h, "/record?id="+recordID(1)+"&skip=500").has(t, "c500", "c599")
	if g := get(t, h, "/record?id="+recordID(1)+"&skip=x"); g.status != http.StatusBadRequest {
		t.Errorf("%d", g.status)
	}
}

// A change of nothing but white space says so, and shows where.
func TestWhiteSpace(t *testing.T) {
	db := open(t)
	c := customer{Name: "Ada Lovelace"}
	must(t, as(db, "7", "Grace", "").Create(&c).Error)
	must(t, as(db, "7", "Grace", "").Model(&c).Update("name", "Ada  Lovelace ").Error)
	h := viewer(t, db)
	for _, page := range []string{"/", "/row?table=customers&id=1&path=name"} {
		get(t, h, page).has(t, "Ada ␣ Lovelace ␣ only white space is different")
	}
	get(t, h, "/then?table=customers&id=1&at=1").has(t, "Ada␣Lovelace Ada␣␣Lovelace␣ only white space is different")
}

// Each side of a change, and each text of a document, keeps its own direction.
func TestDirections(t *testing.T) {
	db := open(t)
	c := customer{Name: "שלום עולם וברכה לכולם", Settings: map[string]any{"שם": []any{"ערך", 1}}}
	must(t, as(db, "7", "محمد", "").Create(&c).Error)
	must(t, as(db, "7", "محمد", "").Model(&c).Update("name", "שלום עולם וברכה לכולנו").Error)
	h := viewer(t, db)
	page := get(t, h, "/row?table=customers&id=1")
	for _, want := range []string{
		`<bdi class="v v-json" dir="ltr">{ <bdi>&#34;שם&#34;</bdi>: [ <bdi>&#34;ערך&#34;</bdi>, 1 ] }</bdi>`,
		`<p class="runs" dir="auto">`, `<bdi>محمد</bdi>`,
	} {
		if !strings.Contains(page.body, want) {
			t.Errorf("no %q in\n%s", want, page.body)
		}
	}
}

// What a page says of a transaction is of as many records as it shows.
func TestLongTransaction(t *testing.T) {
	db := open(t)
	all := make([]customer, 230)
	must(t, as(db, "7", "Grace", "").CreateInBatches(&all, 230).Error)
	h := viewer(t, db)
	tx := regexp.MustCompile(`transaction\?id=[^"]+`).FindString(get(t, h, "/record?id="+firstID(t, db)).body)
	get(t, h, "/"+tx).has(t, "The first 200 changes of one transaction", "There are more: all of them , newest first.")
}

func firstID(t *testing.T, db *gorm.DB) (id string) {
	t.Helper()
	must(t, db.Raw("SELECT id FROM audit_logs WHERE seq = 1").Scan(&id).Error)
	return id
}

// A tenant with spaces around its name is found by the links to it.
func TestOddTenant(t *testing.T) {
	db := open(t)
	ctx := audit.WithTenant(t.Context(), ` the "odd" one `)
	must(t, db.WithContext(ctx).Create(&customer{Name: "Ada"}).Error)
	must(t, db.Create(&customer{Name: "Eve"}).Error)
	h := viewer(t, db)
	link := regexp.MustCompile(`href="(search\?[^"]*tenant[^"]*)"`).FindStringSubmatch(get(t, h, "/record?id="+firstID(t, db)).body)
	if link == nil {
		t.Fatal("no link to the tenant")
	}
	found := get(t, h, "/"+html.UnescapeString(link[1]))
	found.has(t, "created customer 1")
	if strings.Contains(found.words(), "customer 2") {
		t.Errorf("another tenant's, too\n%s", found.words())
	}
}

// What is about no table has a name, too, where an actor's changes are counted.
func TestActorWithoutTable(t *testing.T) {
	db := open(t)
	recorded(t, db, audit.Record{ID: recordID(1), Action: audit.Event, Message: "signed in", Actor: audit.Actor{ID: "7", Type: "user"}})
	must(t, db.Exec("UPDATE audit_logs SET occurred_at = (SELECT strftime('%Y-%m-%d %H:%M:%f', 'now'))").Error)
	get(t, viewer(t, db), "/actor?id=7").has(t, "What no table 1")
}

// Long reasons, messages and names do not take the page.
func TestLongWords(t *testing.T) {
	db := open(t)
	must(t, as(db, "7", strings.Repeat("name ", 40), strings.Repeat("why ", 500)).Create(&customer{Name: "Ada"}).Error)
	recorded(t, db, audit.Record{ID: recordID(1), Action: audit.Event, RecordType: "user", RecordID: "   ", Message: strings.Repeat("said ", 500)})
	h := viewer(t, db)
	start := get(t, h, "/")
	start.has(t, "name name … created customer 1", "all 2,000 characters", "all 2,500 characters")
	get(t, h, "/record?id="+recordID(1)).has(t, "Row user ␣␣␣", "all 2,500 characters")
	get(t, h, "/actor?id=7&type=user").has(t, strings.TrimSpace(strings.Repeat("name ", 40))+"␣")
}

// A row as it was has room for each of its fields, on a page of the field if need be.
func TestLongRowThen(t *testing.T) {
	db := open(t)
	c := customer{Name: strings.Repeat("n", 60_000), Phone: text(strings.Repeat("1", 60_000)), Password: "p"}
	must(t, as(db, "7", "Grace", "").Create(&c).Error)
	must(t, as(db, "7", "Grace", "").Model(&c).Updates(map[string]any{"name": strings.Repeat("m", 60_000), "phone": strings.Repeat("2", 60_000)}).Error)
	h := viewer(t, db)
	whole := get(t, h, "/then?table=customers&id=1&at=1")
	link := regexp.MustCompile(`href="(then\?[^"]*path=phone[^"]*)"`).FindStringSubmatch(whole.body)
	if link == nil || len(whole.body) > 250_000 {
		t.Fatalf("%d bytes, link %q", len(whole.body), link)
	}
	field := get(t, h, "/"+html.UnescapeString(link[1]))
	field.has(t, "All fields", strings.Repeat("1", 60_000), strings.Repeat("2", 60_000))
	field.lacks(t, ">name<")
}
