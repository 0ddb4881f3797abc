package routing_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func decode(t *testing.T, name string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// tells checks that a matcher of logger names tells real audit lines from others.
func tells(t *testing.T, matches func(logger string) bool) {
	t.Helper()
	ordinary, trail := samples(t)
	for _, name := range trail {
		if !matches(name) {
			t.Errorf("an audit line of logger %q is missed", name)
		}
	}
	for _, name := range ordinary {
		if matches(name) {
			t.Errorf("an ordinary line of logger %q is taken", name)
		}
	}
}

func TestCloudWatch(t *testing.T) {
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties map[string]any
		}
		Parameters map[string]any
	}
	decode(t, "cloudwatch.json", &template)
	condition := regexp.MustCompile(`\$\.log\.logger = "\*([^"*]+)"`)
	patterns := 0
	for name, r := range template.Resources {
		pattern, ok := r.Properties["FilterPattern"].(string)
		if !ok {
			continue
		}
		patterns++
		m := condition.FindStringSubmatch(pattern)
		if m == nil {
			t.Errorf("%s: the pattern %q does not look at $.log.logger", name, pattern)
			continue
		}
		tells(t, func(logger string) bool { return strings.HasSuffix(logger, m[1]) })
	}
	if patterns != 2 {
		t.Errorf("%d filter patterns, want 2", patterns)
	}
	for _, ref := range regexp.MustCompile(`"Ref": "(\w+)"`).FindAllStringSubmatch(read(t, "cloudwatch.json"), -1) {
		_, resource := template.Resources[ref[1]]
		if _, parameter := template.Parameters[ref[1]]; !resource && !parameter {
			t.Errorf("%s is referred to and not there", ref[1])
		}
	}
}

func TestVector(t *testing.T) {
	type component struct {
		Inputs []string
		Route  map[string]string
	}
	var config struct{ Sources, Transforms, Sinks map[string]component }
	decode(t, "vector.json", &config)
	var outputs []string
	for name := range config.Sources {
		outputs = append(outputs, name)
	}
	for name, c := range config.Transforms {
		if c.Route == nil {
			outputs = append(outputs, name)
			continue
		}
		outputs = append(outputs, name+"._unmatched")
		for route := range c.Route {
			outputs = append(outputs, name+"."+route)
		}
	}
	for name, c := range config.Sinks {
		if len(c.Inputs) == 0 {
			t.Errorf("sink %s has no input", name)
		}
		for _, in := range c.Inputs {
			if !slices.Contains(outputs, in) {
				t.Errorf("sink %s reads %s, which nothing writes", name, in)
			}
		}
	}
	m := regexp.MustCompile(`^ends_with\(to_string\(\.log\.logger\) \?\? "", "([^"]+)"\)$`).FindStringSubmatch(config.Transforms["by_logger"].Route["audit"])
	if m == nil {
		t.Fatal("the route does not look at .log.logger")
	}
	tells(t, func(logger string) bool { return strings.HasSuffix(logger, m[1]) })
}

func TestElastic(t *testing.T) {
	var pipeline struct {
		Processors []struct {
			Reroute struct{ If, Dataset string }
		}
	}
	decode(t, "elastic-pipeline.json", &pipeline)
	var template struct {
		IndexPatterns []string `json:"index_patterns"`
		Template      struct {
			Lifecycle struct {
				Retention string `json:"data_retention"`
			}
		}
	}
	decode(t, "elastic-template.json", &template)
	if len(pipeline.Processors) != 1 || !slices.Contains(template.IndexPatterns, "logs-"+pipeline.Processors[0].Reroute.Dataset+"-*") {
		t.Fatalf("the pipeline writes where no template is: %+v, %+v", pipeline, template)
	}
	if template.Template.Lifecycle.Retention == "" {
		t.Error("the template has no retention")
	}
	m := regexp.MustCompile(`ctx\.log\.logger\.endsWith\('([^']+)'\)`).FindStringSubmatch(pipeline.Processors[0].Reroute.If)
	if m == nil {
		t.Fatal("the pipeline does not look at log.logger")
	}
	tells(t, func(logger string) bool { return strings.HasSuffix(logger, m[1]) })
}

// section is one of a classic Fluent Bit configuration.
type section struct {
	kind string
	keys map[string]string
}

func sections(t *testing.T, name string) []section {
	t.Helper()
	var out []section
	for line := range strings.Lines(read(t, name)) {
		text := strings.TrimSpace(line)
		switch {
		case text == "" || strings.HasPrefix(text, "#"):
		case strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]"):
			out = append(out, section{text[1 : len(text)-1], map[string]string{}})
		case len(out) > 0 && line[0] == ' ':
			key, value, ok := strings.Cut(text, " ")
			if _, twice := out[len(out)-1].keys[key]; !ok || twice {
				t.Fatalf("%s: %q", name, line)
			}
			out[len(out)-1].keys[key] = strings.TrimSpace(value)
		default:
			t.Fatalf("%s: %q is in no section", name, line)
		}
	}
	return out
}

func TestFluentBit(t *testing.T) {
	var parsers []string
	for _, s := range sections(t, "fluent-bit-parsers.conf") {
		parsers = append(parsers, s.keys["Name"])
	}
	matched := map[string]int{}
	for _, s := range sections(t, "fluent-bit.conf") {
		switch s.kind {
		case "INPUT":
			if !slices.Contains(parsers, s.keys["Parser"]) {
				t.Errorf("no parser %q", s.keys["Parser"])
			}
		case "FILTER":
			rule := strings.Fields(s.keys["Rule"])
			if len(rule) != 4 || rule[0] != "$log['logger']" || rule[2] != "audit.accounts" || rule[3] != "false" {
				t.Fatalf("rule is %q", rule)
			}
			tells(t, regexp.MustCompile(rule[1]).MatchString)
			if s.keys["Match"] != "accounts" {
				t.Errorf("the filter matches %q, and so perhaps what it wrote", s.keys["Match"])
			}
		case "OUTPUT":
			matched[s.keys["Match"]]++
		}
	}
	if matched["audit.*"] != 1 || matched["accounts"] != 1 {
		t.Errorf("outputs match %v", matched)
	}
}
