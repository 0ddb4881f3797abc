package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// A document reads from left to right, also where its texts do not.
func TestDocumentDirection(t *testing.T) {
	ctx := browser(t)
	base := about(t, customer{Name: "x", Settings: map[string]any{"שם": []any{"ערך", "city"}}})
	var places []float64
	must(t, chromedp.Run(ctx, chromedp.Navigate(base+"row?table=customers&id=1"), chromedp.Evaluate(`[...document.querySelectorAll(".v-json")[0].childNodes].map(n => {
		const r = document.createRange();
		r.selectNodeContents(n);
		return r.getBoundingClientRect().left;
	})`, &places)))
	if len(places) < 5 {
		t.Fatal(places)
	}
	for i, x := range places[1:] {
		if x <= places[i] {
			t.Errorf("part %d stands before the one before it: %v", i+1, places)
		}
	}
}
