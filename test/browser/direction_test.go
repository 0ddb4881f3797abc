package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A document reads from left to right, also where its texts do not, and
// where it is cut within one of them.
func TestDocumentDirection(t *testing.T) {
	ctx := browser(t)
	base := about(t, customer{Name: "x", Settings: map[string]any{"שם": []any{strings.Repeat("ערך ", 100)}}})
	var places []float64
	must(t, chromedp.Run(ctx, chromedp.Navigate(base+"row?table=customers&id=1"), chromedp.Evaluate(`[...document.querySelectorAll(".v-json")[0].childNodes].slice(0, 2).map(n => {
		const r = document.createRange();
		r.selectNodeContents(n);
		return r.getBoundingClientRect().left;
	})`, &places)))
	if len(places) != 2 || places[0] >= places[1] {
		t.Errorf("the brace stands behind the first name: %v", places)
	}
}
