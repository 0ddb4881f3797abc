package dialect

import "testing"

func TestPlaceholders(t *testing.T) {
	const query = "UPDATE t SET a = ? WHERE b = ? AND c IN (?,?)"
	if got, want := Placeholders(Postgres, query), "UPDATE t SET a = $1 WHERE b = $2 AND c IN ($3,$4)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, dialect := range []string{SQLite, MySQL} {
		if got := Placeholders(dialect, query); got != query {
			t.Errorf("%s: %s", dialect, got)
		}
	}
}
