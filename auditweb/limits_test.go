package auditweb_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/auditweb"
)

// A page that takes too long says so, and how to ask for less.
func TestTooSlow(t *testing.T) {
	db := open(t)
	h := viewer(t, db, auditweb.Limits(time.Millisecond, 4), auditweb.OnAccess(func(*http.Request, auditweb.Access) error {
		time.Sleep(20 * time.Millisecond)
		return nil
	}))
	g := get(t, h, "/search")
	g.has(t, "That takes too long", "Narrow it: by a row, an actor or a transaction")
	if g.status != http.StatusServiceUnavailable || g.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", g.status, g.header)
	}
}

// Only so many ask the database at once; others wait, and are told when that is too long.
func TestTooMany(t *testing.T) {
	db := open(t)
	inside, leave := make(chan bool), make(chan bool)
	h := viewer(t, db, auditweb.Limits(100*time.Millisecond, 1), auditweb.OnAccess(func(r *http.Request, _ auditweb.Access) error {
		if r.URL.RawQuery == "first" {
			inside <- true
			<-leave
		}
		return nil
	}))
	done := make(chan got)
	go func() { done <- get(t, h, "/search?first") }()
	<-inside
	if g := get(t, h, "/search"); g.status != http.StatusTooManyRequests || g.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", g.status, g.header)
	}
	close(leave)
	<-done
	if g := get(t, h, "/nothing"); g.status != http.StatusNotFound {
		t.Errorf("afterwards: %d", g.status)
	}
}

// A search for text goes through so many records at a time, and says so.
func TestTextByStretches(t *testing.T) {
	db := open(t)
	must(t, as(db, "7", "Grace", "rare words").Create(&customer{Name: "Ada"}).Error)
	must(t, as(db, "8", "Eve", "").Create(&customer{Name: "Ann"}).Error)
	must(t, db.Exec("UPDATE audit_logs SET seq = 250000 WHERE seq = 2").Error)
	h := viewer(t, db)
	newest := get(t, h, "/search?text=rare+words")
	newest.has(t, "Nothing matches", "50,000 records were looked through")
	get(t, h, "/search?text=rare+words&top=150000").has(t, "Nothing matches", "Look through older ones")
	oldest := get(t, h, "/search?text=rare+words&top=50000")
	oldest.has(t, "Grace created customer 1")
	oldest.lacks(t, "Look through older ones")
	get(t, h, "/search?text=rare+words&actor=7").has(t, "Grace created customer 1")
	if g := get(t, h, "/search?text=x&top=y"); g.status != http.StatusBadRequest {
		t.Errorf("%d", g.status)
	}
}
