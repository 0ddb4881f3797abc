package main

import (
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/trail.txt from the SQLite run")

// databases lists the DSNs to run the tour on; servers take part when they are named.
func databases(t *testing.T, each func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { each(t, "") })
	for name, env := range map[string]string{"postgres": "AUDIT_POSTGRES_DSN", "mysql": "AUDIT_MYSQL_DSN"} {
		t.Run(name, func(t *testing.T) {
			dsn := os.Getenv(env)
			if dsn == "" {
				t.Skip(env + " is not set")
			}
			each(t, dsn)
		})
	}
}

// The whole output: which lines each step emits, and the trail, which is the same
// on every database.
func TestTour(t *testing.T) {
	databases(t, func(t *testing.T, dsn string) {
		var out strings.Builder
		if err := run(t.Context(), &out, dsn); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		live, trail, ok := strings.Cut(out.String(), "\n== The audit table, read back ==\n")
		if !ok {
			t.Fatalf("no trail in:\n%s", out.String())
		}
		checkLines(t, live)
		checkTrail(t, trail, dsn)
		for _, secret := range []string{"amber-meadow", "violet-harbour", "argon2id"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("the output shows the secret %q", secret)
			}
		}
	})
}

// The actions of the lines each step emits, sorted, since the order of rows within
// one statement is the database's.
func checkLines(t *testing.T, live string) {
	want := []struct {
		step    string
		actions []string
	}{
		{"create three roles", []string{
			"account.create", "account.create", "account.create",
			"role.create", "role.create", "role.create", "tour_account_roles.create",
		}},
		{"change the MFA phone", []string{"account.update"}},
		{"change a masked field", []string{"account.update"}},
		{"deactivate every account", []string{"account.update", "account.update"}},
		{"soft-delete", []string{"account.soft_delete"}},
		{"restore", []string{"account.restore"}},
		{"replace its roles", []string{"account.update", "tour_account_roles.create", "tour_account_roles.delete"}},
		{"roll a transaction back", nil},
		{"forget the reason", []string{"account.event"}},
	}
	sections := strings.Split(live, "\n-- ")[1:]
	if len(sections) != len(want) {
		t.Fatalf("%d steps, want %d", len(sections), len(want))
	}
	for i, section := range sections {
		title, body, _ := strings.Cut(section, "\n")
		if !strings.HasPrefix(title, want[i].step) {
			t.Errorf("step %d is %q, want %q", i, title, want[i].step)
		}
		var actions []string
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, "{") {
				actions = append(actions, action(t, line))
			}
		}
		slices.Sort(actions)
		if !slices.Equal(actions, want[i].actions) {
			t.Errorf("%s: emitted %q, want %q", title, actions, want[i].actions)
		}
	}
}

func action(t *testing.T, line string) string {
	if !strings.HasPrefix(line, `{"@timestamp":"`) {
		t.Errorf("line does not start with @timestamp: %s", line)
	}
	var record struct {
		Event struct{ Action string }
		Log   struct {
			Origin struct{ File struct{ Name string } }
		}
	}
	if err := json.Unmarshal([]byte(line), &record); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	if file := record.Log.Origin.File.Name; filepath.Base(file) != "tour.go" {
		t.Errorf("log.origin names %q, want this service's tour.go: %s", file, line)
	}
	return record.Event.Action
}

var timestamp = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"`)

func checkTrail(t *testing.T, trail, dsn string) {
	const golden = "testdata/trail.txt"
	got := timestamp.ReplaceAllString(trail, `"<time>"`)
	if *update && dsn == "" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("trail is\n%s\nwant\n%s", got, want)
	}
}

func TestUnknownDSN(t *testing.T) {
	if err := run(t.Context(), io.Discard, "oracle"); err == nil {
		t.Error("an unknown DSN was accepted")
	}
}
