package main

import (
	"strings"
	"testing"
)

// One row, three ways, one trail, and no secret in it.
func TestCompanionTour(t *testing.T) {
	databases(t, func(t *testing.T, dsn string) {
		var out strings.Builder
		if err := runCompanion(t.Context(), &out, dsn); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		const want = `== One row, changed in three ways ==

create by Grace: hired

update by Grace: ticket 1234
     mfa_phone: +12345678900 → +19876543210

update by Grace: ticket 1235
     name: Ada → ADA

update by another program: 
     mfa_phone: +19876543210 → +1666
     recovery_code: ***77 → ***12

triggers out of date: 0
`
		got := out.String()
		// GORM sets the time of its own updates.
		lines := strings.SplitAfter(got, "\n")
		got = ""
		for _, l := range lines {
			if !strings.Contains(l, "updated_at") {
				got += l
			}
		}
		if got != want {
			t.Errorf("the tour shows\n%s", got)
		}
	})
}
