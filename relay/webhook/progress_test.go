package webhook

import (
	"net/http"
	"slices"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

// A receiver that takes two records and then wants a pause gets all of a transaction, each
// record once.
func TestRetryGoesOn(t *testing.T) {
	r := newReceiver(t, oldSecret)
	requests := 0
	r.answer = func(w http.ResponseWriter) bool {
		if requests++; requests%3 == 0 {
			w.WriteHeader(http.StatusTooManyRequests)
			return false
		}
		return true
	}
	sink := newSink(t, r.URL)
	records := emittertest.Records("x", 5)
	calls := 1
	for ; sink.Emit(t.Context(), records) != nil; calls++ {
		if calls > 10 {
			t.Fatal("it begins again and again")
		}
	}
	if calls != 3 {
		t.Errorf("%d calls", calls)
	}
	if got := r.received(); !slices.EqualFunc(got, records, sameID) {
		t.Errorf("received %d records, want each of the 5 once", len(got))
	}
}

// What is asked for again on purpose is sent again, also behind a call that failed.
func TestOtherCallsBeginAnew(t *testing.T) {
	r := newReceiver(t, oldSecret)
	requests := 0
	r.answer = func(w http.ResponseWriter) bool {
		if requests++; requests == 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return requests != 3
	}
	sink := newSink(t, r.URL)
	records := emittertest.Records("x", 4)
	if sink.Emit(t.Context(), records) == nil {
		t.Fatal("the third request was refused")
	}
	want := slices.Concat(records[:2], records[:1], records)
	for _, call := range [][]audit.Record{records[:1], records} {
		if err := sink.Emit(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.received(); !slices.EqualFunc(got, want, sameID) {
		t.Errorf("received %d records, want %d", len(got), len(want))
	}
}

func sameID(a, b audit.Record) bool { return a.ID == b.ID }
