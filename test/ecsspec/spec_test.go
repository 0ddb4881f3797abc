package ecsspec

import (
	"errors"
	"testing"
)

func TestCheckTellsGoodLinesFromBadOnes(t *testing.T) {
	spec := Load(t)
	const head = `{"@timestamp":"2024-08-20T10:18:53.049Z","log.level":"info","message":"m",`
	good := []string{
		head + `"ecs.version":"1.6.0"}`,
		`{"@timestamp":"2024-08-20T10:18:53.049Z","log.level":"info","ecs.version":"1.6.0"}`,
		head + `"ecs.version":"1.6.0","trace.id":"a","labels":{"a_b":1},"log":{"origin":{"file":{"line":3}}}}`,
	}
	for _, line := range good {
		if err := spec.Check([]byte(line + "\n")); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	bad := []string{
		head + `"ecs.version":"1.6.0"`,
		head + `"x":1}`,
		`{"log.level":"info","@timestamp":"2024-08-20T10:18:53.049Z","ecs.version":"1"}`,
		head + `"ecs":{"version":"1.6.0"}}`,
		head + `"ecs.version":"1.6.0","log":{"level":"info"}}`,
		head + `"ecs.version":"1.6.0","a":{"b":1,"b":2}}`,
		head + `"ecs.version":"1.6.0","trace":{"id":5}}`,
		head + `"ecs.version":"1.6.0","labels":{"a.b":1}}`,
		head + `"ecs.version":"1.6.0","labels":"x"}`,
		head + `"ecs.version":"1.6.0","log":{"origin":{"file":{"line":"3"}}}}`,
		head + `"ecs.version":"1.6.0","a":"` + "\xff" + `"}`,
		head + `"ecs.version":"1.6.0"}` + "\n{}",
	}
	for _, line := range bad {
		if err := spec.Check([]byte(line + "\n")); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: accepted (%v)", line, err)
		}
	}
}
