package summary

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAddReadWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary")
	t.Setenv(Env, file)
	Add(t, "mysql", Counts{Operations: 3, Mismatches: 1})
	Add(t, "sqlite", Counts{Operations: 2, "own": 5})
	Add(t, "sqlite", Counts{Operations: 40})
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	total, err := Read(f)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := total.Write(&b); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(b.String()), " ")
	if want := "sqlite mysql operations 42 3 mismatches - 1 own 5 -"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if wrong := total.Wrong(); len(wrong) != 1 || wrong[0] != "mysql: 1 mismatches" {
		t.Errorf("wrong is %q", wrong)
	}
}

func TestAddWithoutFile(t *testing.T) {
	t.Setenv(Env, "")
	Add(t, "sqlite", Counts{Operations: 1}) // fails the test if it tries to write
}
