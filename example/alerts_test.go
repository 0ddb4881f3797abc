package main

import (
	"regexp"
	"strings"
	"testing"
)

// Exactly one message arrives, for the change that was committed, in these words.
func TestAlerts(t *testing.T) {
	databases(t, func(t *testing.T, dsn string) {
		var out strings.Builder
		if err := runAlerts(t.Context(), &out, dsn); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		got := regexp.MustCompile(`\d+ \w{3} \d{4} \d\d:\d\d UTC`).ReplaceAllString(out.String(), "<time>")
		const want = `-- change the MFA phone, and change the mind: the transaction is rolled back
   as expected: changed my mind
-- change the MFA phone

== Messages that arrived at the support desk: 1 ==

MFA phone changed: account 1

Grace Hopper (user 7) changed the MFA phone of account 1: +12345678900 → +19876543210; reason: ticket 1234; <time>
https://admin.example.com/accounts/1
`
		if got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	})
}
