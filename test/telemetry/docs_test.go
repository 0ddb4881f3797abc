package telemetry

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The blocks of docs/telemetry.md that are fenced as golang need these modules, which
// test/integration/snippets, where the others are compiled, does not have: they are
// compiled here.
func TestDocumentedCodeIsCompiled(t *testing.T) {
	page, err := os.ReadFile("../../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := os.ReadFile("documented_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)\n```golang\n(.*?)```\n").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 5 {
		t.Errorf("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		if !strings.Contains(string(compiled), b[1]) {
			t.Errorf("documented_test.go does not have\n%s", b[1])
		}
	}
}

// The page lists every metric, by both names, and no other.
func TestDocumentedMetricsAreThere(t *testing.T) {
	page, err := os.ReadFile("../../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| Prometheus | OpenTelemetry | What |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)[`{].*?\\| `([a-z_.]+)` \\|").FindAllStringSubmatch(table, -1)
	if len(rows) != len(attributes) || strings.Count(table, "\n") != len(attributes) {
		t.Errorf("%d metrics in the table, %d there are", len(rows), len(attributes))
	}
	for _, row := range rows {
		prom, otel := row[1], row[2]
		is, known := attributes[otel]
		if !known || short[prom] != is.name {
			t.Errorf("%s and %s are not the same", prom, otel)
		}
	}
}
