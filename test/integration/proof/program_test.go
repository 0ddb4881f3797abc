package proof

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

const programHead = `package proof

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

var (
	_ = time.Now
	_ = uuid.New
	_ = clause.Associations
)

`

// What a failing history prints is a test that can be pasted into this package: it
// compiles, it runs, and it does what the history did.
func TestProgramsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles this package once more")
	}
	const programs = 40
	var b strings.Builder
	b.WriteString(programHead)
	calls := 0
	for i := range programs {
		dialect := []string{testdb.SQLite, testdb.Postgres, testdb.MySQL}[i%3]
		h := histories(dialect, len(ways())).Example(i)
		b.WriteString(h.test(fmt.Sprintf("TestProgram%02d", i)) + "\n")
		calls += strings.Count(h.String(), "p.do(")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "programs.go")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "programs_test.go"): file}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".json", overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	// Those for the servers are only compiled: making their tables takes long.
	out, err := exec.Command("go", "test", "-overlay", file+".json", "-run", "^TestProgram[0-9]+$/sqlite", "-v", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if ran := strings.Count(string(out), "/sqlite ("); ran != (programs+2)/3 || calls < programs {
		t.Errorf("%d programs ran; there are %d calls in all of them: %s", ran, calls, out)
	}
}
