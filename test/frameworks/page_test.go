package frameworks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every Go block of docs/frameworks.md stands in a file here, where it is compiled and run.
func TestThePageIsRun(t *testing.T) {
	page, err := os.ReadFile("../../docs/frameworks.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	_, rest, more := strings.Cut(string(page), "```go\n")
	blocks := 0
	for ; more; blocks++ {
		block, after, closed := strings.Cut(rest, "```\n")
		if !closed || !strings.Contains(code.String(), block) {
			t.Errorf("this block is in no file of test/frameworks:\n%s", block)
		}
		_, rest, more = strings.Cut(after, "```go\n")
	}
	if blocks < 9 {
		t.Errorf("the page has %d blocks of Go", blocks)
	}
}
