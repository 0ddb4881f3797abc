package main

import (
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/test/ecsspec"
)

// Every record that the tour shows follows the ecs-logging specification.
func TestLinesFollowTheSpecification(t *testing.T) {
	databases(t, func(t *testing.T, dsn string) {
		spec := ecsspec.Load(t)
		var out strings.Builder
		if err := run(t.Context(), &out, dsn); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		lines := 0
		for line := range strings.Lines(out.String()) {
			if !strings.HasPrefix(line, "{") {
				continue
			}
			lines++
			if err := spec.Check([]byte(line)); err != nil {
				t.Errorf("%v\n%s", err, line)
			}
		}
		if lines < 10 {
			t.Errorf("only %d records in:\n%s", lines, out.String())
		}
	})
}
